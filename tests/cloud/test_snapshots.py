"""Snapshots through the API: made, booted, rotated, and used by shelve."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cloud import machine_state
from tests.cloud import user
from tests.cloud.test_boot import inside


@pytest.fixture
def snapshots(tenant: user.User) -> Iterator[list[Any]]:
    """Images to delete at the end, in Glance and on the engine, after their servers."""
    made: list[Any] = []
    yield made
    tenant.clean_up()
    for image in made:
        tenant.api.image.delete_image(image.id, ignore_missing=True)
    shown = machine_state.run('docker', 'images', '--format', '{{.Repository}}:{{.Tag}}')
    for tag in shown.split():
        if any(image.id in tag for image in made):
            machine_state.run('docker', 'rmi', tag)


def ready(tenant: user.User, image: Any) -> Any:
    def active() -> Any:
        now = tenant.api.image.get_image(image.id)
        return now if now.status == 'active' else None
    return user.wait_for(f'image {image.name} is active', active)


@pytest.mark.parametrize('image', ['busybox', 'busybox-index'])
def test_a_snapshot_of_a_running_server_boots_with_its_files(
        tenant: user.User, snapshots: list[Any], image: str) -> None:
    server = tenant.boot('original', image, metadata={'only': 'of-the-original'})
    inside(server, 'touch', '/kept')
    made = tenant.api.compute.create_server_image(server, 'a-snapshot')
    snapshots.append(made)
    made = ready(tenant, made)
    assert (made.disk_format, made.container_format) == ('raw', 'docker')
    assert made.properties['base_image_ref'] == tenant.image_id(image)
    tenant.wait_status(server, 'ACTIVE')
    tenant.delete_server(server)
    again = tenant.boot('again', made.id)
    inside(again, 'ls', '/kept')
    assert 'of-the-original' not in inside(again, 'env')


def test_backups_rotate_and_a_shelved_server_comes_back_with_its_files(
        tenant: user.User, snapshots: list[Any]) -> None:
    server = tenant.boot('kept', 'busybox-index')
    inside(server, 'touch', '/kept')

    def backups() -> list[Any]:
        return [i for i in tenant.api.image.images() if i.name.startswith('backup-')]

    for name in ('backup-1', 'backup-2'):
        tenant.api.compute.backup_server(server, name, 'daily', 1)
        user.wait_for(f'only {name} is there', lambda name=name: (
            [(i.name, i.status) for i in backups()] == [(name, 'active')]))
        tenant.wait_status(server, 'ACTIVE')
    snapshots += backups()
    tenant.api.compute.shelve_server(server)
    tenant.wait_status(server, 'SHELVED_OFFLOADED')
    snapshots += [i for i in tenant.api.image.images() if i.name == 'kept-shelved']
    tenant.api.compute.unshelve_server(server)
    tenant.wait_status(server, 'ACTIVE')
    inside(server, 'ls', '/kept')
