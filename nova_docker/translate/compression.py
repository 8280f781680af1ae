"""Decompress a stream in pieces of bounded size.

``tarfile`` decompresses a whole buffer at once, so that a mebibyte which holds
gigabytes of zeros would fill the memory of nova-compute.  Here no piece is
larger than PIECE, whatever it was made from.
"""

import bz2
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
import itertools
import lzma
import typing as ty
import zlib

from nova_docker import exception

PIECE = 1 << 20
# What liblzma may allocate for a dictionary; "xz -9" needs 65 MiB.
_XZ_MEMORY = 128 << 20


class _Decompressor(ty.Protocol):
    """What the decompressors of bz2 and lzma have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    @property
    def needs_input(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    """zlib's decompressor with the interface of the other two."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._has_more = False

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._has_more

    def decompress(self, data: bytes, max_length: int) -> bytes:
        part = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        self._has_more = bool(self._zlib.unconsumed_tail) or len(part) == max_length
        return part


_FORMATS: dict[bytes, Callable[[], _Decompressor]] = {
    b'\x1f\x8b': _Gzip,
    b'BZh': bz2.BZ2Decompressor,
    b'\xfd7zXZ\0': lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY),
}
_LONGEST_MAGIC = max(map(len, _FORMATS))


def decompressed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The plain content of a stream of gzip, bzip2, xz or uncompressed data.

    :returns: pieces of at most PIECE bytes, if the content is compressed
    :raises InvalidArchive: when the compressed data is damaged or cut off
    """
    source = iter(pieces)
    head = b''
    while len(head) < _LONGEST_MAGIC and (piece := next(source, b'')):
        head += piece
    make = next((make for magic, make in _FORMATS.items() if head.startswith(magic)), None)
    rest = itertools.chain([head], source)
    if make is None:
        yield from rest
        return
    try:
        yield from _streams(rest, make)
    except (zlib.error, lzma.LZMAError, OSError, EOFError) as e:
        raise exception.InvalidArchive(reason=f'its compressed data is damaged ({e})') from e


def _streams(pieces: Iterable[bytes], make: Callable[[], _Decompressor]) -> Iterator[bytes]:
    """Decompress the streams that stand one after the other, as gzip allows."""
    current = make()
    is_inside = False
    for piece in pieces:
        left = piece
        while left:
            is_inside = True
            yield from _drained(current, left)
            left = current.unused_data
            if current.eof:
                # Zeros pad the end of an archive to the blocks of a tape.
                left = left.lstrip(b'\0')
                current, is_inside = make(), False
    if is_inside:
        raise EOFError('it ends too early')


def _drained(current: _Decompressor, data: bytes) -> Iterator[bytes]:
    """All that comes out before the decompressor needs more input."""
    while True:
        # An empty piece would look like the end to whoever reads.
        if part := current.decompress(data, PIECE):
            yield part
        if current.eof or current.needs_input:
            return
        data = b''


class Plain:
    """Takes pieces of a stream, and hands on what they are when decompressed.

    :param take: is given pieces of plain content of at most PIECE bytes
    """

    def __init__(self, take: Callable[[bytes], object]) -> None:
        self._take = take
        self._head: bytes | None = b''
        self._make: Callable[[], _Decompressor] | None = None
        self._current: _Decompressor | None = None

    def update(self, piece: bytes) -> None:
        """The next piece of the stream.

        :raises InvalidArchive: when the compressed data is damaged
        """
        if self._head is not None:
            self._head += piece
            if len(self._head) < _LONGEST_MAGIC:
                return
            piece = self._begin()
        self._feed(piece)

    def finish(self) -> None:
        """No more pieces."""
        if self._head is not None:
            self._feed(self._begin())

    def _begin(self) -> bytes:
        head, self._head = self._head or b'', None
        self._make = next((make for magic, make in _FORMATS.items() if head.startswith(magic)),
                          None)
        return head

    def _feed(self, data: bytes) -> None:
        if self._make is None:
            self._take(data)
            return
        try:
            self._decompress(data, self._make)
        except (zlib.error, lzma.LZMAError, OSError, EOFError) as e:
            raise exception.InvalidArchive(
                reason=f'the compressed data of a layer is damaged ({e})') from e

    def _decompress(self, data: bytes, make: Callable[[], _Decompressor]) -> None:
        while data:
            self._current = self._current or make()
            for part in _drained(self._current, data):
                self._take(part)
            data = b''
            if self._current.eof:
                data = self._current.unused_data.lstrip(b'\0')
                self._current = None
