"""What Nova hears when something happens on the engine, and when the engine is lost."""

from collections.abc import Iterator
import time
from types import SimpleNamespace
from unittest import mock

from nova import exception as nova_exception
from nova.compute import power_state
from nova.virt import event as virtevent
import pytest

from nova_docker import exception
from nova_docker.operations import events
from nova_docker.operations import lifecycle
from nova_docker.operations import memory
from nova_docker.translate import naming
from tests.contract.world import eventually
from tests.fakes.engine import FakeEngine

STARTED = virtevent.EVENT_LIFECYCLE_STARTED
STOPPED = virtevent.EVENT_LIFECYCLE_STOPPED
PAUSED = virtevent.EVENT_LIFECYCLE_PAUSED
RESUMED = virtevent.EVENT_LIFECYCLE_RESUMED
# What is done besides telling Nova.
NOTHING = (lambda: None, lambda: None, lambda instance_uuid: None)


class FakeHost:
    """Remembers whether the compute service is enabled, and why not."""

    def __init__(self) -> None:
        self.enabled: bool | None = None
        self.reason = ""

    def set_service_enabled(self, enabled: bool, reason: str = "") -> None:
        self.enabled, self.reason = enabled, reason


@pytest.fixture
def compute_host() -> FakeHost:
    return FakeHost()


@pytest.fixture
def told() -> list[tuple[str, int]]:
    """(instance uuid, transition), as Nova was told."""
    return []


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "STOP_DELAY", 0.1)
    monkeypatch.setattr(events, "_AGAIN_SECONDS", (0.05, 0.05))
    monkeypatch.setattr(events, "_RETRY_SECONDS", (0.02, 0.02))


@pytest.fixture
def told_of_freezes() -> list[str]:
    return []


@pytest.fixture
def brought_back() -> mock.Mock:
    return mock.Mock()


@pytest.fixture
def follower(engine: FakeEngine, compute_host: FakeHost, told: list[tuple[str, int]],
             brought_back: mock.Mock, told_of_freezes: list[str],
             workload: str) -> Iterator[events.Follower]:
    """Follows an engine on which the instance runs already."""
    made = events.Follower(engine, compute_host,
                           lambda event: told.append((event.uuid, event.transition)),
                           bring_back=brought_back, on_freeze=told_of_freezes.append,
                           on_return=lambda: told.append(("the engine", "is back")))
    made.start()
    eventually(lambda: ("events", {naming.LABEL_HOST: "unit-test-host"}) in engine.calls)
    yield made
    made.stop()


