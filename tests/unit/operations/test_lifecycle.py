"""What an instance is after each of its operations."""

from collections.abc import Callable
from types import SimpleNamespace

from nova import exception as nova_exception
from nova.compute import power_state
import pytest

from nova_docker import exception
from nova_docker.operations.lifecycle import Lifecycle
from nova_docker.translate import naming
from tests.fakes.engine import FakeEngine
from tests.fakes.network import FakeNetwork

NO_NICS: tuple[()] = ()
OPERATIONS: dict[str, Callable[[Lifecycle, SimpleNamespace], object]] = {
    "info": lambda operations, instance: operations.info(instance),
    "console_output": lambda operations, instance: operations.console_output(instance),
    "power_off": lambda operations, instance: operations.power_off(instance, 0),
    "power_on": lambda operations, instance: operations.power_on(instance, NO_NICS),
    "reboot": lambda operations, instance: operations.reboot(instance, NO_NICS, soft=True),
    "pause": lambda operations, instance: operations.pause(instance),
    "unpause": lambda operations, instance: operations.unpause(instance),
}


def state(operations: Lifecycle, instance: SimpleNamespace) -> int:
    return operations.info(instance).state


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - {"power_off"}))
def test_an_absent_instance_is_not_found_and_nothing_is_made(
        name: str, operations: Lifecycle, engine: FakeEngine, instance: SimpleNamespace):
    with pytest.raises(nova_exception.InstanceNotFound):
        OPERATIONS[name](operations, instance)
    assert engine.containers == {}


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_lost_engine_is_no_absent_instance(
        name: str, operations: Lifecycle, engine: FakeEngine, workload: str,
        instance: SimpleNamespace):
    """Or Nova would take a running instance for a deleted one."""
    engine.go_down()
    with pytest.raises(exception.EngineUnavailable):
        OPERATIONS[name](operations, instance)


def test_an_absent_instance_is_off(operations: Lifecycle, engine: FakeEngine,
                                  instance: SimpleNamespace):
    operations.power_off(instance, 5)
    assert engine.containers == {}


def test_off_and_on_again(operations: Lifecycle, net: FakeNetwork, workload: str,
                          instance: SimpleNamespace):
    assert state(operations, instance) == power_state.RUNNING
    operations.power_off(instance, 0)
    assert state(operations, instance) == power_state.SHUTDOWN
    operations.power_on(instance, NO_NICS)
    assert state(operations, instance) == power_state.RUNNING
    assert net.plugged.keys() == {instance.uuid}


def test_a_stopped_instance_does_not_answer_on_the_wire(
        operations: Lifecycle, net: FakeNetwork, workload: str, instance: SimpleNamespace):
    operations.power_off(instance, 0)
    assert net.without_carrier == {instance.uuid}
    operations.power_on(instance, NO_NICS)
    assert net.without_carrier == set()


@pytest.mark.parametrize("times", [1, 2])
def test_pause_and_unpause_may_be_repeated(operations: Lifecycle, workload: str,
                                           instance: SimpleNamespace, times: int):
    for _ in range(times):
        operations.pause(instance)
    assert state(operations, instance) == power_state.PAUSED
    for _ in range(times):
        operations.unpause(instance)
    assert state(operations, instance) == power_state.RUNNING


@pytest.mark.parametrize("soft", [True, False])
def test_a_reboot_starts_another_process_in_the_same_network(
        operations: Lifecycle, engine: FakeEngine, net: FakeNetwork, workload: str,
        instance: SimpleNamespace, soft: bool):
    sandbox = naming.sandbox_name(instance.uuid)
    before = [engine.inspect_container(name)["State"]["Pid"] for name in (workload, sandbox)]
    operations.reboot(instance, NO_NICS, soft)
    after = [engine.inspect_container(name)["State"]["Pid"] for name in (workload, sandbox)]
    assert after[0] != before[0]
    assert after[1] == before[1]
    assert net.plugged[instance.uuid] == after[1]


def test_a_reboot_brings_a_crashed_or_paused_instance_back(
        operations: Lifecycle, engine: FakeEngine, workload: str, instance: SimpleNamespace):
    engine.die(workload, exit_code=1)
    assert state(operations, instance) == power_state.CRASHED
    stopped = SimpleNamespace(**{**vars(instance), "vm_state": "stopped"})
    assert state(operations, stopped) == power_state.SHUTDOWN
    operations.reboot(instance, NO_NICS, soft=False)
    operations.pause(instance)
    operations.reboot(instance, NO_NICS, soft=False)
    assert state(operations, instance) == power_state.RUNNING


def test_a_start_revives_a_sandbox_that_died(
        operations: Lifecycle, engine: FakeEngine, workload: str, instance: SimpleNamespace):
    operations.power_off(instance, 0)
    engine.die(naming.sandbox_name(instance.uuid))
    operations.power_on(instance, NO_NICS)
    assert state(operations, instance) == power_state.RUNNING


def test_destroying_leaves_nothing_and_may_be_repeated(
        operations: Lifecycle, engine: FakeEngine, net: FakeNetwork, workload: str,
        instance: SimpleNamespace):
    operations.power_on(instance, NO_NICS)
    for _ in range(2):
        operations.destroy(instance, NO_NICS)
        assert (engine.containers, net.plugged) == ({}, {})


def test_destroying_removes_what_a_boot_had_made_before_its_workload(
        operations: Lifecycle, engine: FakeEngine, sandboxes, instance: SimpleNamespace):
    sandboxes.ensure_running(instance)
    operations.destroy(instance, None)
    assert engine.containers == {}


def test_a_kept_disk_is_a_stopped_container_that_starts_again(
        operations: Lifecycle, workload: str, instance: SimpleNamespace):
    operations.destroy(instance, NO_NICS, keep_disk=True)
    assert state(operations, instance) == power_state.SHUTDOWN
    operations.power_on(instance, NO_NICS)
    assert state(operations, instance) == power_state.RUNNING


def test_only_instances_of_this_host_are_listed_and_each_once(
        operations: Lifecycle, engine: FakeEngine, image: str, workload: str,
        instance: SimpleNamespace):
    engine.create_container("foreign", {"Image": image, "Labels": {}})
    engine.create_container("neighbours", {"Image": image, "Labels": naming.labels(
        naming.ROLE_WORKLOAD, instance_uuid="x", instance_name="y", host="another-host")})
    assert operations.instances() == {instance.uuid: instance.name}


def test_listing_is_one_request_whatever_the_number(
        operations: Lifecycle, engine: FakeEngine, workload: str):
    engine.calls.clear()
    operations.instances()
    assert [call[0] for call in engine.calls] == ["list_containers"]


def test_the_cable_follows_who_freezes_and_thaws_by_hand(
        operations: Lifecycle, engine: FakeEngine, net: FakeNetwork, workload: str,
        instance: SimpleNamespace):
    engine.pause_container(workload)
    operations.align_carrier(instance.uuid)
    assert net.without_carrier == {instance.uuid}
    engine.unpause_container(workload)
    operations.align_carrier(instance.uuid)
    assert net.without_carrier == set()
    engine.remove_container(workload)
    operations.align_carrier(instance.uuid)
