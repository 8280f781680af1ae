"""Serial consoles: a TCP port of the host for each, bridged to a terminal in
the container.

nova-serialproxy carries bytes between a user's websocket and the port, after it
has asked nova-compute whether the token's port is still the instance's.  The
port itself asks nobody: it listens on ``[serial_console]proxyclient_address``,
and only as long as a token can be valid or somebody is connected.

The protocol is raw bytes and carries no window size; ``stty`` sets it inside.
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import pathlib
import re
import socket
import threading
import time
import typing as ty

from nova import exception as nova_exception
import nova.conf
from oslo_log import log as logging

from nova_docker import exception
from nova_docker.engine import client

LOG = logging.getLogger(__name__)
CONF = nova.conf.CONF

_SHELLS = ('/bin/bash', '/bin/sh')
# Each has two threads here and a shell there; a token can be used again and again.
MOST_CONNECTIONS = 16
_CHUNK = 65536
_START_POLL = 0.05

TerminalContext: ty.TypeAlias = Callable[[], ty.ContextManager[client.Terminal]]


class Bridge:
    """One user's connection to one terminal."""

    def __init__(self, user: socket.socket, terminal: TerminalContext) -> None:
        self._user = user
        self._context = terminal
        self._terminal: client.Terminal | None = None
        self._ended = False
        self._lock = threading.Lock()

    def run(self) -> None:
        """Open the terminal and carry bytes until either side ends."""
        with contextlib.ExitStack() as stack:
            try:
                terminal = stack.enter_context(self._context())
            except exception.EngineError as e:
                LOG.warning('A serial console could not be opened: %s', e)
                self._say(f'The console cannot be opened: {e}')
                return
            with self._lock:
                self._terminal = terminal
            if not self._ended:
                self._carry(terminal)

    def _carry(self, terminal: client.Terminal) -> None:
        reader = threading.Thread(target=self._carry_input, args=(terminal,),
                                  name='docker-console-input', daemon=True)
        reader.start()
        try:
            self._carry_output(terminal)
        finally:
            self.end()
            reader.join()

    def _carry_output(self, terminal: client.Terminal) -> None:
        with contextlib.suppress(OSError):
            while data := terminal.read():
                self._user.sendall(data)

    def _carry_input(self, terminal: client.Terminal) -> None:
        with contextlib.suppress(OSError):
            while data := self._user.recv(_CHUNK):
                terminal.write(data)
        terminal.hang_up()

    def _say(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._user.sendall(f'{text}\r\n'.encode())

    def refuse(self, text: str) -> None:
        """Say why there is no terminal, and end."""
        self._say(text)
        self.end()

    def end(self) -> None:
        """End it from any thread.  Repeatable."""
        with self._lock:
            self._ended = True
            terminal = self._terminal
        if terminal is not None:
            terminal.hang_up()
        with contextlib.suppress(OSError):
            self._user.shutdown(socket.SHUT_RDWR)


class Listener:
    """The port of one instance.

    :param open_terminal: called for each connection
    :param idle: seconds for which a token is valid
    :param on_idle: called after as many without a connection; says whether to close
    """

    def __init__(self, instance_uuid: str, port: socket.socket, idle: float,
                 open_terminal: TerminalContext,
                 on_idle: Callable[[], bool]) -> None:
        self._number: int = port.getsockname()[1]
        self._idle = idle
        self._asked_for = time.monotonic()
        self._port = port
        self._open_terminal = open_terminal
        self._on_idle = on_idle
        self._bridges: set[Bridge] = set()
        self._lock = threading.Lock()
        self._closed = False
        port.settimeout(idle)
        threading.Thread(target=self._run, name=f'docker-console-{instance_uuid}',
                         daemon=True).start()

    @property
    def in_use(self) -> bool:
        """Whether anybody is connected or has a token."""
        return bool(self._bridges) or time.monotonic() - self._asked_for < self._idle

    def ask(self) -> int:
        """Its number, for a new token: it stays open as long as that is valid."""
        self._asked_for = time.monotonic()
        return self._number

    def _run(self) -> None:
        with self._port:
            while not self._closed:
                try:
                    user, _ = self._port.accept()
                except TimeoutError:
                    if self._on_idle():
                        return
                except OSError:
                    # close() shut it down
                    return
                else:
                    user.settimeout(None)
                    threading.Thread(target=self._serve, args=(user,),
                                     name='docker-console-output', daemon=True).start()

    def _serve(self, user: socket.socket) -> None:
        bridge = Bridge(user, self._open_terminal)
        with user:
            with self._lock:
                welcome = not self._closed and len(self._bridges) < MOST_CONNECTIONS
                if welcome:
                    self._bridges.add(bridge)
            if not welcome:
                bridge.refuse('Too many consoles of this instance are open: close one first.')
                return
            try:
                bridge.run()
            finally:
                with self._lock:
                    self._bridges.discard(bridge)

    def close(self) -> None:
        """End the port and every connection.  Repeatable."""
        with self._lock:
            self._closed = True
            bridges = list(self._bridges)
        with contextlib.suppress(OSError):
            self._port.shutdown(socket.SHUT_RDWR)
        for bridge in bridges:
            bridge.end()


class Consoles:
    """The serial consoles of this host."""

    def __init__(self, engine: client.Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._listeners: dict[str, Listener] = {}
        self._last_offset = -1

    def port(self, instance_uuid: str, container_name: str) -> tuple[str, int]:
        """Where the instance's console listens: (address, port).

        The same as long as it listens.

        :raises SocketPortRangeExhaustedException: no port is free
        """
        with self._lock:
            listener = self._listeners.get(instance_uuid)
            if listener is None:
                listener = self._listeners[instance_uuid] = Listener(
                    instance_uuid, self._bind(), CONF.consoleauth.token_ttl,
                    lambda: self._terminal(container_name),
                    lambda: self._forget_if_idle(instance_uuid))
            return CONF.serial_console.proxyclient_address, listener.ask()

    def close(self, instance_uuid: str) -> None:
        """End the consoles of an instance that goes; none is fine."""
        with self._lock:
            listener = self._listeners.pop(instance_uuid, None)
        if listener is not None:
            listener.close()

    def close_all(self) -> None:
        """End every console."""
        with self._lock:
            listeners, self._listeners = list(self._listeners.values()), {}
        for listener in listeners:
            listener.close()

    def _forget_if_idle(self, instance_uuid: str) -> bool:
        with self._lock:
            listener = self._listeners.get(instance_uuid)
            if listener is not None and listener.in_use:
                return False
            self._listeners.pop(instance_uuid, None)
            return True

    def _bind(self) -> socket.socket:
        """The next free port of the range.

        Going round, so that the port of a console that ended is not soon
        another instance's, which an old connection attempt would reach.
        """
        address = CONF.serial_console.proxyclient_address
        first, after = map(int, CONF.serial_console.port_range.split(':'))
        count = max(after - first, 1)
        family, *_ = socket.getaddrinfo(address, first, type=socket.SOCK_STREAM)[0]
        for step in range(1, count + 1):
            offset = (self._last_offset + step) % count
            number = first + offset
            try:
                port = socket.create_server((address, number), family=family)
            except OSError as e:
                LOG.debug('Port %d is no console\'s: %s', number, e)
            else:
                self._last_offset = offset
                return port
        raise nova_exception.SocketPortRangeExhaustedException(host=address)

    @contextlib.contextmanager
    def _terminal(self, container_name: str) -> Iterator[client.Terminal]:
        """A shell of its own; without one in the image, the first process's terminal."""
        shell = next((path for path in _SHELLS
                      if self._engine.has_file(container_name, path)), None)
        if shell is None:
            with contextlib.closing(self._engine.attach(container_name)) as terminal:
                yield terminal
            return
        exec_id = self._engine.create_exec(container_name, [shell])
        with contextlib.closing(self._engine.open_exec(exec_id)) as terminal:
            try:
                yield terminal
            finally:
                self._end_shell(container_name, shell, exec_id)

    def _end_shell(self, container_name: str, shell: str, exec_id: str) -> None:
        """Hang up on a shell whose user is gone: the engine lets it run for ever.

        The kernel tells the program in its foreground.
        """
        try:
            pid = self._started_pid(exec_id)
            inside = _pid_inside(pid) if pid else None
            if inside is not None:
                self._engine.run_aside(container_name, [shell, '-c', f'kill -HUP {inside}'])
        except exception.EngineError as e:
            LOG.debug('The shell of a console ended with its container: %s', e)

    def _started_pid(self, exec_id: str) -> int | None:
        """The shell's process: the terminal is open before there is one."""
        deadline = time.monotonic() + CONF.docker.engine_timeout
        while (pid := self._engine.exec_pid(exec_id)) == 0 and time.monotonic() < deadline:
            time.sleep(_START_POLL)
        return pid


def _pid_inside(pid: int) -> int | None:
    """The process id that the container itself counts; nothing when it has ended."""
    try:
        status = pathlib.Path(f'/proc/{pid}/status').read_text()
    except OSError:
        return None
    found = re.search(r'^NSpid:.*\s(\d+)$', status, re.MULTILINE)
    return int(found[1]) if found else None
