"""What every request to the fake engine has in common."""

from collections.abc import Callable
import functools
from typing import Any
from typing import Concatenate
from typing import ParamSpec
from typing import TypeVar

from nova_docker import exception

P = ParamSpec("P")
T = TypeVar("T")
Verb = Callable[Concatenate[Any, P], T]


def verb(method: Verb[P, T]) -> Verb[P, T]:
    """A request to the engine: recorded, one at a time, and able to fail."""

    @functools.wraps(method)
    def request(self: Any, *args: P.args, **kwargs: P.kwargs) -> T:
        name = method.__name__
        self.calls.append((name, *args))
        with self._lock:
            if self.down:
                raise exception.EngineUnavailable(
                    url=self.url, action=name, reason="ConnectionRefusedError: refused")
            if self._failures[name]:
                raise self._failures[name].popleft()
            return method(self, *args, **kwargs)

    return request
