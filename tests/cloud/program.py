"""The programs of the cloud: killed, held still, or run with other options for a while."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import datetime
import os
from pathlib import Path
import signal
import subprocess
import time
from typing import Any

from openstack import exceptions

from tests.cloud import user


class Program:
    """Drives one through the cloud's supervisor.

    :param name: the supervisor's for it, and its log's
    :param configuration: its file, in the folder of the cloud's configuration
    :param works: whether it does its work, started after that second since the epoch
    """

    def __init__(self, facts: dict[str, Any], name: str, configuration: str = '',
                 works: Callable[[float], bool] = lambda since: True) -> None:
        self._control = list(facts['supervisorctl'])
        self._name = name
        self._configuration = Path(facts['etc']) / configuration
        self._works = works
        self.log = Path(facts['logs']) / f'{name}.log'

    def control(self, action: str) -> str:
        """``supervisorctl <action> <name>``."""
        done = subprocess.run([*self._control, action, self._name],
                              capture_output=True, text=True, check=False)
        return done.stdout.strip()

    def pid(self) -> int:
        return int(self.control('pid'))

    def kill(self) -> None:
        """SIGKILL; the supervisor starts it again."""
        os.kill(self.pid(), signal.SIGKILL)

    def crash(self) -> None:
        """Kill it, and wait until it works again."""
        self.kill()
        self._wait_for_work(time.time())

    def restart(self) -> None:
        """Stop it if it runs, start it, and wait until it works."""
        self.control('stop')
        begin = time.time()
        self.control('start')
        self._wait_for_work(begin)

    def _wait_for_work(self, begin: float) -> None:
        user.wait_for(f'{self._name} works', lambda: self._works(begin))

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """It does nothing, as one that hangs, until the end of the body."""
        pid = self.pid()
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @contextlib.contextmanager
    def configured(self, section: str, **options: str) -> Iterator[None]:
        """With other options for a while."""
        lines = [f'[{section}]', *(f'{name} = {value}' for name, value in options.items())]
        with self.amended('\n'.join([*lines, ''])):
            yield

    @contextlib.contextmanager
    def amended(self, text: str) -> Iterator[None]:
        """With more lines of configuration for a while."""
        before = self._configuration.read_text()
        try:
            self._configuration.write_text(f'{before}\n{text}')
            self.restart()
            yield
        finally:
            self._configuration.write_text(before)
            self.restart()

    def logged(self, offset: int) -> str:
        """What it has logged after the offset."""
        with self.log.open(errors='replace') as f:
            f.seek(offset)
            return f.read()

    def wait_for_line(self, text: str, offset: int, timeout: float = 60) -> None:
        """Until the log has the text after the offset."""
        user.wait_for(f'{self._name} logs {text!r}', lambda: text in self.logged(offset),
                      timeout, pause=0.02)


def nova_compute(facts: dict[str, Any], admin: user.User) -> Program:
    """It works when it reports."""
    def reports(since: float) -> bool:
        service = next(iter(admin.api.compute.services(binary='nova-compute',
                                                       host=facts['host'])))
        return (service.state == 'up' and bool(service.updated_at)
                and _seconds(service.updated_at) > since)
    return Program(facts, facts['nova_compute'], 'nova/nova-compute.conf', reports)


def nova_api(facts: dict[str, Any], admin: user.User) -> Program:
    """It works when it answers."""
    def answers(_: float) -> bool:
        try:
            return bool(next(admin.api.compute.flavors(limit=1), None))
        except (exceptions.SDKException, OSError):
            return False
    return Program(facts, 'nova-api', 'nova/nova.conf', answers)


def ovs_agent(facts: dict[str, Any], admin: user.User) -> Program:
    """It works when it has told Neutron that it was started; Neutron notes whole seconds."""
    def has_reported(since: float) -> bool:
        agent = next(iter(admin.api.network.agents(binary='neutron-openvswitch-agent')))
        return _seconds(agent.started_at) >= int(since)
    return Program(facts, 'neutron-ovs-agent', 'neutron/openvswitch_agent.ini', has_reported)


def _seconds(moment: str) -> float:
    """Since the epoch, of what an API says in UTC without saying so."""
    return datetime.datetime.fromisoformat(moment).replace(tzinfo=datetime.UTC).timestamp()
