"""What an engine does with containers.  The fake is held to the real one."""

from typing import Any

import pytest

from nova_docker import exception
from tests.contract.world import eventually
from tests.contract.world import World

ABSENT = "nova-docker-contract-absent"


def test_a_container_goes_from_created_to_running_to_exited(world: World):
    name = world.create()
    assert world.state(name) == "created"
    world.engine.start_container(name)
    assert world.state(name) == "running"
    world.engine.stop_container(name, 0)
    assert world.state(name) == "exited"


def test_only_a_container_with_a_process_has_a_pid(world: World):
    name = world.create()
    pids = [world.engine.inspect_container(name)["State"]["Pid"]]
    world.engine.start_container(name)
    pids.append(world.engine.inspect_container(name)["State"]["Pid"])
    world.engine.stop_container(name, 0)
    pids.append(world.engine.inspect_container(name)["State"]["Pid"])
    assert [bool(pid) for pid in pids] == [False, True, False]


def test_a_stopped_container_was_killed_and_starts_again(world: World):
    name = world.run()
    world.engine.stop_container(name, 0)
    assert world.engine.inspect_container(name)["State"]["ExitCode"] == 137
    world.engine.start_container(name)
    state = world.engine.inspect_container(name)["State"]
    assert (state["Status"], state["ExitCode"]) == ("running", 0)


def test_starting_and_stopping_twice_is_no_error(world: World):
    name = world.create()
    world.engine.stop_container(name, 0)
    assert world.state(name) == "created"
    world.engine.start_container(name)
    world.engine.start_container(name)
    world.engine.stop_container(name, 0)
    world.engine.stop_container(name, 0)
    assert world.state(name) == "exited"


def test_a_program_that_ends_leaves_its_exit_code(world: World):
    name = world.run("/bin/false")
    eventually(lambda: world.ended(name))
    assert world.engine.inspect_container(name)["State"]["ExitCode"] == 1


def test_a_renamed_container_is_known_by_its_new_name_alone(world: World):
    name, other, new = world.run(), world.create(), world.name()
    with pytest.raises(exception.EngineConflict):
        world.engine.rename_container(name, other)
    world.engine.rename_container(name, new)
    assert world.state(new) == "running"
    with pytest.raises(exception.ContainerNotFound):
        world.engine.inspect_container(name)
    with pytest.raises(exception.ContainerNotFound):
        world.engine.rename_container(name, new)
    assert [f"/{new}"] in [entry["Names"] for entry in world.engine.list_containers(world.labels)]
    world.engine.create_container(name, world.config())


def test_a_container_says_where_its_layers_are(world: World):
    layers = world.engine.inspect_container(world.create())["GraphDriver"]
    assert {"LowerDir", "UpperDir", "WorkDir"} <= (layers["Data"] or {}).keys() or (
        layers["Name"] != "overlay2")


def test_the_images_command_is_run_when_none_is_given(world: World):
    image = world.load(world.image("/bin/echo", "from", "the", "image"))
    name = world.run(image=image.id)
    eventually(lambda: world.ended(name))
    assert world.engine.tail_logs(name, lines=10, max_bytes=100) == b"from the image\r\n"


def test_an_entrypoint_gets_the_command_as_arguments(world: World):
    name = world.run("hello", Entrypoint=["/bin/echo"])
    eventually(lambda: world.ended(name))
    assert world.engine.tail_logs(name, lines=10, max_bytes=100) == b"hello\r\n"


def test_an_entrypoint_of_its_own_drops_the_images_command(world: World):
    image = world.load(world.image("/bin/echo", "from", "the", "image"))
    name = world.run(image=image.id, Entrypoint=["/bin/echo", "alone"])
    eventually(lambda: world.ended(name))
    assert world.engine.tail_logs(name, lines=10, max_bytes=100) == b"alone\r\n"


def test_pause_keeps_the_process(world: World):
    name = world.run()
    pid = world.engine.inspect_container(name)["State"]["Pid"]
    world.engine.pause_container(name)
    state = world.engine.inspect_container(name)["State"]
    assert (state["Status"], state["Running"], state["Paused"]) == ("paused", True, True)
    world.engine.unpause_container(name)
    state = world.engine.inspect_container(name)["State"]
    assert (state["Status"], state["Pid"], state["Paused"]) == ("running", pid, False)


def test_a_paused_container_can_be_stopped_but_not_started(world: World):
    name = world.run()
    world.engine.pause_container(name)
    with pytest.raises(exception.EngineConflict):
        world.engine.start_container(name)
    world.engine.stop_container(name, 0)
    assert world.state(name) == "exited"


