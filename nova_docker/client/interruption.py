"""Ctrl-C and SIGTERM: work stops at once, tidying up does not."""

from collections.abc import Iterator
import contextlib
import signal
import threading
import typing as ty


@contextlib.contextmanager
def also_by_sigterm() -> Iterator[None]:
    """SIGTERM does what Ctrl-C does, so that what was begun is undone."""
    with _handled(signal.SIGTERM, _interrupt):
        yield


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Whoever presses Ctrl-C twice leaves nothing half-done, either."""
    with _handled(signal.SIGINT, signal.SIG_IGN), _handled(signal.SIGTERM, signal.SIG_IGN):
        yield


def _interrupt(number: int, frame: ty.Any) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def _handled(number: signal.Signals, handler: ty.Any) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets no other thread set a handler, nor interrupts one
        return
    former = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, former)
