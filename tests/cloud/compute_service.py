"""The nova-compute process of the cloud, killed and started again."""

from collections.abc import Iterator
import contextlib
import os
from pathlib import Path
import signal
import subprocess
import time
from typing import Any

from tests.cloud import user


class ComputeService:
    """Drives nova-compute through the cloud's supervisor."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self._control = list(facts['supervisorctl'])
        self._program = facts['nova_compute']
        self._host = facts['host']
        self._configuration = Path(facts['etc']) / 'nova/nova-compute.conf'
        self.log = Path(facts['logs']) / 'nova-compute.log'

    def control(self, action: str) -> str:
        """``supervisorctl <action> nova-compute``."""
        done = subprocess.run([*self._control, action, self._program],
                              capture_output=True, text=True, check=False)
        return done.stdout.strip()

    def pid(self) -> int:
        return int(self.control('pid'))

    def crash(self, admin: user.User) -> None:
        """SIGKILL; the supervisor starts it again, and this waits until it takes work."""
        begin, offset = time.time(), self.log.stat().st_size
        os.kill(self.pid(), signal.SIGKILL)
        self.wait_for_line('Starting compute node', offset)
        user.wait_for('nova-compute reports', lambda: self._reported_since(admin, begin))

    def restart(self, admin: user.User) -> None:
        """Stop it if it runs, start it, and wait until it takes work."""
        self.control('stop')
        begin = time.time()
        self.control('start')
        user.wait_for('nova-compute reports', lambda: self._reported_since(admin, begin))

    @contextlib.contextmanager
    def configured(self, admin: user.User, section: str, **options: str) -> Iterator[None]:
        """With other options for a while."""
        lines = [f'[{section}]', *(f'{name} = {value}' for name, value in options.items())]
        with self.amended(admin, '\n'.join([*lines, ''])):
            yield

    @contextlib.contextmanager
    def amended(self, admin: user.User, text: str) -> Iterator[None]:
        """With more lines of configuration for a while."""
        before = self._configuration.read_text()
        try:
            self._configuration.write_text(f'{before}\n{text}')
            self.restart(admin)
            yield
        finally:
            self._configuration.write_text(before)
            self.restart(admin)

    def _reported_since(self, admin: user.User, begin: float) -> bool:
        for service in admin.api.compute.services(binary='nova-compute', host=self._host):
            if service.updated_at:
                updated = time.mktime(time.strptime(
                    service.updated_at.partition('.')[0], '%Y-%m-%dT%H:%M:%S')) - time.timezone
                if updated > begin and service.state == 'up':
                    return True
        return False

    def wait_for_line(self, text: str, offset: int, timeout: float = 60) -> None:
        """Until the log has the text after the offset."""
        def found() -> bool:
            with self.log.open(errors='replace') as f:
                f.seek(offset)
                return text in f.read()
        user.wait_for(f'nova-compute logs {text!r}', found, timeout, pause=0.02)
