"""The nova-compute process of the cloud: its memory, and what it logs."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import json
from pathlib import Path
import re
import subprocess
import time
from typing import Any

from aio import layout

from bench import spawn_log

_PATIENCE = 600


class Compute:
    """See the module."""

    def __init__(self, where: layout.Layout) -> None:
        facts = json.loads(where.facts.read_text())
        self._log = Path(facts['logs']) / 'nova-compute.log'
        self._pid = subprocess.run(
            [*facts['supervisorctl'], 'pid', facts['nova_compute']], check=True,
            capture_output=True, text=True).stdout.strip()

    def steps(self, boot: Callable[[], Any]) -> dict[str, float]:
        """Seconds of the steps of the one boot that happens in the call."""
        offset = self._log.stat().st_size
        boot()
        return spawn_log.boots(self._log, offset)[-1]

    def wait_until_logged(self, text: str, offset: int) -> None:
        """:param offset: of the log, from :meth:`logged`

        :raises RuntimeError: it is not there in time
        """
        end = time.monotonic() + _PATIENCE
        with self._log.open(errors='replace') as log:
            log.seek(offset)
            kept = ''
            while text not in kept:
                if time.monotonic() > end:
                    raise RuntimeError(f'nova-compute does not log {text!r}')
                time.sleep(0.05)
                kept = kept.rpartition('\n')[2] + log.read()

    def logged(self) -> int:
        """Bytes of the log."""
        return self._log.stat().st_size

    @contextlib.contextmanager
    def growth(self, series: list[float]) -> Iterator[None]:
        """Append the MiB by which the peak in the body exceeds the memory before."""
        process = Path('/proc', self._pid)
        (process / 'clear_refs').write_text('5')  # the peak begins anew
        before = self._status('VmRSS')
        yield
        series.append((self._status('VmHWM') - before) / 1024)

    def _status(self, key: str) -> int:
        text = Path('/proc', self._pid, 'status').read_text()
        return int(re.findall(rf'^{key}:\s+(\d+) kB', text, re.MULTILINE)[0])
