"""Waits until what was started can be used.

A service that answers is not yet one that works: the agents must not be started
before somebody takes their messages, and what Nova and Neutron say about their
own services comes from heartbeats, which may be older than the last restart.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from datetime import datetime
from datetime import UTC
import socket
import time
from typing import Any
import urllib.request

import amqp

from aio import external
from aio import wait
from aio.credentials import Credentials
from aio.layout import Layout
from aio.layout import port
from aio.supervisor import Supervisor

# Program -> the name under which it reports to Nova.
NOVA_BINARIES = {name: name for name in ('nova-conductor', 'nova-scheduler', 'nova-compute')}
# The machine may be busy with other things than this cloud.
PATIENCE = 180.0


def fresh(stamp: str | None, since: float) -> bool:
    """Whether a heartbeat came after ``since`` (seconds since the epoch).

    Nova and Neutron write UTC without a zone and in whole seconds, so a stamp of the
    same second may be from before.
    """
    if not stamp:
        return False
    beat = datetime.fromisoformat(stamp.replace('Z', '+00:00'))
    if beat.tzinfo is None:
        beat = beat.replace(tzinfo=UTC)
    return beat.timestamp() > since


def consumers(credentials: Credentials, queue: str) -> int:
    """How many processes take messages from a queue."""
    with amqp.Connection(host=f'127.0.0.1:{port("rabbitmq_port")}', userid='openstack',
                         password=credentials.rabbitmq_password,
                         connect_timeout=3) as connection:
        declared = connection.channel().queue_declare(queue=queue, passive=True)
        return int(declared.consumer_count)


class Readiness:
    """What has to be true before the next thing is started."""

    def __init__(self, layout: Layout, credentials: Credentials, supervisor: Supervisor) -> None:
        self.layout = layout
        self.credentials = credentials
        self.supervisor = supervisor

    def _until(self, condition: Callable[[], bool], program: str, what: str,
               pause: float = 0.2) -> None:
        """Wait for ``program``, unless it ends again and again."""
        def alive_and_true() -> bool:
            self.supervisor.require(program)
            return condition()
        wait.until(alive_and_true, f'{program} {what}', seconds=PATIENCE,
                   log=self.layout.program_log(program), pause=pause)

    def rabbitmq(self) -> None:
        def answers() -> bool:
            with amqp.Connection(host=f'127.0.0.1:{port("rabbitmq_port")}', userid='openstack',
                                 password=self.credentials.rabbitmq_password,
                                 connect_timeout=3):
                return True
        self._until(answers, 'rabbitmq', 'does not answer')

    def queue(self, name: str, program: str) -> None:
        """Wait until ``program`` takes the messages of the queue ``name``."""
        self._until(lambda: consumers(self.credentials, name) > 0, program,
                    'does not take messages')

    def keystone(self, admin: Any) -> None:
        def answers() -> bool:
            # First without keystoneauth, which would warn about every refused connection.
            with urllib.request.urlopen(f'http://127.0.0.1:{port("keystone_port")}/v3',
                                        timeout=30):
                return bool(admin.authorize())
        self._until(answers, 'keystone', 'does not answer')

    def apis(self, admin: Any) -> None:
        """Every API answers a request that goes through to its database."""
        requests = {
            'glance': lambda: next(admin.image.images(limit=1), None),
            'neutron-api': lambda: next(admin.network.networks(limit=1), None),
            'nova-api': lambda: next(admin.compute.flavors(limit=1), None),
            'placement': lambda: next(admin.placement.resource_providers(), None),
        }
        for program, request in requests.items():
            self._until(lambda request=request: request() is not request,  # type: ignore[misc]
                        program, 'does not answer')

    def serial_proxy(self) -> None:
        """The proxy of serial consoles takes connections."""
        def accepts() -> bool:
            with socket.create_connection(('127.0.0.1', port('serialproxy_port')), timeout=5):
                return True
        self._until(accepts, 'nova-serialproxy', 'does not take connections')

    def services(self, admin: Any, agents: Mapping[str, str], started: dict[str, float]) -> None:
        """Nova's services and Neutron's agents report themselves as up.

        :param agents: program -> the name under which it reports to Neutron
        :param started: programs that were started just now, and when: an older
                        heartbeat of theirs does not count
        """
        for program, binary in NOVA_BINARIES.items():
            since = started.get(program, 0.0)
            self._until(lambda binary=binary, since=since: any(  # type: ignore[misc]
                service.state == 'up' and fresh(service.updated_at, since)
                for service in admin.compute.services(binary=binary)),
                program, 'does not report itself as up')
        for program, binary in agents.items():
            since = started.get(program, 0.0)
            self._until(lambda binary=binary, since=since: any(  # type: ignore[misc]
                agent.is_alive and fresh(agent.last_heartbeat_at, since)
                for agent in admin.network.agents(binary=binary)),
                program, 'does not report itself as alive')

    def router(self, address: str, program: str) -> None:
        """The router between the instances and this machine, which ``program`` makes,
        forwards."""
        self._until(lambda: external.answers(address), program,
                    f'has no router at {address}')

    def hypervisor(self, admin: Any) -> None:
        """Nova's inventory of the host is in Placement, so a boot can be scheduled."""
        def usable() -> bool:
            names = {hypervisor.name for hypervisor in admin.compute.hypervisors()
                     if hypervisor.state == 'up'}
            providers = [provider for provider in admin.placement.resource_providers()
                         if provider.name in names]
            return any(list(admin.placement.resource_provider_inventories(provider))
                       for provider in providers)
        self._until(usable, 'nova-compute', 'has not reported the host to Placement')


def stamp(programs: Iterable[str]) -> dict[str, float]:
    """Note when programs were started."""
    now = time.time()
    return dict.fromkeys(programs, now)
