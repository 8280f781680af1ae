"""A want of memory is an action of the instance, which its users see."""

from types import SimpleNamespace
from unittest import mock

from nova import exception as nova_exception
from nova import objects
import pytest

from nova_docker.operations import memory
from tests.contract.world import eventually

UUID = "5f3a1d2e-0c4b-4c1e-9a6f-3d2b1a0c9e8f"
INSTANCE = SimpleNamespace(uuid=UUID, project_id="demo", flavor=SimpleNamespace(memory_mb=64))


def test_it_says_how_much_there_was_and_what_to_do():
    made = []
    with (mock.patch.object(objects.Instance, "get_by_uuid", return_value=INSTANCE),
          mock.patch.object(objects.InstanceAction, "create", autospec=True,
                            side_effect=made.append)):
        memory.Shortages().tell(UUID)
        eventually(lambda: made)
    (action,) = made
    assert (action.action, action.instance_uuid, action.project_id) == (
        "out_of_memory", UUID, "demo")
    assert "all of its 64 MB" in action.message
    assert "Resize it" in action.message
    assert len(action.message) < 255
    assert action.finish_time


def test_it_is_logged_when_it_cannot_be_recorded(caplog: pytest.LogCaptureFixture):
    gone = nova_exception.InstanceNotFound(instance_id=UUID)
    with mock.patch.object(objects.Instance, "get_by_uuid", side_effect=gone):
        memory.Shortages().tell(UUID)
        eventually(lambda: f"that instance {UUID} ran out of memory" in caplog.text)
