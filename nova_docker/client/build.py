"""What an engine tells of a build, and which step failed."""

import collections
import re
import typing as ty

from osc_lib import exceptions

from nova_docker.client import progress as client_progress
from nova_docker.client import text

# Of a failed step's output, the last.
_LINES = 100
_STEP = re.compile(r'Step \d+/\d+ : ')


class Steps:
    """Follows a build; call it with every line that the engine reports."""

    def __init__(self, progress: client_progress.Progress) -> None:
        self._progress = progress
        self._step = ''
        self._output: collections.deque[str] = collections.deque(maxlen=_LINES)
        self._rest = ''

    def __call__(self, line: dict[str, ty.Any]) -> None:
        """:raises CommandError: the line is an error"""
        if 'error' in line:
            self._fail(str(line['error']))
        if 'stream' in line:
            *whole, self._rest = (self._rest + line['stream']).split('\n')
            for part in whole:
                self._add(part)
        elif 'status' in line:
            self._progress.update(' '.join(
                str(line[key]) for key in ('status', 'id', 'progress') if line.get(key)))

    def _add(self, line: str) -> None:
        if _STEP.match(line):
            self._step = line
            self._output.clear()
        if line.strip():
            self._output.append(line)
            self._progress.say(line)

    def _fail(self, reason: str) -> None:
        self._add(self._rest)
        self._progress.clear()
        self._progress.explain(self._output)
        where = f'{self._step} failed' if self._step else 'The build failed'
        raise exceptions.CommandError(text.line(
            f'{where}: {reason}', 'Correct the Dockerfile and build again.'))
