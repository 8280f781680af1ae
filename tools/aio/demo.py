"""Shows that it works: two containers started by ``nova boot``, talking to each other
and to this machine."""

import contextlib
from pathlib import Path
import subprocess
from typing import Any

from aio import cloud
from aio import resources
from aio import wait
from aio.credentials import Credentials
from aio.infrastructure import engine
from aio.layout import Layout
from aio.mechanism import Mechanism
from aio.step import Failure
from aio.step import Steps

# Server -> the image it is booted from.
SERVERS = {'web': 'nginx', 'box': 'busybox'}
# The description of the floating IP that a former demo may have left.
FLOATING_IP = 'demo'
UUID_LABEL = 'org.openstack.nova-docker.instance'


class Demo:
    """The demo, run with the command line clients as the user demo."""

    def __init__(self, layout: Layout, credentials: Credentials, venv: Path,
                 mechanism: Mechanism, steps: Steps) -> None:
        self.layout = layout
        self.venv = venv
        self.mechanism = mechanism
        self.steps = steps
        self.environment = cloud.client_environment(layout, 'demo', credentials.demo_password)

    def run(self, connection: Any, driver: str) -> None:
        """Boot, list, show the console, and, where there are containers, use the network."""
        self._delete_former(connection)
        for server, image in SERVERS.items():
            self._show('nova', 'boot', '--flavor', 'm1.tiny', '--image', image,
                       '--nic', 'net-name=private', '--poll', server)
        self._show('nova', 'list')
        for server in SERVERS:
            self._show('nova', 'console-log', '--length', '5', server)
        if driver == 'docker':
            self._talk(connection)
        else:
            self.steps.say('\n(no ping and no page: Nova\'s fake driver starts nothing)')

    def _delete_former(self, connection: Any) -> None:
        former = [server for server in connection.compute.servers(details=False)
                  if server.name in SERVERS]
        for server in former:
            connection.compute.delete_server(server)
        for server in former:
            connection.compute.wait_for_delete(server, wait=60)

    def _show(self, client: str, *arguments: str) -> str:
        """Print a command and what it says."""
        self.steps.say(f'\n$ {client} {" ".join(arguments)}')
        done = subprocess.run([self.venv / 'bin' / client, *arguments], env=self.environment,
                              capture_output=True, text=True, check=False, timeout=300)
        # novaclient announces its own deprecation on stderr
        self.steps.say('\n'.join(line for line in done.stdout.rstrip().splitlines()
                                 if not line.startswith('| adminPass ')))
        if done.returncode:
            raise Failure(f'{client} {arguments[0]} failed: {done.stderr.strip()[-600:]}',
                          log=self.layout.program_log('nova-compute'),
                          fix='look into nova-compute.log, then run tools/quickstart again')
        return done.stdout

    def _talk(self, connection: Any) -> None:
        """Ping one container from the other, and fetch its page."""
        servers = {server.name: server for server in connection.compute.servers()
                   if server.name in SERVERS}
        address = servers['web'].addresses['private'][0]['addr']
        container = self._container(servers['box'].id)
        self._inside(container, ['ping', '-c', '3', address])
        # Debian's static busybox has a wget that crashes: nc speaks HTTP as well.
        request = f'printf "GET / HTTP/1.0\\r\\n\\r\\n" | nc -w 3 {address} 80'
        self._inside(container, ['sh', '-c', request])
        self._fetch_from_outside(connection, servers['web'])

    def _fetch_from_outside(self, connection: Any, server: Any) -> None:
        """Give the web server a floating IP, and fetch its page from this machine."""
        former = [ip for ip in connection.network.ips() if ip.description == FLOATING_IP]
        for ip in former:
            connection.network.delete_ip(ip)
        address = self._show('openstack', 'floating', 'ip', 'create', '--description',
                             FLOATING_IP, '-f', 'value', '-c', 'floating_ip_address',
                             resources.EXTERNAL_NETWORK).strip()
        self._show('openstack', 'server', 'add', 'floating', 'ip', server.name, address)
        self._until_it_succeeds(['curl', '--silent', '--show-error', '--max-time', '3',
                                 f'http://{address}/'], log=self.mechanism.router)

    def _container(self, server_id: str) -> str:
        """The name of the container that is a server's workload."""
        with contextlib.closing(engine()) as client:
            found = [container['Names'][0].lstrip('/') for container in client.api.containers()
                     if container['Labels'].get(UUID_LABEL) == server_id
                     and 'sandbox' not in container['Names'][0]]
        if not found:
            raise Failure(f'no container of server {server_id} runs',
                          log=self.layout.program_log('nova-compute'))
        return str(found[0])

    def _inside(self, container: str, command: list[str]) -> None:
        shown = ' '.join(command) if command[0] != 'sh' else f"sh -c '{command[-1]}'"
        self._until_it_succeeds(['docker', 'exec', container, *command],
                                f'docker exec {container} {shown}',
                                log=next(iter(self.mechanism.agents)))

    def _until_it_succeeds(self, command: list[str], shown: str = '', *, log: str) -> None:
        """Run it again for a while; print it and what it said at last.

        :param log: the program whose log tells more when it never succeeds
        """
        shown = shown or ' '.join(command)
        self.steps.say(f'\n$ {shown}')
        answers: list[str] = []

        def succeeds() -> bool:
            done = subprocess.run(command, capture_output=True, text=True, check=False,
                                  timeout=30)
            answers.append((done.stdout + done.stderr).rstrip())
            return done.returncode == 0 and bool(done.stdout.strip())
        # nginx may have to read its configuration yet
        try:
            wait.until(succeeds, f'{shown} does not succeed', seconds=15, pause=1.0,
                       log=self.layout.program_log(log))
        finally:
            self.steps.say(answers[-1])
