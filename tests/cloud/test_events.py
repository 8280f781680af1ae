"""What happens to a container outside of Nova shows in the API: soon, once, and truly."""

from collections.abc import Callable
from collections.abc import Iterator
import time
from typing import Any

import pytest

from tests.cloud import machine_state
from tests.cloud import user
from tests.cloud.test_boot import container

PAUSED, RUNNING = 3, 1
SOON = 2.0


@pytest.fixture
def image(tenant: user.User) -> Iterator[Callable[[str], str]]:
    """Makes images of busybox that run a command; they leave the engine at the end."""
    made: list[Any] = []

    def make(command: str) -> str:
        name = f'command-{len(made)}'
        busybox = tenant.api.image.get_image(tenant.image_id('busybox'))
        data = tenant.api.image.download_image(busybox, stream=False).content
        made.append(tenant.upload(name, data, os_command_line=command))
        return name

    yield make
    tenant.clean_up()
    tags = machine_state.run('docker', 'images', '--format', '{{.Repository}}:{{.Tag}}')
    for tag in tags.split():
        if any(one.id in tag for one in made):
            machine_state.run('docker', 'rmi', tag)


def soon(what: str, condition: Callable[[], Any]) -> Any:
    begin = time.monotonic()
    found = user.wait_for(what, condition, timeout=10, pause=0.05)
    assert time.monotonic() - begin < SOON, what
    return found


def actions(tenant: user.User, server: Any) -> list[Any]:
    return [one for one in tenant.api.compute.server_actions(server) if one.action != 'create']


@pytest.mark.parametrize('command', [('stop', '-t', '0'), ('rm', '-f')])
def test_a_container_that_somebody_stops_or_removes_shows_as_shutoff_once(
        tenant: user.User, command: tuple[str, ...]) -> None:
    server = tenant.boot('victim', 'busybox')
    machine_state.run('docker', *command, container(server))
    soon('it is SHUTOFF', lambda: tenant.refresh(server).status == 'SHUTOFF')
    tenant.wait_status(server, 'SHUTOFF')
    time.sleep(1)
    assert [one.action for one in actions(tenant, server)] == ['stop']


def test_a_container_that_somebody_pauses_shows_as_paused_until_it_is_not(
        tenant: user.User) -> None:
    server = tenant.boot('frozen', 'busybox')
    for command, state in (('pause', PAUSED), ('unpause', RUNNING)):
        machine_state.run('docker', command, container(server))
        soon(command, lambda state=state: tenant.refresh(server).power_state == state)
    assert tenant.refresh(server).status == 'ACTIVE'
    assert actions(tenant, server) == []


def test_a_program_that_fails_at_once_shows_as_shutoff(
        tenant: user.User, image: Callable[[str], str]) -> None:
    server = tenant.request_server('failing', image('sh -c "exit 3"'))
    tenant.wait_status(server, 'SHUTOFF', timeout=30)


def test_a_server_that_runs_out_of_memory_says_so_once(
        tenant: user.User, image: Callable[[str], str]) -> None:
    server = tenant.boot('hungry', image('sh -c "sleep 5; exec tail /dev/zero"'),
                         flavor='m1.nano')
    user.wait_for('the kernel ended it', lambda: machine_state.inspect(
        container(server))['State']['OOMKilled'], timeout=30)
    tenant.wait_status(server, 'SHUTOFF', timeout=10)
    told = user.wait_for('it is told', lambda: [
        one for one in actions(tenant, server) if one.action == 'out_of_memory'], timeout=5)
    assert len(told) == 1
    assert 'all of its 64 MB' in told[0].message
    assert sorted(one.action for one in actions(tenant, server)) == ['out_of_memory', 'stop']


@pytest.mark.parametrize('kind', ['SOFT', 'HARD'])
def test_a_reboot_is_never_seen_as_a_stop(tenant: user.User, kind: str) -> None:
    server = tenant.boot('rebooted', 'busybox')
    started = machine_state.inspect(container(server))['State']['StartedAt']
    tenant.api.compute.reboot_server(server, kind)
    seen = set()

    def is_done() -> bool:
        now = tenant.refresh(server)
        seen.add(now.status)
        return not now.task_state and machine_state.inspect(
            container(server))['State']['StartedAt'] != started

    user.wait_for('it was rebooted', is_done, pause=0.05)
    begin = time.monotonic()
    while time.monotonic() - begin < SOON:
        seen.add(tenant.refresh(server).status)
    assert seen <= {'ACTIVE', 'REBOOT', 'HARD_REBOOT'}
    assert [one.action for one in actions(tenant, server)] == ['reboot']
