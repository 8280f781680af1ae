"""What happens outside of Nova is told to it as it is, on a real engine."""

from unittest import mock

from nova import exception as nova_exception
from nova import objects
from nova.compute import power_state
from nova.virt import event as virtevent
import pytest

from nova_docker.operations import memory
from nova_docker.translate import naming
from tests.engine import instances
from tests.engine import waiting

# A first process without a handler would not hear the signal.
PATIENT = ["sh", "-c", "trap 'exit 3' USR1; echo ready; while :; do sleep 0.1; done"]


class Nova:
    """Looks at the instance of which it is told, as the compute manager does."""

    def __init__(self, driver, instance) -> None:
        self.found: list[tuple[int, int]] = []
        self._driver, self._instance = driver, instance
        driver.register_event_listener(self._hear)

    def _hear(self, event: virtevent.LifecycleEvent) -> None:
        if event.uuid == self._instance.uuid:
            self.found.append((event.transition, self.look()))

    def look(self) -> int:
        try:
            return self._driver.get_info(self._instance, use_cache=False).state
        except nova_exception.InstanceNotFound:
            return power_state.NOSTATE


STOPPED = (virtevent.EVENT_LIFECYCLE_STOPPED, power_state.SHUTDOWN)


@pytest.mark.parametrize(("act", "after"), [
    (lambda api, name: api.kill(name, "USR1"), power_state.CRASHED),
    (lambda api, name: api.remove_container(name, force=True), power_state.NOSTATE),
    (lambda api, name: api.stop(name, timeout=0), power_state.SHUTDOWN),
], ids=["crashed", "removed", "stopped"])
def test_nova_believes_in_an_end_of_any_kind(boots, api, act, after):
    instance = boots.archive(instances.busybox(command=PATIENT))
    instance.vm_state = "active"
    waiting.until(lambda: "ready" in boots.driver.get_console_output(boots.context, instance))
    nova = Nova(boots.driver, instance)
    act(api, naming.workload_name(instance.uuid))
    waiting.until(lambda: STOPPED in nova.found, seconds=5)
    assert nova.look() == after


def test_a_want_of_memory_is_recorded_where_the_user_sees_it(boots):
    actions: list[objects.InstanceAction] = []
    instance = boots.archive(instances.busybox(
        command=["sh", "-c", "sleep 1; exec tail /dev/zero"]))
    nova = Nova(boots.driver, instance)
    with (mock.patch.object(objects.Instance, "get_by_uuid", return_value=instance),
          mock.patch.object(objects.InstanceAction, "create", autospec=True,
                            side_effect=actions.append)):
        waiting.until(lambda: actions, seconds=20)
        waiting.until(lambda: STOPPED in nova.found, seconds=5)
    assert [action.action for action in actions] == [memory.ACTION]
    assert "all of its 64 MB" in actions[0].message
    assert len(actions[0].message) < 255
    assert nova.look() == power_state.CRASHED
