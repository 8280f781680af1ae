"""A line for each step with its time, and a failure that says how to go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
import sys
import time

LOG_LINES = 25


class Failure(Exception):
    """Something that the person at the keyboard has to know about.

    :param message: what went wrong, in one sentence
    :param log: the file whose end tells more
    :param fix: what to do about it
    """

    def __init__(self, message: str, *, log: Path | None = None, fix: str = '') -> None:
        super().__init__(message)
        self.message = message
        self.log = log
        self.fix = fix

    def report(self) -> str:
        """The message, the end of the log and the fix."""
        parts = [self.message]
        if self.log and self.log.exists():
            lines = self.log.read_text(errors='replace').splitlines()[-LOG_LINES:]
            parts += [f'-- the end of {self.log}', *(f'   {line}' for line in lines)]
        if self.fix:
            parts.append(f'fix: {self.fix}')
        return '\n'.join(parts)


class Steps:
    """Prints what is being done and how long it took."""

    def __init__(self, quiet: bool, started: float | None = None) -> None:
        self.quiet = quiet
        self.started = time.time() if started is None else started

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """One line: the title when it begins, the seconds when it is done."""
        begin = time.time()
        self._print(f'{begin - self.started:7.1f} s  {title:<58}')
        try:
            yield
        except Failure:
            self._print(' FAILED\n')
            raise
        except Exception as error:
            self._print(' FAILED\n')
            raise Failure(f'{title}: {type(error).__name__}: {error}') from error
        self._print(f'{time.time() - begin:6.1f} s\n')

    def say(self, text: str = '') -> None:
        self._print(f'{text}\n')

    def _print(self, text: str) -> None:
        if not self.quiet:
            sys.stdout.write(text)
            sys.stdout.flush()
