"""Brings the cloud up: whatever runs already stays, whatever is missing is made."""

from collections.abc import Iterable
import json
from pathlib import Path
from typing import Any

from aio import accounts
from aio import cloud
from aio import configuration
from aio import credentials
from aio import external
from aio import identity
from aio import images
from aio import infrastructure
from aio import leftovers
from aio import ovn
from aio import readiness
from aio import resources
from aio.configuration import Choices
from aio.down import SERVERS_LOST
from aio.initialise import Databases
from aio.layout import DOCKER_SOCKET
from aio.layout import Layout
from aio.layout import port
from aio.layout import REGISTRY
from aio.mechanism import Mechanism
from aio.mechanism import OVN
from aio.mechanism import OVS
from aio.step import Steps
from aio.supervisor import Supervisor

INFRASTRUCTURE = ('epmd', 'mariadb', 'rabbitmq', 'ovsdb-server', 'ovs-vswitchd', 'registry',
                  'dockerd', 'lxcfs')
APIS = ('glance', 'neutron-api', 'nova-api', 'nova-metadata')
BEHIND = ('nova-conductor', 'nova-scheduler', 'nova-serialproxy')


class Up:
    """The order of the steps."""

    def __init__(self, layout: Layout, venv: Path, choices: Choices, driver_version: str,
                 steps: Steps) -> None:
        self.layout = layout
        self.venv = venv
        self.choices = choices
        self.mechanism = choices.mechanism
        self.driver_version = driver_version
        self.steps = steps
        self.supervisor = Supervisor(layout, venv)
        self.credentials = credentials.ensure(layout)
        self.ready = readiness.Readiness(layout, self.credentials, self.supervisor)
        self.databases = Databases(layout, self.credentials, venv)
        self.started: dict[str, float] = {}
        self.foreign: set[str] = set()

    def run(self) -> None:
        """From whatever state the machine is in to a cloud that a user can boot on."""
        self._configure()
        self._start_infrastructure()
        admin = self._start_identity()
        self._start_control_plane()
        with self.steps.step('images made and pushed to the registry'):
            infrastructure.wait_for_engine(self.layout)
            infrastructure.wait_for_lxcfs(self.layout)
            infrastructure.wait_for_registry(self.layout)
            images.ensure(self.layout)
        self._start_compute_host()
        self._wait_until_usable(admin)
        prefix = infrastructure.reference_prefix()
        with self.steps.step('flavors, networks, rules, images in Glance'):
            demo = cloud.connect(self.layout, 'aio-demo')
            resources.ensure(self.layout, admin, demo, prefix)
            self.ready.router(resources.router_address(admin), self.mechanism.router)
        self._write_facts(prefix)

    def _configure(self) -> None:
        with self.steps.step('users, configuration, supervisord'):
            accounts.ensure(self.layout)
            cold = not self.supervisor.alive()
            if cold:
                leftovers.end_processes(self.layout)
                leftovers.remove_namespaces(self.layout)
            known = configuration.values(self.layout, self.credentials, self.venv, self.choices)
            configuration.render(self.layout, known, self.mechanism, self.driver_version)
            self.supervisor.start_or_reload()
            self.foreign = infrastructure.foreign(self.supervisor)
            infrastructure.check_ports(self.supervisor, self.foreign)
            infrastructure.check_engine(self.layout, self.foreign)
            infrastructure.prepare(self.layout, cold=cold, foreign_programs=self.foreign)
            if self.mechanism is OVN:
                ovn.prepare(self.layout)

    def _start(self, programs: Iterable[str]) -> None:
        self.started.update(readiness.stamp(self.supervisor.start(
            name for name in programs if name not in self.foreign)))

    def _start_infrastructure(self) -> None:
        with self.steps.step('MariaDB, RabbitMQ, Open vSwitch, dockerd, registry started'):
            self._start([*INFRASTRUCTURE, *self.mechanism.infrastructure])
            ours = 'ovs-vswitchd' not in self.foreign
            infrastructure.wait_for_ovs(self.layout, ours=ours)
            self._stop_what_lost_its_bridge()
            external.ensure(self.layout)
            if self.mechanism is OVN:
                ovn.introduce(self.layout, configuration.host(self.layout), ours=ours)
        with self.steps.step('databases'):
            self.databases.ensure()

    def _start_identity(self) -> Any:
        with self.steps.step('Keystone'):
            self._start(['keystone', 'placement'])
            admin = cloud.connect(self.layout, 'aio-admin')
            self.ready.keystone(admin)
            marker = self.layout.marker('identity')
            if not marker.exists() or marker.read_text() != identity.version():
                identity.ensure(admin, self.credentials)
                marker.write_text(identity.version())
                # a new token, whose catalog has the endpoints that were just made
                admin = cloud.connect(self.layout, 'aio-admin')
        return admin

    def _start_control_plane(self) -> None:
        with self.steps.step('RabbitMQ, then Glance, Neutron and Nova started'):
            self.ready.rabbitmq()
            self._start([*self.mechanism.servers, *BEHIND, *APIS])

    def _start_compute_host(self) -> None:
        with self.steps.step('nova-conductor and Neutron\'s server take messages'):
            if self.mechanism is OVS:
                self.ready.queue('q-plugin', 'neutron-rpc-server')
            self._stop_agents_of_a_former_switch()
            self._start(self.mechanism.agents)
            self.ready.queue('conductor', 'nova-conductor')
            self._start(['nova-compute'])

    def _stop_what_lost_its_bridge(self) -> None:
        """Where the switch's database was lost, or the bridge deleted, Neutron's Open
        vSwitch agent waits for the bridge and does not make it, and nova-compute plugs
        its servers when it starts.  Nothing of this runs before there is a bridge."""
        if not infrastructure.has_integration_bridge():
            self.supervisor.stop(['nova-compute', *self.mechanism.agents])
            leftovers.remove_namespaces(self.layout)

    def _stop_agents_of_a_former_switch(self) -> None:
        """A switch that was restarted no longer serves the ports that are in namespaces,
        and the agents take these ports, which are still there, for good."""
        started = self.supervisor.started_at()
        agents = self.mechanism.namespaced
        if any(0 < started[name] < started['ovs-vswitchd'] for name in agents):
            self.supervisor.stop(agents)
            leftovers.remove_namespaces(self.layout)

    def _wait_until_usable(self, admin: Any) -> None:
        with self.steps.step('the APIs answer'):
            self.ready.apis(admin)
            self.ready.serial_proxy()
        with self.steps.step(f'services and agents are up ({self.choices.driver} driver)'):
            self.ready.services(admin, self.mechanism.agents, self.started)
            self.databases.map_host(configuration.host(self.layout))
            self.ready.hypervisor(admin)
        lost = self.layout.marker(SERVERS_LOST)
        if lost.exists():
            with self.steps.step('servers whose containers are gone deleted'):
                resources.delete_servers(admin)
                lost.unlink()

    def _write_facts(self, prefix: str) -> None:
        """For tests and benchmarks."""
        facts = {
            'state': str(self.layout.state), 'venv': str(self.venv),
            'logs': str(self.layout.log), 'etc': str(self.layout.etc),
            'clouds': str(self.layout.state / 'clouds.yaml'),
            'archives': str(self.layout.data / 'images'),
            'supervisorctl': self.supervisor.command(), 'nova_compute': 'nova-compute',
            'docker_socket': str(DOCKER_SOCKET), 'registry': REGISTRY,
            'serialproxy': f'ws://127.0.0.1:{port("serialproxy_port")}/',
            'reference_prefix': prefix, 'host': configuration.host(self.layout),
            'driver': self.choices.driver, 'backend': self.choices.backend,
            'network': self.mechanism.name,
            'foreign': sorted(self.foreign),
        }
        self.layout.facts.write_text(json.dumps(facts, indent=2) + '\n')


def previous_choices(layout: Layout, mechanism: Mechanism) -> Choices | None:
    """What the cloud was last brought up with."""
    if not layout.facts.exists():
        return None
    facts = json.loads(layout.facts.read_text())
    return Choices(facts['driver'], facts['backend'], mechanism)
