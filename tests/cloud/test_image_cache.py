"""``openstack aggregate cache image``: an image is on the host before its first boot."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cloud import machine_state
from tests.cloud import program
from tests.cloud import user


@pytest.fixture
def aggregate(facts: dict[str, Any], admin: user.User) -> Iterator[Any]:
    """One with the host of the cloud in it."""
    made = admin.api.compute.create_aggregate(name='cached')
    admin.api.compute.add_host_to_aggregate(made.id, facts['host'])
    yield made
    admin.api.compute.remove_host_from_aggregate(made.id, facts['host'])
    admin.api.compute.delete_aggregate(made.id)


@pytest.fixture
def uploaded(tenant: user.User) -> Iterator[Any]:
    """An archive in Glance that was never booted; it leaves the engine at the end."""
    image = tenant.api.image.get_image(tenant.image_id('busybox'))
    made = tenant.upload('cached-early',
                         tenant.api.image.download_image(image, stream=False).content)
    yield made
    tenant.clean_up()
    for tag in names(made.id):
        loaded = machine_state.run('docker', 'inspect', '--format', '{{.Id}}', tag).strip()
        for name in [*names(f'used:{loaded.removeprefix("sha256:")}'), tag]:
            machine_state.run('docker', 'rmi', name)


def names(part: str) -> list[str]:
    """The tags on the engine that have this in them."""
    shown = machine_state.run('docker', 'images', '--format', '{{.Repository}}:{{.Tag}}')
    return [tag for tag in shown.split() if part in tag]


def test_an_administrator_has_an_image_cached_before_its_first_boot(
        admin: user.User, tenant: user.User, compute: program.Program,
        aggregate: Any, uploaded: Any) -> None:
    assert names(uploaded.id) == []
    for state in ('cached', 'here already'):
        offset = compute.log.stat().st_size
        admin.api.compute.aggregate_precache_images(aggregate.id, [uploaded.id])
        compute.wait_for_line(f'Image {uploaded.id} is {state}', offset)
    assert names(uploaded.id) == [f'nova-docker.invalid/glance:{uploaded.id}-{uploaded.checksum}']
    tenant.boot('from-the-cache', 'cached-early')
