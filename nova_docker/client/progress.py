"""What a person who waits sees: on a terminal only, so that scripts see nothing."""

from collections.abc import Iterable
from collections.abc import Iterator
import shutil
import sys
import time
import typing as ty

_PAUSE = 0.2
_CLEAR = '\r\x1b[K'


class Progress:
    """Lines that stay, and one that is written over.

    :param stream: the standard error of the command
    """

    def __init__(self, stream: ty.TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self.is_shown = self._stream.isatty()
        self._written = 0.0
        self._is_dirty = False

    def say(self, line: str) -> None:
        """A line that stays."""
        if self.is_shown:
            self.clear()
            self._stream.write(f'{line}\n')
            self._stream.flush()

    def update(self, line: str) -> None:
        """Write over the last line, not too often."""
        now = time.monotonic()
        if not self.is_shown or now - self._written < _PAUSE:
            return
        self._written, self._is_dirty = now, True
        width = shutil.get_terminal_size().columns
        self._stream.write(f'{_CLEAR}{line[:width - 1]}')
        self._stream.flush()

    def clear(self) -> None:
        """Take the last line away."""
        if self._is_dirty:
            self._is_dirty = False
            self._stream.write(_CLEAR)
            self._stream.flush()

    def explain(self, lines: Iterable[str]) -> None:
        """What led to a failure: shown wherever nobody has seen it."""
        if not self.is_shown:
            for line in lines:
                self._stream.write(f'{line}\n')
            self._stream.flush()

    def counted(self, pieces: Iterable[bytes], what: str, total: int = 0) -> Iterator[bytes]:
        """The pieces, while their sum is shown.

        :param total: bytes to expect, if that is known
        """
        done = 0
        for piece in pieces:
            yield piece
            done += len(piece)
            self.update(f'{what}: {size(done)}' + (f' of about {size(total)}' if total else ''))
        self.clear()


class Pull:
    """The progress of a pull, whose layers come side by side."""

    def __init__(self, progress: Progress, reference: str) -> None:
        self._progress = progress
        self._reference = reference
        self._layers: dict[str, tuple[int, int]] = {}

    def __call__(self, line: dict[str, ty.Any]) -> None:
        """One line that the engine reports."""
        detail = line.get('progressDetail') or {}
        if line.get('status') == 'Downloading' and detail.get('total'):
            self._layers[str(line.get('id'))] = (detail['current'], detail['total'])
        done, total = (sum(column) for column in zip(*self._layers.values(), strict=True)) \
            if self._layers else (0, 0)
        self._progress.update(
            f'Pulling {self._reference}' + (f': {size(done)} of {size(total)}' if total else ''))


def size(count: float) -> str:
    """Bytes as a person reads them."""
    for unit in ('B', 'KiB', 'MiB'):
        if count < 1024:
            return f'{count:.0f} {unit}'
        count /= 1024
    return f'{count:.1f} GiB'
