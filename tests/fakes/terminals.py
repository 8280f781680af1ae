"""Terminals of the fake engine: nobody types, and only ``echo`` says anything."""

import itertools
import posixpath
import queue
import uuid

_pids = itertools.count(2**22 + 1_000_001)


class FakeTerminal:
    """See :class:`nova_docker.engine.terminals.Terminal`."""

    def __init__(self) -> None:
        self._output: queue.Queue[bytes] = queue.Queue()
        self.written = b""

    def read(self) -> bytes:
        data = self._output.get()
        if not data:
            # The end is read again and again.
            self._output.put(data)
        return data

    def say(self, data: bytes) -> None:
        """Let the program print; nothing is its end."""
        self._output.put(data)

    def write(self, data: bytes) -> None:
        self.written += data

    def hang_up(self) -> None:
        self.say(b"")

    close = hang_up


class Exec:
    """A command in a container: ``echo`` ends at once, every other one never."""

    def __init__(self, command: list[str]) -> None:
        self.id = uuid.uuid4().hex + uuid.uuid4().hex
        self.pid: int | None = None
        self._command = command

    def start(self) -> FakeTerminal:
        terminal = FakeTerminal()
        program, *arguments = self._command
        if posixpath.basename(program) == "echo":
            terminal.say(" ".join(arguments).encode() + b"\r\n")
            terminal.hang_up()
        else:
            self.pid = next(_pids)
        return terminal
