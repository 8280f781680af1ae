"""What an engine says of itself, and counts of its containers."""

import pytest

from nova_docker import exception
from nova_docker.translate import engines
from tests.contract.world import World


def test_an_engine_says_that_it_is_docker(world: World):
    version = world.engine.version()
    assert "Engine" in [component["Name"] for component in version["Components"]]
    assert tuple(map(int, version["ApiVersion"].split("."))) >= world.engine.api_version
    assert engines.unfit(version) is None


def test_what_a_container_has_used_is_counted_while_it_runs(world: World):
    name = world.create(host={"Memory": 64 << 20})
    assert world.engine.container_stats(name)["memory_stats"] == {}
    world.engine.start_container(name)
    stats = world.engine.container_stats(name)
    assert stats["cpu_stats"]["cpu_usage"]["total_usage"] > 0
    assert stats["memory_stats"]["limit"] == 64 << 20
    assert 0 < stats["memory_stats"]["usage"] < 64 << 20
    assert "io_service_bytes_recursive" in stats["blkio_stats"]


def test_nothing_is_counted_of_a_container_that_is_not_there(world: World):
    with pytest.raises(exception.ContainerNotFound):
        world.engine.container_stats("nova-docker-contract-absent")
