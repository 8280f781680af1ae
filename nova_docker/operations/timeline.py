"""How long each step of an operation took."""

from collections.abc import Iterator
import contextlib
import time


class Timeline:
    """Durations of named steps, in seconds, in the order they were measured."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._steps: dict[str, float] = {}

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure the body; a name used twice adds up."""
        begin = time.monotonic()
        try:
            yield
        finally:
            self.add(name, time.monotonic() - begin)

    def add(self, name: str, seconds: float) -> None:
        """Add to a step that was measured elsewhere."""
        self._steps[name] = self._steps.get(name, 0.0) + seconds

    def elapsed(self) -> float:
        """Seconds since the timeline was made."""
        return time.monotonic() - self._start

    def __str__(self) -> str:
        return ', '.join(f'{name} {seconds:.3f}' for name, seconds in self._steps.items())
