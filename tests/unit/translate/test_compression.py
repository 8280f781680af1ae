"""Decompression bounds its memory, whatever a tenant has compressed."""

import bz2
from collections.abc import Iterator
import gzip
import lzma

import pytest

from nova_docker import exception
from nova_docker.translate import compression
from tests import archives

FORMATS = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress}
all_formats = pytest.mark.parametrize("compress", FORMATS.values(), ids=FORMATS)


def plain(content: bytes, piece: int = 4096) -> bytes:
    return b"".join(compression.decompressed(archives.pieces(content, piece)))


@all_formats
def test_no_piece_is_larger_than_the_limit(compress):
    bomb = compress(bytes(64 << 20))
    sizes = [len(piece) for piece in compression.decompressed([bomb])]
    assert sum(sizes) == 64 << 20
    assert max(sizes) <= compression.PIECE


@all_formats
@pytest.mark.parametrize("piece", [1, 5, 4096])
def test_the_size_of_the_pieces_does_not_matter(compress, piece):
    assert plain(compress(b"layer" * 1000), piece) == b"layer" * 1000


@all_formats
def test_streams_one_after_the_other_are_one_content(compress):
    assert plain(compress(b"a" * 5000) + compress(b"b" * 5000)) == b"a" * 5000 + b"b" * 5000


@all_formats
def test_padding_with_zeros_at_the_end_is_no_damage(compress):
    assert plain(compress(b"a" * 5000) + bytes(1024)) == b"a" * 5000


@all_formats
def test_a_stream_that_is_cut_off_is_refused(compress):
    with pytest.raises(exception.InvalidArchive, match="ends too early"):
        plain(compress(bytes(range(256)) * 40)[:-5])


@all_formats
def test_garbage_behind_the_magic_is_refused(compress):
    with pytest.raises(exception.InvalidArchive, match="compressed data is damaged"):
        plain(compress(b"a" * 5000)[:6] + b"\xff" * 5000)


def test_an_xz_dictionary_that_would_fill_the_memory_is_refused():
    huge = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 28}]
    try:
        content = lzma.compress(b"a" * 5000, filters=huge)
    except MemoryError:
        pytest.skip("this machine cannot make such a stream")
    with pytest.raises(exception.InvalidArchive, match="damaged"):
        plain(content)


def test_what_is_not_compressed_passes_as_it_is():
    assert plain(b"plain") == b"plain"
    assert plain(b"") == b""


def test_nothing_is_read_ahead_of_need():
    taken = []

    def source() -> Iterator[bytes]:
        for piece in archives.pieces(gzip.compress(bytes(1000)) * 100, 50):
            taken.append(piece)
            yield piece

    next(compression.decompressed(source()))
    assert len(taken) == 1
