"""What ran when the engine went is brought back, as its user left it."""

from types import SimpleNamespace

from nova import objects
from nova.compute import power_state
from oslo_config import fixture as config_fixture
import pytest

from nova_docker.operations import lifecycle
from nova_docker.operations import resumption
from nova_docker.translate import naming
from tests.fakes.engine import FakeEngine
from tests.fakes.network import FakeNetwork

STATES = {
    "active": power_state.RUNNING, "rescued": power_state.RUNNING,
    "resized": power_state.RUNNING, "paused": power_state.PAUSED,
    "suspended": power_state.PAUSED, "stopped": power_state.SHUTDOWN}


@pytest.fixture
def resume(operations: lifecycle.Lifecycle, settings: config_fixture.Config, workload: str,
           instance: SimpleNamespace, engine: FakeEngine,
           monkeypatch: pytest.MonkeyPatch) -> resumption.Resumption:
    """Of an engine that was restarted: neither container runs."""
    instance.get_network_info = tuple
    monkeypatch.setattr(objects, "InstanceList", SimpleNamespace(
        get_by_host=lambda context, host, expected_attrs: [instance]))
    settings.config(resume_guests_state_on_host_boot=True)
    for name in (workload, naming.sandbox_name(instance.uuid)):
        engine.die(name)
    return resumption.Resumption(operations)


def left(instance: SimpleNamespace, vm_state: str) -> SimpleNamespace:
    instance.vm_state, instance.power_state = vm_state, STATES[vm_state]
    return instance


@pytest.mark.parametrize(("vm_state", "expected"), [
    ("active", "running"), ("rescued", "running"), ("resized", "running"),
    ("paused", "paused"), ("suspended", "exited"), ("stopped", "exited")])
def test_an_engine_that_is_back_has_instances_as_they_were_left(
        resume: resumption.Resumption, engine: FakeEngine, net: FakeNetwork, workload: str,
        instance: SimpleNamespace, vm_state: str, expected: str):
    left(instance, vm_state)
    resume.after_engine()
    assert engine.inspect_container(workload)["State"]["Status"] == expected
    assert (instance.uuid in net.plugged) == (expected != "exited")
    assert (instance.uuid in net.without_carrier) == (expected == "paused")


def test_a_start_of_nova_compute_brings_back_what_nova_does_not(
        resume: resumption.Resumption, engine: FakeEngine, workload: str,
        instance: SimpleNamespace):
    resume.at_start([left(instance, "active")])
    assert engine.inspect_container(workload)["State"]["Status"] == "exited"
    resume.at_start([left(instance, "paused")])
    assert engine.inspect_container(workload)["State"]["Status"] == "paused"


def test_with_which_nova_is_busy_and_what_runs_is_left_alone(
        resume: resumption.Resumption, engine: FakeEngine, workload: str,
        instance: SimpleNamespace):
    left(instance, "active").task_state = "rebooting"
    resume.after_engine()
    assert engine.inspect_container(workload)["State"]["Status"] == "exited"
    instance.task_state = None
    resume.after_engine()
    engine.calls.clear()
    resume.after_engine()
    assert "start_container" not in {name for name, *_ in engine.calls}


def test_without_the_option_nothing_is_started(
        resume: resumption.Resumption, engine: FakeEngine, workload: str,
        instance: SimpleNamespace, settings: config_fixture.Config):
    settings.config(resume_guests_state_on_host_boot=False)
    resume.after_engine()
    resume.at_start([left(instance, "paused")])
    assert engine.inspect_container(workload)["State"]["Status"] == "exited"


def test_one_that_cannot_be_started_does_not_keep_the_others_from_it(
        resume: resumption.Resumption, engine: FakeEngine, workload: str,
        instance: SimpleNamespace, monkeypatch: pytest.MonkeyPatch):
    gone = SimpleNamespace(**{**vars(instance), "uuid": "11111111-1111-4111-8111-111111111111"})
    monkeypatch.setattr(objects, "InstanceList", SimpleNamespace(
        get_by_host=lambda context, host, expected_attrs: [left(gone, "active"),
                                                           left(instance, "active")]))
    resume.after_engine()
    assert engine.inspect_container(workload)["State"]["Status"] == "running"
