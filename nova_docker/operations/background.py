"""One piece of work beside the caller's."""

from collections.abc import Callable
import threading
import typing as ty

from nova import context as nova_context

T = ty.TypeVar('T')


class Background(ty.Generic[T]):
    """Runs a function in a thread of its own and keeps what came out.

    Nova's shared pools are not used: one long download in each of their
    threads would keep Neutron's allocations, which run there too, from
    starting.  Under eventlet the thread is a green one.
    """

    def __init__(self, name: str, context: nova_context.RequestContext,
                 work: Callable[[], T]) -> None:
        self._context = context
        self._work = work
        self._outcome: list[T] = []
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        # So that the log lines of the thread carry the request's id.
        self._context.update_store()
        try:
            self._outcome.append(self._work())
        except BaseException as e:  # noqa: BLE001  raised again where it is asked for
            self._failure = e

    def raise_if_failed(self) -> None:
        """Raise the work's error if it failed already; do not wait."""
        if self._failure is not None:
            raise self._failure

    def wait(self) -> None:
        """Wait for the end, whatever it is."""
        self._thread.join()

    def result(self) -> T:
        """Wait for the work and return its result or raise its error."""
        self.wait()
        self.raise_if_failed()
        return self._outcome[0]
