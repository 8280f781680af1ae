"""What an engine makes of a container's files.  The fake is held to the real one."""

import pytest

from nova_docker import exception
from tests.contract.world import World


@pytest.mark.parametrize("state", ["created", "running", "paused"])
def test_a_commit_adds_the_containers_configuration_and_leaves_its_state(
        world: World, state: str):
    image = world.load(world.image("/bin/sleep", "7", env=["A=b"]))
    name = world.create(image=image.id, Env=["C=d"], labels={"of": "container"})
    if state != "created":
        world.engine.start_container(name)
    if state == "paused":
        world.engine.pause_container(name)
    made = world.engine.commit_container(name, world.repository, "commit")
    world.images.append(f"{world.repository}:commit")
    inspected = world.engine.inspect_image(f"{world.repository}:commit")
    assert inspected["Id"] == made
    assert set(inspected["Config"]["Env"]) == {"A=b", "C=d"}
    assert inspected["Config"]["Labels"]["of"] == "container"
    assert inspected["Config"]["Cmd"] == ["/bin/sleep", "7"]
    assert world.state(name) == state


def test_a_saved_image_can_be_loaded_again(world: World):
    image = world.load(world.image())
    saved = [*world.engine.save_image(image.id)]
    world.engine.remove_image(image.id)
    world.engine.load_image(saved)
    assert world.engine.inspect_image(image.id)["Config"]["Cmd"] == ["/bin/sleep", "1000"]


def test_what_is_absent_is_neither_committed_nor_saved(world: World):
    with pytest.raises(exception.ContainerNotFound):
        world.engine.commit_container(world.name(), world.repository, "commit")
    # Not as what it is: dockerd answers 500 here.
    with pytest.raises(exception.EngineError):
        next(iter(world.engine.save_image("sha256:" + "0" * 64)))
