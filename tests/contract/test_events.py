"""What an engine tells about its containers.  The fake is held to the real one."""

import threading
import time

from nova_docker.engine.client import EventStream
from tests.contract.world import eventually
from tests.contract.world import World


def heard(stream: EventStream, last: str) -> list[str]:
    """The actions up to the last one; how many signals a stop takes is left out."""
    actions: list[str] = []
    for event in stream:
        if not actions or event["Action"] != actions[-1]:
            actions.append(event["Action"])
        if event["Action"] == last:
            break
    return actions


def test_the_life_of_a_container_is_told_in_its_order(world: World):
    stream = world.listen()
    name = world.run()
    world.engine.pause_container(name)
    world.engine.unpause_container(name)
    world.engine.stop_container(name, 0)
    world.engine.start_container(name)
    world.engine.remove_container(name)
    told = heard(stream, "destroy")
    # Docker 26 tells of the stop before the death, and may tell a pause once more.
    assert {"pause", "unpause", "stop"} <= set(told)
    assert [action for action in told if action not in ("pause", "unpause", "stop")] == [
        "create", "start", "kill", "die", "start", "kill", "die", "destroy"]


def test_an_event_names_the_container_and_its_labels(world: World):
    stream = world.listen()
    name = world.run("/bin/false", labels={"colour": "red"})
    event = next(event for event in stream if event["Action"] == "die")
    attributes = event["Actor"]["Attributes"]
    assert event["Type"] == "container"
    assert event["Actor"]["ID"] == world.engine.inspect_container(name)["Id"]
    assert attributes["name"] == name
    assert attributes["colour"] == "red"
    assert attributes["exitCode"] == "1"
    assert abs(event["time"] - time.time()) < 60
    assert event["timeNano"] // 10**9 == event["time"]


def test_a_start_that_fails_is_told_as_no_start(world: World):
    stream = world.listen()
    name = world.create("/bin/absent")
    try:
        world.engine.start_container(name)
    except Exception as e:  # noqa: BLE001 - which one is another case's matter
        assert "absent" in str(e)
    world.engine.remove_container(name)
    assert "start" not in heard(stream, "destroy")


def test_only_containers_with_all_the_labels_are_told(world: World):
    stream = world.listen({**world.labels, "colour": "red"})
    world.create(labels={"colour": "blue"})
    red = world.create(labels={"colour": "red"})
    event = next(iter(stream))
    assert event["Actor"]["Attributes"]["name"] == red


def test_what_happened_since_a_moment_comes_first(world: World):
    began = int(time.time())
    name = world.run()
    events = iter(world.listen(since=began))
    assert [next(events)["Action"] for _ in range(2)] == ["create", "start"]
    world.engine.stop_container(name, 0)
    assert next(events)["Action"] == "kill"


def test_closing_a_stream_ends_the_thread_that_reads_it(world: World):
    stream = world.listen()
    events: list[object] = []
    reader = threading.Thread(target=lambda: events.extend(stream), daemon=True)
    reader.start()
    world.create()
    time.sleep(0.3)
    stream.close()
    stream.close()
    eventually(lambda: not reader.is_alive())
    assert len(events) == 1
