"""Steps that can be taken back."""

from collections.abc import Callable
import types
import typing as ty

from oslo_log import log as logging

LOG = logging.getLogger(__name__)


class UndoStack:
    """Takes back, last first, what was pushed, if the ``with`` body fails."""

    def __init__(self, instance: ty.Any) -> None:
        self._instance = instance
        self._actions: list[tuple[str, Callable[[], object]]] = []

    def push(self, what: str, action: Callable[[], object]) -> None:
        """Remember how to take a step back; pushed before the step is made,
        because a step that fails may have done half of its work.

        :param what: for the log: 'remove the sandbox'
        :param action: must succeed when there is nothing to take back
        """
        self._actions.append((what, action))

    def __enter__(self) -> 'UndoStack':
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: types.TracebackType | None) -> None:
        if error is None:
            return
        for what, action in reversed(self._actions):
            self._take_back(what, action)

    def _take_back(self, what: str, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception:  # the first error is the one to be raised
            LOG.exception('After a failure, could not %s; it is tried again when the instance '
                          'is deleted, the engine returns, or nova-compute starts',
                          what, instance=self._instance)
