"""The engine's disk fills up in the middle: a clear fault, nothing left, and all well again.

On an engine of its own, whose data are on a file system of 96 MiB.
"""

from collections.abc import Callable
from collections.abc import Iterator
import dataclasses
import os
from typing import Any
from unittest import mock
import uuid

import docker
import nova.conf
import pytest

from nova_docker import exception
from nova_docker.translate import naming
from tests import archives
from tests.engine import instances
from tests.engine import leaks
from tests.engine import small_disk

CONF = nova.conf.CONF
MIB = 1 << 20
ROOM = 6  # MiB that are left of the disk: too little for a layer of 8
FULL = "no space left on device"
SNAPSHOT = "3b8f0c1e-0000-4000-8000-00000000f011"


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[small_disk.Disk]:
    with small_disk.mounted(tmp_path_factory.mktemp("small") / "disk", 96) as made:
        yield made


@pytest.fixture(scope="module")
def engine_url(disk: small_disk.Disk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with small_disk.engine(tmp_path_factory.mktemp("engine"), disk) as url:
        yield url


@pytest.fixture(scope="module")
def api(engine_url: str) -> docker.APIClient:
    return docker.APIClient(engine_url, version="auto")


@pytest.fixture
def sandbox_image() -> None:
    """Made by the first start of the driver."""


@pytest.fixture
def large() -> archives.Image:
    """With 8 MiB that no engine has."""
    base = instances.busybox()
    return dataclasses.replace(base, files={**base.files, "large": os.urandom(8 * MIB)})


@pytest.fixture
def fault_of(boots, api, ovs, disk) -> Callable[[Callable[[], Any]], str]:
    """What a boot says that fails on the full disk."""
    def fails(boot: Callable[[], Any]) -> str:
        before = left(api, disk)
        with disk.full_but_for(ROOM), pytest.raises(exception.EngineError) as error:
            boot()
        assert left(api, disk) == before
        assert ovs.ports == set()
        assert boots.driver.list_instances() == []
        return str(error.value)
    return fails


def left(api: docker.APIClient, disk: small_disk.Disk) -> tuple[Any, ...]:
    """What could be left: names, images, half-made ones too, and MiB of the disk."""
    return (leaks.traces(api, CONF.host), {image["Id"] for image in api.images(all=True)},
            round(disk.free / MIB))


def test_a_pull_that_fills_the_disk_can_be_tried_again(boots, fault_of, registry, large):
    reference = registry.publish(f"full/{uuid.uuid4().hex}", "1", large)
    fault = fault_of(lambda: boots.reference(reference, instances.network(instances.vif())))
    assert fault.startswith(f"The Docker engine failed to pull image {reference}")
    assert FULL in fault
    assert boots.reference(reference).uuid in boots.driver.list_instance_uuids()


def test_an_archive_that_fills_the_disk_can_be_tried_again(boots, fault_of, large):
    fault = fault_of(lambda: boots.archive(large, instances.network(instances.vif())))
    assert fault.startswith("The Docker engine failed to load an image archive")
    assert FULL in fault
    assert boots.archive(large).uuid in boots.driver.list_instance_uuids()


class Store:
    """Glance for one snapshot."""

    def __init__(self) -> None:
        self.images: dict[str, bytes] = {}

    def get(self, context: Any, image_id: str) -> dict[str, Any]:
        return {"properties": {}, "size": len(self.images[image_id])}

    def update(self, context: Any, image_id: str, changes: Any, data: Any) -> None:
        self.images[image_id] = b""
        while piece := data.read(65536):
            self.images[image_id] += piece

    def delete(self, context: Any, image_id: str) -> None:
        del self.images[image_id]


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store()
    made.images[SNAPSHOT] = b""
    with mock.patch.multiple("nova.image.glance.API", get=made.get, update=made.update,
                             delete=made.delete):
        yield made


@pytest.mark.parametrize("room", [6, 12], ids=["commit", "save"])
def test_a_snapshot_that_fills_the_disk_can_be_tried_again(boots, api, disk, store, room):
    command = ["sh", "-c", "dd if=/dev/urandom of=/large bs=1M count=8 && echo made && "
                           "exec sleep 3600"]
    instance = boots.archive(instances.busybox(command=command))
    name = naming.workload_name(instance.uuid)
    made = api.exec_create(name, ["sh", "-c", "until [ \"$(cat /proc/1/comm)\" = sleep ]; do "
                                              "sleep 0.1; done"])
    api.exec_start(made["Id"])
    before = left(api, disk)

    def snapshot() -> None:
        boots.driver.snapshot(boots.context, instance, SNAPSHOT, mock.Mock())

    with disk.full_but_for(room), pytest.raises(exception.EngineError, match=FULL) as error:
        snapshot()
    assert ("commit" if room == 6 else "save") in str(error.value)
    assert left(api, disk) == before
    assert api.inspect_container(name)["State"]["Status"] == "running"
    store.images[SNAPSHOT] = b""
    snapshot()
    assert left(api, disk) == before
    assert len(store.images[SNAPSHOT]) > 8 * MIB
