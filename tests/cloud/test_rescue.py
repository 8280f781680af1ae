"""Rescue through the API: with another image, and with its own."""

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


def test_a_stopped_server_is_rescued_runs_afterwards_and_is_deleted_in_a_rescue(
        tenant: user.User) -> None:
    server = tenant.boot('stopped', 'busybox-index')
    write(server, '/mine', 'kept')
    tenant.api.compute.stop_server(server)
    tenant.wait_status(server, 'SHUTOFF')
    tenant.api.compute.rescue_server(server)
    assert tenant.wait_status(server, 'RESCUE').power_state == 1
    assert inside(server, 'cat', '/mnt/rescue/mine').strip() == 'kept'
    tenant.api.compute.unrescue_server(server)
    assert tenant.wait_status(server, 'ACTIVE').power_state == 1
    assert inside(server, 'cat', '/mine').strip() == 'kept'
    tenant.api.compute.rescue_server(server)
    tenant.wait_status(server, 'RESCUE')
    tenant.api.compute.delete_server(server, force=True)
    tenant.delete_server(server)
