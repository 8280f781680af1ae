"""A start-up removes what a dead nova-compute left half-made, and nothing else."""

import threading
from types import SimpleNamespace
import uuid

from nova import objects
import pytest

from nova_docker.operations import lifecycle
from nova_docker.operations import reconcile
from nova_docker.operations import sandbox
from nova_docker.translate import naming
from tests.fakes.engine import FakeEngine
from tests.fakes.network import FakeNetwork


@pytest.fixture
def nova_knows(monkeypatch: pytest.MonkeyPatch) -> list[SimpleNamespace]:
    """The instances of this host in Nova's database."""
    found: list[SimpleNamespace] = []
    monkeypatch.setattr(objects, "InstanceList", SimpleNamespace(
        get_by_host=lambda context, host, expected_attrs: found))
    return found


@pytest.fixture
def start_up(engine: FakeEngine, net: FakeNetwork, sandboxes: sandbox.Sandboxes,
             nova_knows: list[SimpleNamespace]):
    return lambda: reconcile.reconcile(engine, net, sandboxes)


@pytest.fixture
def half_made(instance: SimpleNamespace, sandboxes: sandbox.Sandboxes, net: FakeNetwork) -> str:
    """An instance with a sandbox and a NIC, and no workload."""
    net.plug(instance, (), sandboxes.ensure_running(instance))
    return instance.uuid


@pytest.mark.parametrize("has_sandbox", [True, False])
def test_a_store_is_removed_with_what_it_is_of(
        instance, engine, sandboxes, start_up, nova_knows, has_sandbox):
    instance.key_data = "ssh-rsa AAAA"
    sandboxes.create_draft(instance)
    if not has_sandbox:
        engine.remove_container(naming.draft_sandbox_name(instance.uuid))
    nova_knows.append(SimpleNamespace(uuid=instance.uuid, vm_state="active"))
    start_up()
    assert set(engine.volumes) == {naming.store_name(instance.uuid)}
    nova_knows.clear()
    start_up()
    assert engine.volumes == {}


def names(engine: FakeEngine) -> set[str]:
    return {made.name for made in engine.containers.values()}


def test_a_half_made_instance_is_removed(half_made, start_up, engine, net):
    start_up()
    assert names(engine) == set()
    assert net.plugged == {}


def test_a_half_made_instance_that_nova_is_building_is_removed(
        half_made, start_up, engine, nova_knows):
    nova_knows.append(SimpleNamespace(uuid=half_made, vm_state="building"))
    start_up()
    assert names(engine) == set()


@pytest.mark.parametrize("vm_state", ["active", "stopped", "error", "shelved", "resized"])
def test_an_instance_that_nova_has_built_is_never_touched(
        half_made, start_up, engine, net, nova_knows, vm_state):
    nova_knows.append(SimpleNamespace(uuid=half_made, vm_state=vm_state))
    start_up()
    assert names(engine) == {naming.sandbox_name(half_made)}
    assert half_made in net.plugged


@pytest.mark.parametrize("is_off", [False, True])
def test_a_whole_instance_is_left_to_novas_own_reaper(workload, start_up, engine, is_off):
    if is_off:
        engine.stop_container(workload, 0)
    before = names(engine)
    start_up()
    assert names(engine) == before


def test_a_workload_that_was_never_started_is_removed(workload, start_up, engine, instance):
    engine._find(workload, "look at").state = "created"
    start_up()
    assert names(engine) == set()


@pytest.mark.parametrize("rescuer", [None, "created"])
def test_an_interrupted_rescue_is_ended(workload, start_up, engine, instance, rescuer):
    own = engine._find(workload, "look at")
    engine.stop_container(workload, 0)
    engine.rename_container(workload, naming.parked_name(instance.uuid))
    if rescuer:
        engine.create_container(workload, own.config)
    start_up()
    assert names(engine) == {workload, naming.sandbox_name(instance.uuid)}
    assert engine._find(workload, "look at") is own


def test_a_rescue_that_runs_is_left_alone(workload, start_up, engine, instance):
    own = engine._find(workload, "look at")
    engine.stop_container(workload, 0)
    engine.rename_container(workload, naming.parked_name(instance.uuid))
    engine.create_container(workload, own.config)
    engine.start_container(workload)
    before = names(engine)
    start_up()
    assert names(engine) == before


def test_nics_without_any_container_are_removed(start_up, net):
    net.plugged[str(uuid.uuid4())] = 1
    start_up()
    assert net.plugged == {}


def test_containers_of_another_host_are_not_touched(half_made, start_up, engine, settings, net):
    net.plugged.clear()
    settings.config(host="another")
    start_up()
    assert names(engine) == {naming.sandbox_name(half_made)}


def test_nova_is_not_asked_when_there_is_nothing_to_remove(start_up, monkeypatch):
    monkeypatch.setattr(objects, "InstanceList", None)
    start_up()


def test_a_boot_that_is_at_work_is_waited_for_and_then_left_alone(
        workload, start_up, engine, instance):
    """As when the engine returns: another boot may have begun meanwhile."""
    engine._find(workload, "look at").state = "created"
    with lifecycle.exclusive(instance.uuid):
        beside = threading.Thread(target=start_up)
        beside.start()
        beside.join(timeout=0.2)
        assert beside.is_alive()
        engine.start_container(workload)
    beside.join()
    assert names(engine) == {workload, naming.sandbox_name(instance.uuid)}
