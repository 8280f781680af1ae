"""A snapshot's stream reaches Glance in chunks that cost little."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from nova_docker import uploads


@given(st.lists(st.binary(max_size=9), max_size=30), st.integers(1, 12))
def test_pieces_are_gathered_to_the_size_that_is_asked_for(pieces: list[bytes], size: int):
    stream = uploads._Stream(pieces)
    read = list(iter(lambda: stream.read(size), b""))
    assert b"".join(read) == b"".join(pieces)
    assert stream.size == len(b"".join(pieces))
    assert max(map(len, read), default=0) <= max(size, *map(len, pieces), 0)
    assert all(len(one) + len(other) > size for one, other in itertools.pairwise(read))
