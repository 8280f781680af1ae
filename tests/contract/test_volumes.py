"""Volumes, made with the container that mounts them.  The fake is held to the real one."""

from collections.abc import Iterator

import pytest

from nova_docker import exception
from nova_docker.engine.client import File
from nova_docker.engine.client import Folder
from tests.contract.world import World

FILE = File(b"shared", mode=0o600, uid=7, gid=8)


@pytest.fixture
def volume(world: World) -> Iterator[str]:
    """A name that no volume has yet."""
    name = f"nova-docker-contract-{world.mark}"
    yield name
    for container in world.engine.list_containers(world.labels):
        world.engine.remove_container(container["Id"])
    world.engine.remove_volume(name)


def mount(world: World, volume: str) -> dict[str, list[dict[str, object]]]:
    return {"Mounts": [{"Type": "volume", "Source": volume, "Target": "/store",
                        "VolumeOptions": {"NoCopy": True, "Labels": world.labels}}]}


@pytest.mark.parametrize("start", ["create", "run"])
def test_what_is_in_a_volume_is_seen_through_a_bind_of_its_folder(
        world: World, volume: str, start: str):
    store = getattr(world, start)(host=mount(world, volume))
    (mounted,) = world.engine.inspect_container(store)["Mounts"]
    assert (mounted["Destination"], mounted["Name"]) == ("/store", volume)
    world.engine.write_files(store, "/store", {
        "key": FILE, "drive": Folder(0o755, 0, 0), "drive/data": FILE})
    joined = world.create(host={"Binds": [f"{mounted['Source']}/key:/home/key",
                                          f"{mounted['Source']}/drive:/mnt/drive:ro"]})
    assert world.engine.read_file(joined, "/home/key") == FILE
    world.engine.start_container(joined)
    assert world.engine.read_file(joined, "/mnt/drive/data") == FILE


def test_a_volume_outlives_its_container_until_it_is_removed(world: World, volume: str):
    store = world.create(host=mount(world, volume))
    world.engine.write_files(store, "/store", {"key": FILE})
    with pytest.raises(exception.EngineConflict):
        world.engine.remove_volume(volume)
    world.engine.remove_container(store)
    (listed,) = world.engine.list_volumes(world.labels)
    assert (listed["Name"], listed["Labels"]) == (volume, world.labels)
    again = world.create(host=mount(world, volume))
    assert world.engine.read_file(again, "/store/key") == FILE
    world.engine.remove_container(again)
    world.engine.remove_volume(volume)
    world.engine.remove_volume(volume)
    assert world.engine.list_volumes(world.labels) == []
