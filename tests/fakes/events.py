"""The fake engine's event stream."""

from collections.abc import Callable
from collections.abc import Iterator
import queue
from typing import Any

Event = dict[str, Any]


class Feed:
    """What one listener still has to hear; iterating it waits for more."""

    def __init__(self, wanted: Callable[[Event], bool]) -> None:
        self._wanted = wanted
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()

    def offer(self, event: Event) -> None:
        if self._wanted(event):
            self._events.put(event)

    def __iter__(self) -> Iterator[Event]:
        while (event := self._events.get()) is not None:
            yield event
        self._events.put(None)  # whoever iterates again finds the end, too

    def close(self) -> None:
        self._events.put(None)
