"""Threads beside a stream pass all of it on, in order, and never hang."""

import hashlib
import threading

import pytest

from nova_docker import streams


def read(write, patience: float = 60) -> list[bytes]:
    with streams.Writer("test", write, patience) as pieces:
        return list(pieces)


def write_all(pieces: list[bytes]):
    return lambda pipe: [pipe.write(piece) for piece in pieces]


def test_pieces_come_in_order():
    pieces = [str(n).encode() for n in range(1000)]
    assert read(write_all(pieces)) == pieces


def test_what_the_writer_raises_comes_after_its_pieces():
    def write(pipe: streams.Pipe) -> None:
        pipe.write(b"first")
        raise KeyError("broken")

    with streams.Writer("test", write, 60) as pieces:
        assert next(pieces) == b"first"
        with pytest.raises(KeyError, match="broken"):
            next(pieces)


def test_a_writer_waits_for_its_reader():
    written = []
    full, go_on = threading.Event(), threading.Event()

    def write(pipe: streams.Pipe) -> None:
        for number in range(100):
            if number == streams._DEPTH:
                full.set()
                go_on.wait(60)
            pipe.write(b"x")
            written.append(number)

    with streams.Writer("test", write, 60) as pieces:
        assert full.wait(60)
        assert len(written) == streams._DEPTH
        go_on.set()
        assert len(list(pieces)) == 100


def test_a_writer_whose_reader_has_gone_ends():
    ended = threading.Event()

    def write(pipe: streams.Pipe) -> None:
        try:
            while True:
                pipe.write(b"x")
        finally:
            ended.set()

    with streams.Writer("test", write, 60) as pieces:
        next(pieces)
    assert ended.wait(60)


def test_a_silent_writer_is_given_up():
    never = threading.Event()
    with pytest.raises(streams.Silence):
        read(lambda pipe: never.wait(60), patience=0.01)
    never.set()


@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_a_hash_is_that_of_hashlib(count: int):
    pieces = [bytes([n]) * 10_000 for n in range(count)]
    mine = streams.Sha256()
    for piece in pieces:
        mine.update(piece)
    assert mine.hexdigest() == hashlib.sha256(b"".join(pieces)).hexdigest()
    assert mine.hexdigest() == mine.hexdigest()


def test_an_abandoned_hash_leaves_no_thread():
    before = set(threading.enumerate())
    mine = streams.Sha256()
    for _ in range(3):
        mine.update(b"x")
    (beside,) = set(threading.enumerate()) - before
    del mine
    beside.join(60)
    assert not beside.is_alive()
