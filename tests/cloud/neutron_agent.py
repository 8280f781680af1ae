"""Neutron's Open vSwitch agent, held still for a while, or run with other options."""

from collections.abc import Iterator
import contextlib
import os
from pathlib import Path
import signal
import subprocess
from typing import Any

from tests.cloud import user

PROGRAM = 'neutron-ovs-agent'
BINARY = 'neutron-openvswitch-agent'


class Agent:
    """Drives the agent through the cloud's supervisor."""

    def __init__(self, facts: dict[str, Any], admin: user.User) -> None:
        self._control = list(facts['supervisorctl'])
        self._configuration = Path(facts['etc']) / 'neutron/openvswitch_agent.ini'
        self._admin = admin

    def _supervise(self, action: str) -> str:
        done = subprocess.run([*self._control, action, PROGRAM],
                              capture_output=True, text=True, check=False)
        return done.stdout.strip()

    def record(self) -> Any:
        """What Neutron knows of it."""
        return next(iter(self._admin.api.network.agents(binary=BINARY)))

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """It does nothing, as one that hangs, until the end of the body."""
        pid = int(self._supervise('pid'))
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def restart(self) -> None:
        """Start it anew, and wait until Neutron has heard of that."""
        before = self.record().started_at
        self._supervise('restart')
        user.wait_for('the agent reports', lambda: self.record().started_at != before)

    @contextlib.contextmanager
    def configured(self, section: str, **options: str) -> Iterator[None]:
        """With other options for a while."""
        before = self._configuration.read_text()
        lines = [f'[{section}]', *(f'{name} = {value}' for name, value in options.items())]
        try:
            self._configuration.write_text('\n'.join([before, *lines, '']))
            self.restart()
            yield
        finally:
            self._configuration.write_text(before)
            self.restart()
