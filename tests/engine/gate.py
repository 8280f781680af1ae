"""A socket in front of the engine that can be shut, as if the engine had died."""

from collections.abc import Iterator
import contextlib
from pathlib import Path
import socket
import threading


class Gate:
    """Passes bytes between a socket of its own and the engine's."""

    def __init__(self, engine_url: str, path: Path) -> None:
        self._target = engine_url.removeprefix("unix://")
        self._path = path
        self._open: list[socket.socket] = []
        self.reopen()

    def reopen(self) -> None:
        """Accept connections; no error when it does already."""
        if self._path.exists():
            return
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def shut(self) -> None:
        """Refuse new connections and break those that are open."""
        self._path.unlink(missing_ok=True)
        self._listener.close()
        for end in self._open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return  # shut
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(self._target)
            self._open += [client, engine]
            for source, sink in ((client, engine), (engine, client)):
                threading.Thread(target=_pass, args=(source, sink), daemon=True).start()


def _pass(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def opened(engine_url: str, path: Path) -> Iterator[Gate]:
    gate = Gate(engine_url, path)
    try:
        yield gate
    finally:
        gate.shut()
