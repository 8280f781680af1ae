"""What happens to a container outside of Nova shows in the API: soon, once, and truly."""

from collections.abc import Callable
from collections.abc import Iterator
import json
import os
from pathlib import Path
import subprocess
import sys
import time
from typing import Any

import pytest

from tests.cloud import machine_state
from tests.cloud import user
from tests.cloud.test_boot import container
from tests.cloud.test_power import answers

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
    for one in made:
        machine_state.remove_image(one.id)


def soon(what: str, condition: Callable[[], Any]) -> Any:
    begin = time.monotonic()
    found = user.wait_for(what, condition, timeout=10, pause=0.05)
    assert time.monotonic() - begin < SOON, what
    return found


def shown(facts: dict[str, Any], *words: str) -> Any:
    """What the user's command line shows."""
    environment = {**os.environ, 'OS_CLIENT_CONFIG_FILE': facts['clouds'], 'OS_CLOUD': 'aio-demo'}
    command = [str(Path(sys.executable).with_name('openstack')), *words, '-f', 'json']
    return json.loads(subprocess.run(command, env=environment, stdout=subprocess.PIPE,
                                     text=True, check=True).stdout)


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
    server, other = tenant.boot('frozen', 'busybox'), tenant.boot('other', 'busybox')
    address = tenant.addresses(server)[0]
    user.wait_for('it answers', lambda: answers(other, address), timeout=10)
    for command, state in (('pause', PAUSED), ('unpause', RUNNING)):
        machine_state.run('docker', command, container(server))
        soon(command, lambda state=state: tenant.refresh(server).power_state == state)
        user.wait_for('the wire is as the server', lambda state=state: answers(
            other, address) == (state == RUNNING), timeout=10)
    assert tenant.refresh(server).status == 'ACTIVE'
    assert actions(tenant, server) == []


def test_a_program_that_fails_at_once_shows_as_shutoff(
        tenant: user.User, image: Callable[[str], str]) -> None:
    server = tenant.request_server('failing', image('sh -c "exit 3"'))
    tenant.wait_status(server, 'SHUTOFF', timeout=30)


def test_a_server_that_runs_out_of_memory_says_so_once(
        tenant: user.User, facts: dict[str, Any], image: Callable[[str], str]) -> None:
    server = tenant.boot('hungry', image('sh -c "sleep 5; exec tail /dev/zero"'),
                         flavor='m1.nano')
    user.wait_for('the kernel ended it', lambda: machine_state.inspect(
        container(server))['State']['OOMKilled'], timeout=30)
    soon('it is SHUTOFF', lambda: tenant.refresh(server).status == 'SHUTOFF')
    tenant.wait_status(server, 'SHUTOFF')
    told = user.wait_for('it is told', lambda: [
        one for one in actions(tenant, server) if one.action == 'out_of_memory'], timeout=5)
    assert len(told) == 1
    assert 'all of its 64 MB' in shown(facts, 'server', 'event', 'show', server.id,
                                       told[0].request_id)['message']
    listed = shown(facts, 'server', 'event', 'list', server.id)
    assert [row['Action'] for row in listed].count('out_of_memory') == 1
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
