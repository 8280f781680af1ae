"""Rescue through the API: with another image, with its own, and of a stopped server."""

import pytest

from tests.cloud import compute_service
from tests.cloud import machine_state
from tests.cloud import user
from tests.cloud.test_boot import container
from tests.cloud.test_boot import inside
from tests.cloud.test_power import answers


def write(server: object, path: str, text: str) -> None:
    inside(server, 'sh', '-c', f'echo {text} > {path}')


def test_a_server_is_repaired_at_its_own_address_from_another_image(tenant: user.User) -> None:
    server, other = tenant.boot('broken', 'busybox'), tenant.boot('other', 'busybox')
    address = tenant.addresses(server)[0]
    write(server, '/config', 'bad')
    tenant.api.compute.rescue_server(server, image=tenant.image_id('nginx'))
    tenant.wait_status(server, 'RESCUE')
    assert machine_state.inspect(container(server))['Config']['Image'] != (
        machine_state.inspect(f'{container(server)}-rescued')['Config']['Image'])
    user.wait_for('it answers', lambda: answers(other, address), timeout=10)
    assert inside(server, 'cat', '/mnt/rescue/config').strip() == 'bad'
    write(server, '/mnt/rescue/config', 'good')
    tenant.api.compute.unrescue_server(server)
    tenant.wait_status(server, 'ACTIVE')
    assert inside(server, 'cat', '/config').strip() == 'good'
    user.wait_for('it answers again', lambda: answers(other, address), timeout=10)


@pytest.mark.parametrize('image', ['busybox', 'busybox-index'])
def test_a_stopped_server_is_rescued_with_its_own_image_and_runs_afterwards(
        tenant: user.User, image: str) -> None:
    server = tenant.boot('stopped', image)
    write(server, '/mine', 'kept')
    tenant.api.compute.stop_server(server)
    tenant.wait_status(server, 'SHUTOFF')
    tenant.api.compute.rescue_server(server)
    assert tenant.wait_status(server, 'RESCUE').power_state == 1
    assert inside(server, 'cat', '/mnt/rescue/mine').strip() == 'kept'
    tenant.api.compute.unrescue_server(server)
    assert tenant.wait_status(server, 'ACTIVE').power_state == 1
    assert inside(server, 'cat', '/mine').strip() == 'kept'


def test_a_rescued_server_outlives_nova_compute_and_is_deleted_whole(
        tenant: user.User, admin: user.User, compute: compute_service.ComputeService) -> None:
    server = tenant.boot('rescued', 'busybox')
    tenant.api.compute.rescue_server(server)
    tenant.wait_status(server, 'RESCUE')
    compute.crash(admin)
    assert tenant.refresh(server).status == 'RESCUE'
    inside(server, 'ls', '/mnt/rescue/bin')
    tenant.api.compute.delete_server(server, force=True)
    tenant.delete_server(server)
