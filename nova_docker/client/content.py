"""The content of an image of Glance, of which only parts are fetched."""

from collections.abc import Callable
from collections.abc import Iterator
import os
import typing as ty

import requests

_PIECE = 1 << 17
# To read on over so much takes no longer than a new request.
_SMALL_GAP = 1 << 20


class Content:
    """A file to read and to seek in: a layer that is jumped over is not fetched.

    :param get: is asked for the content from an offset on; a server that knows no
        ranges may answer (200 instead of 206) with all of it
    :param size: bytes of all of it
    :param passed: is told the offset, now and then
    """

    def __init__(self, get: Callable[[int], requests.Response], size: int,
                 passed: Callable[[int], None] = lambda offset: None) -> None:
        self._get = get
        self._size = size
        self._passed = passed
        self._wanted = 0
        self._at = 0
        self._answer: requests.Response | None = None
        self._pieces: Iterator[bytes] = iter(())
        self._rest = b''

    def tell(self) -> int:
        """The offset of the next read."""
        return self._wanted

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go there with the next read."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._wanted, os.SEEK_END: self._size}[whence]
        self._wanted = start + offset
        return self._wanted

    def read(self, size: int = -1) -> bytes:
        """That many bytes, or all that are left; fewer only at the end."""
        left = max(0, self._size - self._wanted)
        size = left if size < 0 else min(size, left)
        if not size:
            return b''
        self._go()
        parts = []
        while size and (part := self._take(size)):
            parts.append(part)
            size -= len(part)
        self._wanted = self._at
        self._passed(self._at)
        return b''.join(parts)

    def close(self) -> None:
        """End the transfer."""
        if self._answer is not None:
            self._answer.close()
            self._answer = None

    def _go(self) -> None:
        """Be where the next read begins."""
        if self._answer is None or not 0 <= self._wanted - self._at <= _SMALL_GAP:
            self.close()
            self._answer = self._get(self._wanted)
            self._pieces = self._answer.iter_content(_PIECE)
            self._rest = b''
            is_part = self._answer.status_code == requests.codes.partial_content
            self._at = self._wanted if is_part else 0
        while self._at < self._wanted and self._take(self._wanted - self._at):
            self._passed(self._at)

    def _take(self, size: int) -> bytes:
        if not self._rest:
            self._rest = next(self._pieces, b'')
        part, self._rest = self._rest[:size], self._rest[size:]
        self._at += len(part)
        return part


class Stream(ty.Protocol):
    """What is used of a file that is read and sought in."""

    def read(self, size: int = -1, /) -> bytes: ...

    def seek(self, offset: int, whence: int = 0, /) -> int: ...

    def tell(self) -> int: ...
