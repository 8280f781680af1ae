"""Terminals in containers: exec and attach of the Docker Remote API."""

import contextlib
import socket
import typing as ty

from oslo_log import log as logging

from nova_docker import exception
from nova_docker.engine import session

LOG = logging.getLogger(__name__)

_CHUNK = 65536
# Nothing that a person types: the engine's own keys to detach would swallow
# the Ctrl-P that recalls the last command.
_DETACH_KEYS = 'ctrl-@,ctrl-^,ctrl-@,ctrl-_'


class Terminal:
    """One open terminal: bytes both ways, until either side ends it.

    One thread may read while another writes or closes.
    """

    def __init__(self, response: ty.Any) -> None:
        self._response = response
        # The reader holds what came in one packet with the HTTP headers.
        self._reader = response.raw._fp.fp
        self._socket = self._reader.raw._sock

    def read(self) -> bytes:
        """What came, at least one byte; nothing at the end."""
        try:
            return ty.cast(bytes, self._reader.read1(_CHUNK))
        except (OSError, ValueError) as e:
            LOG.debug('A terminal broke: %s', e)
            return b''

    def write(self, data: bytes) -> None:
        """:raises OSError: when it has ended"""
        self._socket.sendall(data)

    def hang_up(self) -> None:
        """End both directions: a blocked read returns.  Repeatable."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the connection back to the system; nobody may use it any more.

        A command that runs on it does not notice.
        """
        self.hang_up()
        self._response.close()


class Terminals(session.Session):
    """The verbs of terminals."""

    def has_file(self, name: str, path: str) -> bool:
        """Whether there is such a container and its file system has the path."""
        try:
            self._repeatable(f'look for {path} in container {name}',
                             lambda: self._head(name, path))
        except exception.EngineImageNotFound:
            # What a 404 without a text is taken for.
            return False
        return True

    def _head(self, name: str, path: str) -> None:
        url = self._short._url('/containers/{0}/archive', name)
        response = self._short.head(url, params={'path': path}, timeout=self._timeout)
        self._short._raise_for_status(response)

    def create_exec(self, name: str, command: list[str]) -> str:
        """Prepare a command on a terminal of its own.

        :returns: the exec's id
        :raises ContainerNotFound: when there is no such container
        :raises EngineConflict: when it is stopped or paused
        """
        made = self._call(
            f'run a command in container {name}',
            lambda: self._short.exec_create(
                name, command, stdin=True, tty=True, detach_keys=_DETACH_KEYS,
                environment={'TERM': 'xterm'}))
        return ty.cast(str, made['Id'])

    def open_exec(self, exec_id: str) -> Terminal:
        """Start a prepared command and hold its terminal."""
        session = self._endless
        return self._call('open a terminal', lambda: self._hijack(
            session._url('/exec/{0}/start', exec_id), {'Detach': False, 'Tty': True}, {}))

    def exec_pid(self, exec_id: str) -> int | None:
        """The process id of an opened command, as the host counts.

        :returns: 0 while it is being started, nothing when it has ended
        """
        found = self._repeatable('look at a command', lambda: self._short.exec_inspect(exec_id))
        return None if found['ExitCode'] is not None else int(found['Pid'])

    def run_aside(self, name: str, command: list[str]) -> None:
        """Start a command in a container, and wait for nothing of it."""
        action = f'run a command in container {name}'
        made = self._call(action, lambda: self._short.exec_create(name, command))
        self._call(action, lambda: self._short.exec_start(made['Id'], detach=True))

    def attach(self, name: str) -> Terminal:
        """The terminal of a container's first process, shared with who else attaches.

        :raises ContainerNotFound: when there is no such container
        """
        session = self._endless
        return self._call(f'attach to container {name}', lambda: self._hijack(
            session._url('/containers/{0}/attach', name), None,
            {'stdin': 1, 'stdout': 1, 'stderr': 1, 'stream': 1, 'detachKeys': _DETACH_KEYS}))

    def _hijack(self, url: str, body: session.Json | None, params: session.Json) -> Terminal:
        response = self._endless.post(
            url, json=body, params=params, stream=True, timeout=None,
            headers={'Connection': 'Upgrade', 'Upgrade': 'tcp'})
        try:
            self._endless._raise_for_status(response)
        except BaseException:
            response.close()
            raise
        return Terminal(response)
