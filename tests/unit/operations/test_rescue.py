"""Whatever fails in a rescue, the instance's own container is in its place afterwards."""

import contextlib
from types import SimpleNamespace

from nova import exception as nova_exception
import pytest

from nova_docker import exception
from nova_docker.operations import lifecycle
from nova_docker.operations import rescue
from nova_docker.translate import naming
from tests.fakes.engine import FakeEngine

NO_NICS: tuple[()] = ()


@pytest.fixture
def rescuer(engine: FakeEngine, operations: lifecycle.Lifecycle,
            instance: SimpleNamespace) -> rescue.Rescue:
    instance.image_ref = "own-image"
    instance.get_network_info = lambda: None
    return rescue.Rescue(engine, SimpleNamespace(), operations)


@pytest.fixture
def begin(rescuer: rescue.Rescue, instance: SimpleNamespace):
    own_image = SimpleNamespace(obj_attr_is_set=lambda name: False)
    return lambda: rescuer.rescue(None, instance, NO_NICS, own_image, None)


def test_the_original_is_parked_and_comes_back(
        begin, rescuer, engine, workload, instance):
    own = engine._find(workload, "look at")
    begin()
    assert own.name == naming.parked_name(instance.uuid)
    assert own.state == "exited", "two mounts of its layers would damage them"
    assert engine._find(workload, "look at").state == "running"
    rescuer.unrescue(instance)
    assert (own.name, own.state) == (workload, "running")
    assert len(engine.containers) == 2


@pytest.mark.parametrize("verb", [
    "stop_container", "rename_container", "create_container", "start_container"])
def test_a_step_that_fails_is_taken_back(verb, begin, engine, workload):
    own = engine._find(workload, "look at")
    engine.fail(verb, exception.EngineError(action=verb, reason="it fails"))
    with pytest.raises(exception.EngineError, match="it fails"):
        begin()
    assert own.name == workload
    assert len(engine.containers) == 2


@pytest.mark.parametrize("verb", ["remove_container", "rename_container", "start_container"])
def test_an_unrescue_that_fails_can_be_repeated(verb, begin, rescuer, engine, workload, instance):
    own = engine._find(workload, "look at")
    begin()
    engine.fail(verb, exception.EngineError(action=verb, reason="it fails"))
    with contextlib.suppress(exception.EngineError):
        rescuer.unrescue(instance)
    rescuer.unrescue(instance)
    assert (own.name, own.state) == (workload, "running")


def test_an_open_image_is_refused_for_a_rescue_has_no_user_data_of_its_own(
        rescuer, engine, workload, instance):
    rescuer._images.describe = lambda context, image_id: (None, {"docker_image": "*"})
    another = SimpleNamespace(id="another", obj_attr_is_set=lambda name: True)
    with pytest.raises(exception.NotRescuable, match="Name another image"):
        rescuer.rescue(None, instance, NO_NICS, another, None)
    assert engine._find(workload, "look at").state == "running"


def test_an_absent_instance_is_not_found_and_nothing_is_made(begin, rescuer, engine, instance):
    for call in (begin, lambda: rescuer.unrescue(instance)):
        with pytest.raises(nova_exception.InstanceNotFound):
            call()
    assert engine.containers == {}
