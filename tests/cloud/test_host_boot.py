"""An engine or a host that was restarted has its servers as their users left them."""

from collections.abc import Callable
from collections.abc import Iterator
import time
from typing import Any

import pytest

from tests.cloud import machine_state
from tests.cloud import program
from tests.cloud import user
from tests.cloud.test_boot import container
from tests.cloud.test_boot import inside
from tests.cloud.test_engine_loss import dockerd  # noqa: F401  a fixture
from tests.cloud.test_power import answers

# How users leave servers: (what they ask for, what Nova shows, what the engine shows
# when it was restarted).
LEFT: dict[str, tuple[Callable[[Any, Any], Any], str, str]] = {
    'running': (lambda api, server: None, 'ACTIVE', 'running'),
    'stopped': (lambda api, server: api.stop_server(server), 'SHUTOFF', 'exited'),
    'paused': (lambda api, server: api.pause_server(server), 'PAUSED', 'paused'),
    'suspended': (lambda api, server: api.suspend_server(server), 'SUSPENDED', 'exited'),
    'rescued': (lambda api, server: api.rescue_server(server), 'RESCUE', 'running'),
}
BACK: dict[str, Callable[[Any, Any], Any]] = {
    'running': lambda api, server: None,
    'stopped': lambda api, server: api.start_server(server),
    'paused': lambda api, server: api.unpause_server(server),
    'suspended': lambda api, server: api.resume_server(server),
    'rescued': lambda api, server: api.unrescue_server(server),
}


@pytest.fixture
def resuming(compute: program.Program, nothing_left: None) -> Iterator[None]:
    with compute.configured('DEFAULT', resume_guests_state_on_host_boot='true'):
        yield


def started(server: Any) -> str:
    return str(machine_state.inspect(container(server))['State']['StartedAt'])


def engine_answers() -> bool:
    return bool(machine_state.run('docker', 'version', '--format', '{{.Server.Version}}',
                                  check=False).strip())


def test_servers_are_as_they_were_left(
        dockerd: program.Program, resuming: None, tenant: user.User,  # noqa: F811
        compute: program.Program) -> None:
    other = tenant.boot('other', 'busybox')
    servers = {name: tenant.boot(name, 'busybox') for name in LEFT}
    addresses = {name: tenant.addresses(server)[0] for name, server in servers.items()}
    for name, (ask, status, _) in LEFT.items():
        inside(servers[name], 'touch', '/mine')
        ask(tenant.api.compute, servers[name])
        tenant.wait_status(servers[name], status)
    seen: dict[str, set[str]] = {name: set() for name in LEFT}

    def are_as_left() -> bool:
        for name, server in servers.items():
            seen[name].add(tenant.refresh(server).status)
        return engine_answers() and all(
            machine_state.inspect(container(servers[name]))['State']['Status'] == state
            for name, (_, _, state) in LEFT.items())

    def kill_both() -> None:
        dockerd.kill()
        compute.crash()

    for happens in (dockerd.kill, lambda: dockerd.control('restart'), kill_both):
        before = started(servers['running'])
        happens()
        user.wait_for('the engine answers', engine_answers)
        user.wait_for('it was started again', lambda before=before: (
            started(servers['running']) != before), timeout=60)
        user.wait_for('servers are as they were left', are_as_left, timeout=60)
        for name in ('running', 'rescued'):
            user.wait_for(f'the {name} one answers', lambda name=name: answers(
                other, addresses[name]), timeout=60)
        for name in ('stopped', 'paused', 'suspended'):
            assert not answers(other, addresses[name]), name
    time.sleep(1)
    are_as_left()
    assert seen == {name: {status} for name, (_, status, _) in LEFT.items()}
    for name, ask in BACK.items():
        ask(tenant.api.compute, servers[name])
        tenant.wait_status(servers[name], 'ACTIVE')
        user.wait_for(f'{name} answers', lambda name=name: answers(
            other, addresses[name]), timeout=60)
        inside(servers[name], 'ls', '/mine')