def test_a_container_that_dies_has_stopped(
        follower: events.Follower, engine: FakeEngine, told: list[tuple[str, int]],
        workload: str, instance: SimpleNamespace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(events, "_SHORT_LIFE", 0)
    engine.die(workload)
    eventually(lambda: told)
    time.sleep(0.3)
    assert told == [(instance.uuid, STOPPED)]


def test_a_reboot_is_not_taken_for_a_stop(
        follower: events.Follower, engine: FakeEngine, told: list[tuple[str, int]],
        workload: str, instance: SimpleNamespace):
    engine.stop_container(workload, 0)
    engine.start_container(workload)
    time.sleep(0.3)
    assert told == [(instance.uuid, STARTED)]


def test_what_ends_by_itself_is_told_at_once(
        follower: events.Follower, engine: FakeEngine, told: list[tuple[str, int]],
        workload: str, instance: SimpleNamespace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(events, "STOP_DELAY", 60)
    engine.die(workload, 1)
    eventually(lambda: (instance.uuid, STOPPED) in told)


def test_pause_and_unpause_are_told(
        follower: events.Follower, engine: FakeEngine, told: list[tuple[str, int]],
        told_of_freezes: list[str], workload: str, instance: SimpleNamespace):
    engine.pause_container(workload)
    engine.unpause_container(workload)
    eventually(lambda: told == [(instance.uuid, PAUSED), (instance.uuid, RESUMED)])
    eventually(lambda: told_of_freezes == [instance.uuid] * 2)


def test_the_end_of_a_sandbox_and_of_foreign_containers_is_nobodys_business(
        follower: events.Follower, engine: FakeEngine, told: list[tuple[str, int]],
        image: str, instance: SimpleNamespace):
    engine.die(naming.sandbox_name(instance.uuid))
    engine.create_container("foreign", {"Image": image})
    engine.start_container("foreign")
    time.sleep(0.3)
    assert told == []


def test_an_instance_that_was_removed_has_stopped(
        follower: events.Follower, engine: FakeEngine, told: list[tuple[str, int]],
        workload: str, instance: SimpleNamespace):
    """Nova ignores it when it asked for the removal."""
    engine.remove_container(workload)
    eventually(lambda: told == [(instance.uuid, STOPPED)])


def test_a_program_that_ends_at_once_is_told_of_again_as_nova_may_be_busy(
        follower: events.Follower, engine: FakeEngine, told: list[tuple[str, int]],
        workload: str, instance: SimpleNamespace):
    engine.die(workload)
    eventually(lambda: told == [(instance.uuid, STOPPED)] * 3)
    time.sleep(0.3)
    assert len(told) == 3


@pytest.mark.parametrize(("end", "truth"), [
    (lambda engine, name: engine.die(name, 3), power_state.CRASHED),
    (lambda engine, name: engine.remove_container(name), None),
])
def test_nova_finds_what_has_ended_as_it_is_told(
        engine: FakeEngine, compute_host: FakeHost, operations: lifecycle.Lifecycle,
        workload: str, instance: SimpleNamespace, end, truth):
    """It believes in a stop of what is SHUTDOWN, and of nothing else."""
    found = []

    def look() -> int | None:
        try:
            return made.as_told(instance, lambda: operations.info(instance)).state
        except nova_exception.InstanceNotFound:
            return None

    made = events.Follower(engine, compute_host, lambda event: found.append(look()), *NOTHING)
    made.start()
    eventually(lambda: compute_host.enabled)
    end(engine, workload)
    eventually(lambda: found)
    made.stop()
    assert {*found} == {power_state.SHUTDOWN}
    assert look() == truth


@pytest.mark.parametrize(("vm_state", "task_state"), [
    ("active", "deleting"), ("deleted", None), ("building", "spawning"),
    ("shelved_offloaded", None)])
def test_nova_does_not_find_what_it_removed_itself(
        engine: FakeEngine, compute_host: FakeHost, operations: lifecycle.Lifecycle,
        workload: str, instance: SimpleNamespace, vm_state: str, task_state: str | None):
    made = events.Follower(engine, compute_host, lambda event: None, *NOTHING)
    engine.remove_container(workload)
    instance.vm_state, instance.task_state = vm_state, task_state
    made._telling.stop_of = instance.uuid
    with pytest.raises(nova_exception.InstanceNotFound):
        made.as_told(instance, lambda: operations.info(instance))


def test_a_want_of_memory_is_recorded_once_a_minute(
        follower: events.Follower, engine: FakeEngine, workload: str,
        instance: SimpleNamespace, monkeypatch: pytest.MonkeyPatch):
    recorded = []
    monkeypatch.setattr(memory, "_record", recorded.append)
    for _ in range(3):
        engine._emit(engine._find(workload, ""), "oom")
    engine.pause_container(workload)
    eventually(lambda: recorded == [instance.uuid])
    later = time.monotonic() + 61
    monkeypatch.setattr(memory, "time", SimpleNamespace(monotonic=lambda: later))
    engine._emit(engine._find(workload, ""), "oom")
    eventually(lambda: recorded == [instance.uuid] * 2)


def test_a_lost_engine_disables_the_service_and_its_return_enables_it(
        follower: events.Follower, engine: FakeEngine, compute_host: FakeHost):
    eventually(lambda: compute_host.enabled is True)
    engine.go_down()
    eventually(lambda: compute_host.enabled is False)
    assert engine.url in compute_host.reason
    engine.down = False
    eventually(lambda: compute_host.enabled is True)


def test_what_happened_while_the_engine_was_lost_is_told_afterwards(
        follower: events.Follower, engine: FakeEngine, compute_host: FakeHost,
        told: list[tuple[str, int]], workload: str, instance: SimpleNamespace):
    engine.go_down()
    eventually(lambda: compute_host.enabled is False)
    engine.die(workload)
    told.clear()
    engine.down = False
    eventually(lambda: (instance.uuid, STOPPED) in told)


@pytest.mark.parametrize("resume", [True, False])
def test_an_engine_that_is_being_stopped_takes_its_instances_with_it_untold(
        follower: events.Follower, engine: FakeEngine, told: list[tuple[str, int]],
        workload: str, instance: SimpleNamespace, settings, resume: bool):
    """They would not be brought back if Nova knew; without that, it hears the truth."""
    settings.config(resume_guests_state_on_host_boot=resume)
    engine.fail("ping_anew", exception.EngineUnavailable(
        url=engine.url, action="ping", reason="refused"))
    engine.die(workload)
    if resume:
        time.sleep(0.5)
        assert told == []
    else:
        eventually(lambda: (instance.uuid, STOPPED) in told)


def test_an_engine_that_is_back_before_anybody_looked_has_its_instances_untold(
        follower: events.Follower, engine: FakeEngine, told: list[tuple[str, int]],
        brought_back: mock.Mock, workload: str, instance: SimpleNamespace,
        monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(events, "STOP_DELAY", 0.5)
    brought_back.side_effect = lambda: time.sleep(1)
    engine.stop_container(workload, 0)
    engine.go_down()
    engine.down = False
    eventually(lambda: brought_back.called)
    time.sleep(0.8)
    assert told == []


def test_what_ran_is_brought_back_before_nova_hears_of_a_stop(
        follower: events.Follower, engine: FakeEngine, compute_host: FakeHost,
        told: list[tuple[str, int]], workload: str, instance: SimpleNamespace,
        brought_back: mock.Mock):
    brought_back.side_effect = lambda: engine.start_container(workload)
    engine.go_down()
    eventually(lambda: compute_host.enabled is False)
    engine.die(workload)
    told.clear()
    engine.down = False
    eventually(lambda: ("the engine", "is back") in told)
    assert {*told} == {(instance.uuid, STARTED), ("the engine", "is back")}


def test_nova_hears_of_what_is_there_although_nothing_could_be_brought_back(
        follower: events.Follower, engine: FakeEngine, compute_host: FakeHost,
        told: list[tuple[str, int]], instance: SimpleNamespace, brought_back: mock.Mock):
    brought_back.side_effect = ConnectionError("the conductor is away")
    engine.go_down()
    eventually(lambda: compute_host.enabled is False)
    told.clear()
    engine.down = False
    eventually(lambda: ("the engine", "is back") in told)
    assert told == [(instance.uuid, STARTED), ("the engine", "is back")]


def test_a_container_that_a_rescue_has_parked_is_not_taken_for_the_instance(
        follower: events.Follower, engine: FakeEngine, compute_host: FakeHost,
        told: list[tuple[str, int]], workload: str, instance: SimpleNamespace):
    own = engine._find(workload, "look at")
    engine.stop_container(workload, 0)
    engine.rename_container(workload, naming.parked_name(instance.uuid))
    engine.create_container(workload, own.config)
    engine.start_container(workload)
    engine.go_down()
    eventually(lambda: compute_host.enabled is False)
    told.clear()
    engine.down = False
    eventually(lambda: ("the engine", "is back") in told)
    assert told == [(instance.uuid, STARTED), ("the engine", "is back")]


def test_it_ends_promptly(follower: events.Follower):
    began = time.monotonic()
    follower.stop()
    assert time.monotonic() - began < 1


def test_a_conductor_that_is_lost_with_the_engine_does_not_end_the_following(
        follower: events.Follower, engine: FakeEngine, compute_host: FakeHost,
        monkeypatch: pytest.MonkeyPatch):
    def unreachable(enabled: bool, reason: str = "") -> None:
        raise TimeoutError("no conductor")

    with monkeypatch.context() as lost:
        lost.setattr(compute_host, "set_service_enabled", unreachable)
        engine.go_down()
        time.sleep(0.2)
    compute_host.enabled = None
    engine.down = False
    eventually(lambda: compute_host.enabled is True)


def test_a_stop_before_the_stream_is_open_ends_it_all_the_same(
        engine: FakeEngine, compute_host: FakeHost):
    made = events.Follower(engine, compute_host, lambda event: None, *NOTHING)
    original = engine.events

    def stopped_meanwhile(*args, **kwargs):
        made._stopping.set()
        return original(*args, **kwargs)

    engine.events = stopped_meanwhile
    made.start()
    made.stop()
    assert not made._thread.is_alive()
