"""--status: every service, its process, and whether it does its work."""

from collections.abc import Callable
import contextlib
import socket
import time
from typing import Any
import urllib.error
import urllib.request

from aio import cloud
from aio import external
from aio import infrastructure
from aio import ovn
from aio import resources
from aio.credentials import Credentials
from aio.layout import Layout
from aio.layout import port
from aio.layout import PORTS
from aio.mechanism import Mechanism
from aio.readiness import consumers
from aio.readiness import NOVA_BINARIES
from aio.supervisor import ALIVE
from aio.supervisor import Supervisor

APIS = ('keystone', 'placement', 'glance', 'neutron-api', 'nova-api', 'nova-metadata',
        'nova-serialproxy', 'registry')
FOREIGN = {'dockerd': infrastructure.engine_answers, 'ovsdb-server': infrastructure.ovs_answers,
           'ovs-vswitchd': infrastructure.ovs_answers}


class Health:
    """Asks each service for something that it can only answer when it works."""

    def __init__(self, layout: Layout, credentials: Credentials, supervisor: Supervisor,
                 mechanism: Mechanism) -> None:
        self.layout = layout
        self.credentials = credentials
        self.mechanism = mechanism
        self.supervisor = supervisor
        self._reports: dict[str, str] | None = None

    def table(self) -> tuple[list[str], bool]:
        """The lines to print, and whether all is well."""
        if not self.supervisor.alive():
            return ['the cloud is down (supervisord does not run)'], False
        lines = [f'{"service":<24}{"pid":>8}  {"state":<10}{"health"}']
        well = True
        for name, (state, pid) in self.supervisor.states().items():
            answer, fine, seconds = self._check(name)
            of_machine = state not in ALIVE and fine and name in FOREIGN
            fine = fine and (state in ALIVE or of_machine)
            well = well and fine
            lines.append(f'{name:<24}{pid or "-":>8}  {"machine" if of_machine else state:<10}'
                         f'{"ok" if fine else "NOT OK"}: {answer} ({seconds * 1000:.0f} ms)')
        answer, fine, seconds = self._check('external network')
        lines.append(f'{"external network":<24}{"-":>8}  {"-":<10}'
                     f'{"ok" if fine else "NOT OK"}: {answer} ({seconds * 1000:.0f} ms)')
        return lines, well and fine

    def _check(self, name: str) -> tuple[str, bool, float]:
        begin = time.monotonic()
        try:
            answer = self._checks(name)()
            fine = not answer.startswith('no ')
        except Exception as error:  # noqa: BLE001 - it is the result
            answer, fine = f'{error}'.splitlines()[0][:80] if f'{error}' else repr(error), False
        return answer, fine, time.monotonic() - begin

    def _checks(self, name: str) -> Callable[[], str]:
        if name in APIS:
            return lambda: self._http(next(iter(PORTS[name].values())))
        if name in FOREIGN:
            return lambda: 'answers' if FOREIGN[name]() else 'no answer'
        if name in NOVA_BINARIES or name in self.mechanism.agents:
            return lambda: self.reports().get(name, 'no report to Nova or Neutron')
        return {
            'epmd': lambda: self._connects(port('epmd_port')),
            'lxcfs': self._lxcfs,
            'mariadb': self._mariadb,
            'external network': self._external_network,
            'rabbitmq': lambda: f'{consumers(self.credentials, "conductor")} conductors listen',
            'ovn-nb': lambda: ovn.database_answers('nb'),
            'ovn-sb': lambda: ovn.database_answers('sb'),
            'ovn-northd': lambda: ovn.northd_answers(self.layout),
            # It has no way to be asked.
            'neutron-ovn-maintenance': lambda: 'runs',
            'neutron-rpc-server':
                lambda: f'{consumers(self.credentials, "q-plugin") or "no"} listeners',
        }[name]

    @staticmethod
    def _http(number: int) -> str:
        try:
            with urllib.request.urlopen(f'http://127.0.0.1:{number}/', timeout=10) as answer:
                return f'HTTP {answer.status}'
        except urllib.error.HTTPError as error:
            # 300 is how an API lists its versions, 401 how it asks for a token, 405 how the
            # serial proxy wants a websocket
            return f'HTTP {error.code}' if error.code < 500 else f'no good answer: {error}'

    @staticmethod
    def _connects(number: int) -> str:
        with socket.create_connection(('127.0.0.1', number), timeout=5):
            return 'accepts connections'

    def _lxcfs(self) -> str:
        mounted = (self.layout.run / 'lxcfs/proc/cpuinfo').exists()
        return 'mounted' if mounted else 'no mount'

    def _mariadb(self) -> str:
        import pymysql
        with contextlib.closing(pymysql.connect(
                host='127.0.0.1', port=port('mariadb_port'), user='openstack',
                password=self.credentials.database_password, connect_timeout=5)) as connection:
            cursor = connection.cursor()
            cursor.execute('SELECT count(*) FROM information_schema.schemata')
            return f'{cursor.fetchone()[0]} databases'

    def _external_network(self) -> str:
        if not external.has_address():
            return f'no address on {external.BRIDGE}: run tools/quickstart'
        address = resources.router_address(cloud.connect(self.layout, 'aio-admin'))
        if not external.answers(address):
            return f'no answer from {resources.ROUTER} at {address}'
        return f'{resources.ROUTER} answers at {address}'

    def reports(self) -> dict[str, str]:
        """What Nova and Neutron know of their own services."""
        if self._reports is None:
            admin = cloud.connect(self.layout, 'aio-admin')
            self._reports = {**self._nova(admin), **self._neutron(admin)}
        return self._reports

    @staticmethod
    def _nova(admin: Any) -> dict[str, str]:
        return {service.binary: f'{"" if service.state == "up" else "no heartbeat: "}'
                                f'{service.state}, {service.status}'
                for service in admin.compute.services()}

    def _neutron(self, admin: Any) -> dict[str, str]:
        programs = {binary: program for program, binary in self.mechanism.agents.items()}
        return {programs[agent.binary]: 'alive' if agent.is_alive else 'no heartbeat'
                for agent in admin.network.agents() if agent.binary in programs}
