"""Waits for a condition, and says what was waited for when it does not come."""

from collections.abc import Callable
from pathlib import Path
import time

from aio.step import Failure


def until(condition: Callable[[], bool], what: str, *, seconds: float, log: Path | None = None,
          fix: str = '', pause: float = 0.1) -> None:
    """Try ``condition`` until it is true.

    An exception counts as "not yet": a service that is starting refuses connections
    and answers with errors.  The last one is in the failure's message.  A Failure is
    final.
    """
    deadline = time.monotonic() + seconds
    reason = ''
    while True:
        try:
            if condition():
                return
            reason = ''
        except Failure:
            raise
        except Exception as error:  # noqa: BLE001 - reported below
            reason = f' (last answer: {error})'
        if time.monotonic() > deadline:
            raise Failure(f'after {seconds:.0f} s: {what}{reason}', log=log, fix=fix)
        time.sleep(pause)
