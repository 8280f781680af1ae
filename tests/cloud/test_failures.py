"""Mistakes and accidents: one clear fault, and nothing left behind.

The leak check runs after every test (conftest.py).
"""

import time

import pytest

from tests import archives
from tests.cloud import machine_state
from tests.cloud import program
from tests.cloud import user
from tests.cloud.test_boot import container


def test_data_that_is_no_archive_is_named_in_the_fault(tenant: user.User) -> None:
    tenant.upload('garbage', b'this is not a tar archive' * 1000)
    fault = tenant.fault_of('bad', 'garbage')
    assert 'not a Docker image archive' in fault
    assert 'docker save' in fault


def test_an_image_without_a_command_is_named_in_the_fault(tenant: user.User) -> None:
    tenant.upload('no-command', archives.Image(files={"bin/none": b""}).archive())
    assert 'os_command_line' in tenant.fault_of('bad', 'no-command')


def test_a_command_that_the_image_lacks_is_named_in_the_fault(tenant: user.User) -> None:
    image = tenant.api.image.get_image(tenant.image_id('busybox'))
    data = tenant.api.image.download_image(image, stream=False).content
    tenant.upload('no-such-command', data, os_command_line='/no/such/program')
    fault = tenant.fault_of('bad', 'no-such-command')
    assert '/no/such/program' in fault
    assert 'os_command_line' in fault


@pytest.fixture
def minute_flavor(admin: user.User, tenant: user.User):  # type: ignore[no-untyped-def]
    flavor = admin.api.compute.create_flavor(name='minute', ram=2, vcpus=1, disk=1)
    yield 'minute'
    admin.api.compute.delete_flavor(flavor)


def test_memory_below_the_engines_minimum_is_named_in_the_fault(
        tenant: user.User, minute_flavor: str) -> None:
    fault = tenant.fault_of('bad', 'busybox', flavor=minute_flavor)
    assert 'memory' in fault.lower()
    assert 'flavor' in fault


@pytest.mark.parametrize(('reference', 'expected'), [
    ('127.0.0.1:9/library/busybox', 'could not be pulled'),
    ('127.0.0.1:15000/no/such-repository', 'has no image'),
    ('127.0.0.1:15000/library/busybox:no-such-tag', 'has no image'),
    ('Not A Reference', 'docker_image'),
])
def test_a_reference_that_cannot_be_pulled_is_named_in_the_fault(
        tenant: user.User, reference: str, expected: str) -> None:
    tenant.upload('reference', b'x', docker_image=reference)
    fault = tenant.fault_of('bad', 'reference')
    assert expected in fault
    assert reference in fault


@pytest.mark.parametrize('pause', [0.0, 0.3, 0.8, 1.3, 1.8, 2.3])
def test_a_boot_deleted_half_way_leaves_nothing(tenant: user.User, pause: float) -> None:
    server = tenant.request_server('short-lived', 'busybox')
    time.sleep(pause)
    tenant.delete_server(server)


def test_a_nova_compute_killed_in_a_boot_leaves_nothing_that_a_delete_does_not_remove(
        tenant: user.User, compute: program.Program) -> None:
    other = tenant.boot('bystander', 'busybox')
    server = tenant.request_server('interrupted', 'busybox')
    user.wait_for('its sandbox runs', lambda: machine_state.run(
        'docker', 'ps', '-q', '--filter', f'name={container(server)}-sandbox'), pause=0.02)
    compute.crash()
    tenant.wait_status(server, 'ERROR')
    assert not machine_state.run('docker', 'ps', '-aq', '--filter', f'name={container(server)}')
    assert machine_state.inspect(container(other))['State']['Running']
    assert tenant.refresh(other).status == 'ACTIVE'
    tenant.delete_server(server)


def test_a_restarted_nova_compute_finds_its_servers_as_they_are(
        tenant: user.User, compute: program.Program) -> None:
    asked = {'ACTIVE': None, 'SHUTOFF': 'stop', 'SUSPENDED': 'suspend'}
    servers = {status: tenant.boot(status.lower(), 'busybox') for status in asked}
    for status, ask in asked.items():
        if ask:
            getattr(tenant.api.compute, f'{ask}_server')(servers[status])
            tenant.wait_status(servers[status], status)
    started = {status: machine_state.inspect(container(server))['State']['StartedAt']
               for status, server in servers.items()}
    compute.crash()
    assert {tenant.refresh(server).status for server in servers.values()} == set(asked)
    tenant.api.compute.resume_server(servers['SUSPENDED'])
    tenant.wait_status(servers['SUSPENDED'], 'ACTIVE')
    assert {status: machine_state.inspect(container(server))['State']['StartedAt']
            for status, server in servers.items()} == started