def test_what_does_not_run_is_not_paused(world: World):
    with pytest.raises(exception.EngineConflict, match="not running"):
        world.engine.pause_container(world.create())


def test_what_is_paused_is_not_paused_again(world: World):
    name = world.run()
    world.engine.pause_container(name)
    with pytest.raises(exception.EngineConflict, match="already paused"):
        world.engine.pause_container(name)


@pytest.mark.parametrize("running", [False, True])
def test_what_is_not_paused_is_not_unpaused(world: World, running: bool):
    """The engine calls this an error of its own (HTTP 500), not a conflict."""
    name = world.run() if running else world.create()
    with pytest.raises(exception.EngineError, match="not paused"):
        world.engine.unpause_container(name)


def test_a_list_holds_what_has_all_the_labels(world: World):
    one = world.create(labels={"colour": "red", "size": "1"})
    two = world.run(labels={"colour": "red", "size": "2"})
    world.create(labels={"colour": "blue"})

    def listed(**labels: str) -> list[tuple[list[str], str]]:
        found = world.engine.list_containers({**world.labels, **labels})
        return sorted((item["Names"], item["State"]) for item in found)

    assert len(listed()) == 3
    assert listed(colour="red") == [([f"/{one}"], "created"), ([f"/{two}"], "running")]
    assert listed(colour="red", size="2") == [([f"/{two}"], "running")]
    assert listed(colour="green") == []


def test_a_list_tells_the_state_and_the_labels(world: World):
    name = world.run(labels={"colour": "red"})

    def item() -> dict[str, object]:
        (found,) = world.engine.list_containers(world.labels)
        return {key: found[key] for key in ("Id", "Names", "Labels", "State", "ImageID")}

    details = world.engine.inspect_container(name)
    assert item() == {"Id": details["Id"], "Names": [f"/{name}"], "State": "running",
                      "Labels": {**world.labels, "colour": "red"}, "ImageID": details["Image"]}
    world.engine.pause_container(name)
    assert item()["State"] == "paused"
    world.engine.stop_container(name, 0)
    # Docker 26.1's list can be a moment behind; the driver inspects.
    eventually(lambda: item()["State"] == "exited")


def test_a_container_is_found_by_name_and_by_id(world: World):
    name = world.create()
    details = world.engine.inspect_container(name)
    assert details["Name"] == f"/{name}"
    assert world.engine.inspect_container(details["Id"])["Id"] == details["Id"]


def test_an_inspection_shows_the_configuration(world: World):
    image = world.load(world.image())
    name = world.create("/bin/sleep", "5", image=image.id, labels={"colour": "red"},
                        Hostname="alpha", Env=["A=b"],
                        host={"Memory": 64 * 2**20, "PidsLimit": 100})
    details = world.engine.inspect_container(name)
    assert details["Image"] == image.id
    assert details["Config"]["Labels"] == {**world.labels, "colour": "red"}
    assert details["Config"]["Hostname"] == "alpha"
    assert details["Config"]["Env"] == ["A=b"]
    assert details["Config"]["Cmd"] == ["/bin/sleep", "5"]
    assert details["HostConfig"]["Memory"] == 64 * 2**20
    assert details["HostConfig"]["NetworkMode"] == "none"
    assert (details["Path"], details["Args"]) == ("/bin/sleep", ["5"])


@pytest.mark.parametrize(("verb", "arguments"), [
    ("inspect_container", ()),
    ("start_container", ()),
    ("stop_container", (0,)),
    ("pause_container", ()),
    ("unpause_container", ()),
    ("update_container", ({"PidsLimit": 5},)),
])
def test_an_absent_container_is_not_found(world: World, verb: str, arguments: tuple[Any, ...]):
    with pytest.raises(exception.ContainerNotFound):
        getattr(world.engine, verb)(ABSENT, *arguments)


def test_an_absent_container_has_no_logs(world: World):
    with pytest.raises(exception.ContainerNotFound):
        world.engine.tail_logs(ABSENT, lines=1, max_bytes=1)


def test_a_removed_container_is_gone_and_removing_it_again_is_no_error(world: World):
    name = world.create()
    world.engine.remove_container(name)
    with pytest.raises(exception.ContainerNotFound):
        world.engine.inspect_container(name)
    world.engine.remove_container(name)


@pytest.mark.parametrize("paused", [False, True])
def test_a_running_container_is_killed_and_removed(world: World, paused: bool):
    name = world.run()
    if paused:
        world.engine.pause_container(name)
    world.engine.remove_container(name)
    assert world.engine.list_containers(world.labels) == []


