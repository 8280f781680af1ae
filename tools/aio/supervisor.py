"""supervisord and the programs it keeps, through its XML-RPC interface.

https://supervisord.org/api.html
"""

from collections.abc import Iterable
import http.client
import os
from pathlib import Path
import socket
from typing import Any
import xmlrpc.client

from aio import program
from aio import wait
from aio.layout import Layout
from aio.step import Failure

ALIVE = {'RUNNING', 'STARTING', 'BACKOFF'}
STATE_VARIABLE = 'AIO_STATE'


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__('localhost', timeout=180)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def make_connection(self, host: Any) -> _UnixConnection:
        return _UnixConnection(self.path)


class Supervisor:
    """One supervisord, whether it runs or not."""

    def __init__(self, layout: Layout, venv: Path) -> None:
        self.layout = layout
        self.venv = venv
        self.socket = layout.run / 'supervisor.sock'
        self.configuration = layout.etc / 'supervisord.conf'
        proxy = xmlrpc.client.ServerProxy('http://localhost',
                                          transport=_UnixTransport(self.socket))
        self.rpc: Any = proxy.supervisor

    def alive(self) -> bool:
        """Whether supervisord answers."""
        try:
            self.rpc.getState()
        except OSError:
            return False
        return True

    def command(self) -> list[str]:
        """How a person, or a test, asks supervisord for something."""
        return [str(self.venv / 'bin/supervisorctl'), '-c', str(self.configuration)]

    def start_or_reload(self) -> None:
        """Start supervisord, or have it take in a new configuration.

        Programs whose configuration changed are stopped, as are those that are gone;
        start() starts them anew.
        """
        if not self.alive():
            self._start()
            return
        added, changed, removed = self.rpc.reloadConfig()[0]
        self.stop([*changed, *removed])
        for name in [*changed, *removed]:
            self.rpc.removeProcessGroup(name)
        for name in [*added, *changed]:
            self.rpc.addProcessGroup(name)

    def _start(self) -> None:
        log = self.layout.log / 'supervisord.log'
        # Nothing of the caller's environment: the services get what is in
        # supervisord.conf, whoever starts them.
        program.run(['env', '-i', f'{STATE_VARIABLE}={self.layout.state}', 'SPT_NOENV=1',
                     f'PATH={os.defpath}', self.venv / 'bin/supervisord', '-c',
                     self.configuration], log=log)
        wait.until(self.alive, 'supervisord does not answer', seconds=20, log=log)

    def states(self) -> dict[str, tuple[str, int]]:
        """Program -> (state, pid or 0)."""
        return {info['name']: (info['statename'], info['pid'])
                for info in self.rpc.getAllProcessInfo()}

    def state(self, name: str) -> str:
        return self.states()[name][0]

    def started_at(self) -> dict[str, int]:
        """Program -> when it was started, in seconds since the epoch; 0 if it never was."""
        return {info['name']: info['start'] for info in self.rpc.getAllProcessInfo()}

    def require(self, name: str) -> None:
        """Fail when a program has been given up because it ends again and again."""
        if self.state(name) == 'FATAL':
            raise Failure(f'{name} does not stay up', log=self.layout.program_log(name),
                          fix='see its log, then run tools/quickstart again')

    def start(self, names: Iterable[str]) -> list[str]:
        """Start those that do not run, without waiting for them.  The ones it started."""
        states = self.states()
        started = [name for name in names if states[name][0] not in ALIVE]
        for name in started:
            self.rpc.startProcess(name, False)
        return started

    def stop(self, names: Iterable[str]) -> None:
        """Stop those that run, all at once, and wait until they have ended."""
        wanted = list(names)
        for name in wanted:
            try:
                self.rpc.stopProcess(name, False)
            except xmlrpc.client.Fault as fault:
                if 'NOT_RUNNING' not in fault.faultString:
                    raise Failure(f'{name} does not stop: {fault.faultString}',
                                  log=self.layout.program_log(name)) from fault
        # supervisord kills after stopwaitsecs, which is at most 60
        wait.until(lambda: not any(self.states()[name][0] in {*ALIVE, 'STOPPING'}
                                   for name in wanted),
                   f'these do not stop: {", ".join(wanted)}', seconds=90,
                   log=self.layout.log / 'supervisord.log')

    def shut_down(self) -> None:
        """Stop all programs at once, then supervisord, and wait until it is gone."""
        pid = self.rpc.getPID()
        self.rpc.stopAllProcesses(True)
        self.rpc.shutdown()
        wait.until(lambda: not _exists(pid), f'supervisord (process {pid}) does not end',
                   seconds=30, log=self.layout.log / 'supervisord.log')


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
