"""What ran when the engine went runs again when it is back.

``[DEFAULT]/resume_guests_state_on_host_boot`` asks for it.  Nova does it itself
when nova-compute starts, for what ran.  It does not know that an engine was
restarted under a nova-compute that went on, and leaves what was paused stopped.
"""

from collections.abc import Iterable

from nova import context as nova_context
from nova import objects
from nova.compute import power_state
from nova.compute import vm_states
import nova.conf
from nova.objects import instance as nova_instance
from oslo_log import log as logging

from nova_docker.operations import lifecycle

LOG = logging.getLogger(__name__)
CONF = nova.conf.CONF

_RAN = frozenset({vm_states.ACTIVE, vm_states.RESCUED, vm_states.RESIZED})
_RAN_POWER = frozenset({power_state.RUNNING, power_state.PAUSED})
_ATTRIBUTES = ('info_cache', 'metadata', 'system_metadata', 'numa_topology', 'flavor')


class Resumption:
    """Brings instances back to the state in which their users left them.

    What is stopped stays stopped.  What is suspended does, too, and ``resume``
    starts it.
    """

    def __init__(self, operations: lifecycle.Lifecycle) -> None:
        self._lifecycle = operations

    def after_engine(self) -> None:
        """Bring back what ran or was paused, when the engine is back."""
        if CONF.resume_guests_state_on_host_boot:
            for instance in objects.InstanceList.get_by_host(
                    nova_context.get_admin_context(), CONF.host,
                    expected_attrs=list(_ATTRIBUTES)):
                if _was_paused(instance) or _ran(instance):
                    self._bring_back(instance)

    def at_start(self, instances: Iterable[nova_instance.Instance]) -> None:
        """Bring back what was paused, when nova-compute starts; Nova does the rest."""
        if CONF.resume_guests_state_on_host_boot:
            for instance in filter(_was_paused, instances):
                self._bring_back(instance)

    def _bring_back(self, instance: nova_instance.Instance) -> None:
        try:
            if self._lifecycle.info(instance).state in _RAN_POWER:
                return
            LOG.info('Starting what stopped with its engine', instance=instance)
            self._lifecycle.resume(instance, instance.get_network_info())
            if _was_paused(instance):
                self._lifecycle.pause(instance)
        except Exception:  # the others must come back, whatever this one has
            LOG.exception('Could not start again what stopped with its engine; Nova will '
                          'show it as it is', instance=instance)


def _ran(instance: nova_instance.Instance) -> bool:
    return (instance.task_state is None and instance.vm_state in _RAN
            and instance.power_state in _RAN_POWER)


def _was_paused(instance: nova_instance.Instance) -> bool:
    return instance.task_state is None and instance.vm_state == vm_states.PAUSED