def test_a_name_belongs_to_one_container(world: World):
    name = world.create()
    with pytest.raises(exception.EngineConflict):
        world.engine.create_container(name, world.config())
    world.engine.remove_container(name)
    world.engine.create_container(name, world.config())


def test_an_impossible_name_is_rejected(world: World):
    with pytest.raises(exception.EngineRejected):
        world.engine.create_container("not a name!", world.config())


@pytest.mark.parametrize("image", ["sha256:" + "0" * 64, "nova-docker-contract/absent:1"])
def test_an_absent_image_is_not_found(world: World, image: str):
    with pytest.raises(exception.EngineImageNotFound):
        world.create(image=image)


def test_too_little_memory_is_rejected(world: World):
    with pytest.raises(exception.EngineRejected, match="memory"):
        world.create(host={"Memory": 4096})


def test_an_image_without_a_command_is_rejected(world: World):
    image = world.load(world.image(command=None))
    with pytest.raises(exception.EngineRejected, match="command"):
        world.create(image=image.id)


@pytest.mark.parametrize("command", ["/bin/absent", "absent"])
def test_a_command_that_the_image_lacks_cannot_be_run(world: World, command: str):
    name = world.create(command)
    with pytest.raises(exception.CommandNotRunnable, match=command):
        world.engine.start_container(name)
    state = world.engine.inspect_container(name)["State"]
    assert (state["Status"], state["ExitCode"]) == ("created", 127)
    assert command in state["Error"]


def test_logs_are_the_last_lines_and_the_last_bytes(world: World):
    name = world.run("/bin/echo", "one\ntwo\nthree")
    eventually(lambda: world.ended(name))

    def tail(lines: int, max_bytes: int = 1000) -> list[bytes]:
        return world.engine.tail_logs(name, lines=lines, max_bytes=max_bytes).split()

    assert tail(100) == [b"one", b"two", b"three"]
    assert tail(2) == [b"two", b"three"]
    assert tail(0) == []
    assert tail(100, 5) == [b"ree"]  # the line ends with two bytes, CR and LF


def test_a_container_that_never_ran_has_empty_logs(world: World):
    assert world.engine.tail_logs(world.create(), lines=10, max_bytes=100) == b""


def test_logs_of_two_runs_follow_each_other(world: World):
    name = world.run("/bin/echo", "again")
    eventually(lambda: world.ended(name))
    world.engine.start_container(name)
    eventually(lambda: world.ended(name) and
               world.engine.tail_logs(name, lines=9, max_bytes=99).count(b"again") == 2)


@pytest.mark.parametrize("state", ["created", "running", "paused", "exited"])
def test_an_update_changes_limits_in_whatever_state(world: World, state: str):
    name = world.create(host={"Memory": 64 * 2**20, "MemorySwap": 64 * 2**20, "PidsLimit": 100,
                              "CpuPeriod": 100_000, "CpuQuota": 100_000})
    if state != "created":
        world.engine.start_container(name)
    if state == "paused":
        world.engine.pause_container(name)
    if state == "exited":
        world.engine.stop_container(name, 0)
    for wanted in ({"Memory": 96 * 2**20, "MemorySwap": 128 * 2**20, "PidsLimit": 50,
                    "CpuPeriod": 100_000, "CpuQuota": 200_000},
                   {"Memory": 32 * 2**20, "MemorySwap": 32 * 2**20, "CpuQuota": -1,
                    "CpuShares": 2048}):
        world.engine.update_container(name, wanted)
        limits = world.engine.inspect_container(name)["HostConfig"]
        assert {key: limits[key] for key in wanted} == wanted
    assert limits["PidsLimit"] == 50
    assert world.state(name) == state


def test_an_update_takes_the_limit_of_processes_away(world: World):
    name = world.create(host={"PidsLimit": 100})
    world.engine.update_container(name, {"PidsLimit": -1})
    assert not world.engine.inspect_container(name)["HostConfig"]["PidsLimit"]


def test_memory_above_the_limit_of_memory_and_swap_is_no_update(world: World):
    name = world.create(host={"Memory": 64 * 2**20, "MemorySwap": 64 * 2**20})
    with pytest.raises(exception.EngineConflict, match="memoryswap"):
        world.engine.update_container(name, {"Memory": 96 * 2**20})
    assert world.engine.inspect_container(name)["HostConfig"]["Memory"] == 64 * 2**20


def test_an_update_to_too_little_memory_is_rejected(world: World):
    with pytest.raises(exception.EngineRejected, match="memory"):
        world.engine.update_container(world.create(), {"Memory": 4096, "MemorySwap": 4096})
