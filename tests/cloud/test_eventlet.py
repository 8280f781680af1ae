"""The same driver in a nova-compute that runs on eventlet."""

from collections.abc import Iterator
from pathlib import Path
import subprocess
import time

import pytest

from tests.cloud import machine_state
from tests.cloud import program
from tests.cloud import user
from tests.cloud.test_boot import container
from tests.cloud.test_boot import inside

QUICKSTART = Path(__file__).resolve().parents[2] / 'tools/quickstart'


def quickstart(backend: str) -> None:
    done = subprocess.run([QUICKSTART, '--no-demo', '--quiet', '--backend', backend],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope='module', autouse=True)
def eventlet_backend(compute: program.Program) -> Iterator[None]:
    offset = compute.log.stat().st_size
    quickstart('eventlet')
    assert 'eventlet' in compute.logged(offset).lower()
    yield
    quickstart('threading')


def test_a_server_boots_and_changes_its_power_state(tenant: user.User) -> None:
    server = tenant.boot('green', 'busybox', networks=('private', 'private2'))
    assert 'eth1' in inside(server, 'ip', 'addr')
    tenant.api.compute.reboot_server(server, 'HARD')
    tenant.wait_status(server, 'ACTIVE')
    tenant.api.compute.pause_server(server)
    tenant.wait_status(server, 'PAUSED')
    tenant.api.compute.unpause_server(server)
    tenant.wait_status(server, 'ACTIVE')
    tenant.api.compute.stop_server(server)
    tenant.wait_status(server, 'SHUTOFF')
    assert 'this is green' in tenant.console(server)


def test_five_servers_boot_at_once(tenant: user.User) -> None:
    servers = [tenant.request_server(f'green-{n}', 'busybox') for n in range(5)]
    for server in servers:
        tenant.wait_status(server, 'ACTIVE')


def test_a_killed_container_shows_as_shutoff_within_two_seconds(tenant: user.User) -> None:
    server = tenant.boot('victim', 'busybox')
    machine_state.run('docker', 'kill', container(server))
    begin = time.monotonic()
    tenant.wait_status(server, 'SHUTOFF', timeout=10)
    assert time.monotonic() - begin < 2.0


def test_a_mistake_is_one_clear_fault(tenant: user.User) -> None:
    tenant.upload('garbage', b'this is not a tar archive' * 1000)
    assert 'docker save' in tenant.fault_of('bad', 'garbage')
