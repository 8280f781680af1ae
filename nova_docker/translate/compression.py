"""Decompress a stream in pieces of bounded size.

``tarfile`` decompresses a whole buffer at once, so that a mebibyte which holds
gigabytes of zeros would fill the memory of nova-compute.  Here no piece is
larger than PIECE, whatever it was made from.
"""

import bz2
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
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
_ZSTD = b'\x28\xb5\x2f\xfd'
LONGEST_MAGIC = max(map(len, _FORMATS))


class Inflater:
    """Takes a stream in pieces and gives its plain content in pieces.

    A stream that is not compressed comes out as it went in.

    :param what: the stream, for the messages: "it", "its layer x"
    """

    def __init__(self, what: str = 'it') -> None:
        self._what = what
        self._head: bytes | None = b''
        self._make: Callable[[], _Decompressor] | None = None
        self._current: _Decompressor | None = None

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """What comes out for the next piece: pieces of at most PIECE bytes, if
        the stream is compressed.

        :raises InvalidArchive: when the compressed data is damaged
        """
        if self._head is not None:
            self._head += piece
            if len(self._head) < LONGEST_MAGIC:
                return
            piece = self._begin()
        yield from self._plain(piece)

    def finish(self) -> Iterator[bytes]:
        """What is left at the end.

        :raises InvalidArchive: when the compressed data is cut off
        """
        if self._head:
            yield from self._plain(self._begin())
        if self._current is not None:
            raise self._damaged('it ends too early')

    def _begin(self) -> bytes:
        head, self._head = self._head or b'', None
        if head.startswith(_ZSTD):
            raise exception.InvalidArchive(
                reason=f'{self._what} is compressed with zstd; use gzip, bzip2 or xz')
        self._make = next((make for magic, make in _FORMATS.items() if head.startswith(magic)),
                          None)
        return head

    def _plain(self, data: bytes) -> Iterator[bytes]:
        if self._make is None:
            if data:
                yield data
            return
        try:
            yield from self._streams(data, self._make)
        except (zlib.error, lzma.LZMAError, OSError, EOFError) as e:
            raise self._damaged(str(e)) from e

    def _streams(self, data: bytes, make: Callable[[], _Decompressor]) -> Iterator[bytes]:
        """Decompress the streams that stand one after the other, as gzip allows."""
        while data:
            self._current = self._current or make()
            yield from _drained(self._current, data)
            data = b''
            if self._current.eof:
                # Zeros pad the end of an archive to the blocks of a tape.
                data = self._current.unused_data.lstrip(b'\0')
                self._current = None

    def _damaged(self, why: str) -> exception.InvalidArchive:
        return exception.InvalidArchive(
            reason=f'the compressed data of {self._what} is damaged ({why})'
            if self._what != 'it' else f'its compressed data is damaged ({why})')


def decompressed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The plain content of a stream of gzip, bzip2, xz or uncompressed data.

    :returns: pieces of at most PIECE bytes, if the content is compressed
    :raises InvalidArchive: when the compressed data is damaged or cut off
    """
    inflater = Inflater()
    for piece in pieces:
        yield from inflater.feed(piece)
    yield from inflater.finish()


def is_compressed(head: bytes) -> bool:
    """Whether a stream that begins so is compressed.

    :param head: at least LONGEST_MAGIC bytes, if there are so many
    """
    return head.startswith((*_FORMATS, _ZSTD))


def _drained(current: _Decompressor, data: bytes) -> Iterator[bytes]:
    """All that comes out before the decompressor needs more input."""
    while True:
        # An empty piece would look like the end to whoever reads.
        if part := current.decompress(data, PIECE):
            yield part
        if current.eof or current.needs_input:
            return
        data = b''
