"""Work on a stream of bytes in threads beside whoever reads it.

Downloading, hashing and handing to the engine each keep a CPU or a socket busy,
and each lets other threads run meanwhile; one after the other they would take
as long as all of them together.
"""

import collections
from collections.abc import Callable
from collections.abc import Iterator
import hashlib
import threading
import types
import typing as ty

# Pieces that wait; with pieces of 1 MiB this bounds what a download holds.
_DEPTH = 4


class Abandoned(Exception):
    """Nobody reads any more."""


class Silence(Exception):
    """Nothing came for too long."""


class Pipe:
    """Pieces from one thread to another, a few at most on their way.

    What goes in looks like a file that is written.

    :param patience: seconds that the reader waits for a piece; None is for ever
    """

    def __init__(self, patience: float | None) -> None:
        self._patience = patience
        self._pieces: collections.deque[bytes] = collections.deque()
        self._changed = threading.Condition()
        self._is_over = False
        self._is_abandoned = False
        self._failure: BaseException | None = None

    def write(self, piece: bytes) -> None:
        """:raises Abandoned: the reader has gone"""
        with self._changed:
            self._changed.wait_for(lambda: len(self._pieces) < _DEPTH or self._is_abandoned)
            if self._is_abandoned:
                raise Abandoned
            self._pieces.append(piece)
            self._changed.notify_all()

    def truncate(self, size: int) -> None:
        """Nova empties the file of an image whose signature is wrong."""

    def end(self, failure: BaseException | None = None) -> None:
        """The writer has written all, or failed."""
        with self._changed:
            self._is_over, self._failure = True, failure
            self._changed.notify_all()

    def abandon(self) -> None:
        """The reader goes."""
        with self._changed:
            self._is_abandoned = True
            self._pieces.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[bytes]:
        """The pieces.

        :raises Silence: none came in time
        """
        while True:
            with self._changed:
                if not self._changed.wait_for(
                        lambda: self._pieces or self._is_over, self._patience):
                    raise Silence(f'nothing came for {self._patience} s')
                if not self._pieces:
                    break
                piece = self._pieces.popleft()
                self._changed.notify_all()
            yield piece
        if self._failure is not None:
            raise self._failure


class Writer:
    """Runs a function that writes into a pipe, in a thread; iterate it to read.

    :param write: is given the pipe
    :param patience: seconds that the reader waits for a piece
    """

    def __init__(self, name: str, write: Callable[[Pipe], object], patience: float) -> None:
        self._pipe = Pipe(patience)
        self._write = write
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def _run(self) -> None:
        try:
            self._write(self._pipe)
        except Abandoned:
            self._pipe.end()
        except BaseException as e:  # noqa: BLE001  raised again where it is read
            self._pipe.end(e)
        else:
            self._pipe.end()

    def __enter__(self) -> Iterator[bytes]:
        self._thread.start()
        return iter(self._pipe)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: types.TracebackType | None) -> None:
        # Not joined: it may hang in a read that no piece will ever end.
        self._pipe.abandon()


class Sha256:
    """A SHA-256 of long content, made in a thread; of short content, at once."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256()
        self._beside: tuple[Pipe, threading.Thread] | None = None
        self._is_long = False

    def update(self, data: bytes, /) -> None:
        """The next piece; not copied, so it must not change."""
        if self._beside is None and self._is_long:
            self._beside = self._start()
        if self._beside is None:
            self._sum.update(data)
            self._is_long = True
        else:
            self._beside[0].write(data)

    def _start(self) -> tuple[Pipe, threading.Thread]:
        pipe = Pipe(patience=None)
        thread = threading.Thread(target=_add_all, args=(self._sum, pipe), name='image-sha256',
                                  daemon=True)
        thread.start()
        return pipe, thread

    def hexdigest(self) -> str:
        """Of all content; nothing can be added any more."""
        if self._beside is not None:
            pipe, thread = self._beside
            pipe.end()
            thread.join()
            self._beside = None
        return self._sum.hexdigest()

    def __del__(self) -> None:
        """An archive that is refused half-way leaves no thread."""
        if self._beside is not None:
            self._beside[0].abandon()
            self._beside[0].end()


def _add_all(total: ty.Any, pipe: Pipe) -> None:
    for piece in pipe:
        total.update(piece)
