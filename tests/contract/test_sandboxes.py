"""A workload joins the network of its sandbox.  The fake is held to the real one."""

import pytest

from nova_docker import exception
from tests.contract.world import World


def joined(world: World, sandbox: str, **more: object) -> str:
    return world.create(host={"NetworkMode": f"container:{sandbox}"}, **more)


def test_a_workload_is_tied_to_the_sandboxs_id(world: World):
    """A new sandbox of the same name does not serve the old workload."""
    sandbox = world.run()
    workload = joined(world, sandbox)
    mode = world.engine.inspect_container(workload)["HostConfig"]["NetworkMode"]
    assert mode == "container:" + world.engine.inspect_container(sandbox)["Id"]
    world.engine.start_container(workload)
    assert world.state(workload) == "running"


def test_a_workload_does_not_start_before_its_sandbox(world: World):
    sandbox = world.create()
    workload = joined(world, sandbox)
    with pytest.raises(exception.EngineConflict, match="non running container"):
        world.engine.start_container(workload)
    state = world.engine.inspect_container(workload)["State"]
    assert (state["Status"], state["ExitCode"]) == ("created", 128)
    world.engine.start_container(sandbox)
    world.engine.start_container(workload)
    assert world.state(workload) == "running"


def test_a_workload_does_not_start_while_its_sandbox_is_down(world: World):
    sandbox = world.run()
    workload = joined(world, sandbox)
    world.engine.start_container(workload)
    world.engine.stop_container(workload, 0)
    world.engine.stop_container(sandbox, 0)
    with pytest.raises(exception.EngineConflict, match="non running container"):
        world.engine.start_container(workload)


def test_a_workload_outlives_its_sandbox_but_does_not_start_again(world: World):
    sandbox = world.run()
    workload = joined(world, sandbox)
    world.engine.start_container(workload)
    world.engine.remove_container(sandbox)
    assert world.state(workload) == "running"
    world.engine.stop_container(workload, 0)
    with pytest.raises(exception.ContainerNotFound):
        world.engine.start_container(workload)


def test_a_workload_may_be_made_before_its_sandbox_but_not_started(world: World):
    workload = joined(world, "nova-docker-contract-absent")
    with pytest.raises(exception.ContainerNotFound):
        world.engine.start_container(workload)


def test_a_workload_has_no_host_name_of_its_own(world: World):
    with pytest.raises(exception.EngineRejected, match="hostname"):
        joined(world, world.run(), Hostname="alpha")


def test_a_workload_made_before_its_sandbox_joins_whatever_has_the_name(world: World):
    sandbox = world.name()
    workload = joined(world, sandbox)
    for _ in range(2):
        world.engine.create_container(sandbox, world.config())
        world.engine.start_container(sandbox)
        world.engine.start_container(workload)
        assert world.state(workload) == "running"
        world.engine.stop_container(workload, 0)
        world.engine.remove_container(sandbox)
    mode = world.engine.inspect_container(workload)["HostConfig"]["NetworkMode"]
    assert mode == f"container:{sandbox}"
