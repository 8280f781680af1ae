"""What a nova-compute that died left behind."""

from nova import context as nova_context
from nova import objects
from nova.compute import vm_states
import nova.conf
from oslo_log import log as logging

from nova_docker import network
from nova_docker.engine import client
from nova_docker.operations import lifecycle
from nova_docker.operations import rescue
from nova_docker.operations import sandbox
from nova_docker.operations import successor
from nova_docker.translate import container
from nova_docker.translate import naming

LOG = logging.getLogger(__name__)
CONF = nova.conf.CONF


def reconcile(engine: client.Engine, net: network.Network,
              sandboxes: sandbox.Sandboxes) -> None:
    """Remove half-made instances; touch nothing that belongs to a live one.

    Half-made is an instance whose container was never started, and that Nova
    does not know on this host, or knows as building: the build died with the
    process.  A whole instance that Nova does not know is left alone, for
    Nova's running_deleted_instance_action decides about it.
    """
    listed = engine.list_containers(naming.host_filter(CONF.host))
    for instance_uuid in {naming.instance_of(entry['Labels'])
                          for entry in filter(successor.is_interim, listed)}:
        with lifecycle.exclusive(instance_uuid):
            successor.settle(engine, instance_uuid)
    _end_interrupted_rescues(listed, engine)
    present = {naming.instance_of(entry['Labels']) for entry in listed}
    present |= {naming.instance_of(volume['Labels'])
                for volume in engine.list_volumes(naming.host_filter(CONF.host))}
    started = {naming.instance_of(entry['Labels']) for entry in listed if _is_started(entry)}
    abandoned = (present | net.plugged_instances()) - started
    if not abandoned:
        return
    live = _live_instances()
    for instance_uuid in sorted(abandoned - live):
        # A boot that is at work right now holds the lock.
        with lifecycle.exclusive(instance_uuid):
            _remove_if_half_made(instance_uuid, engine, net, sandboxes)


def _end_interrupted_rescues(listed: list[container.Json], engine: client.Engine) -> None:
    """Put back what was parked where no rescue container ever ran in its place."""
    for entry in filter(container.is_parked, listed):
        instance_uuid = naming.instance_of(entry['Labels'])
        # A rescue that is at work right now holds the lock.
        with lifecycle.exclusive(instance_uuid):
            entries = engine.list_containers(naming.instance_filter(CONF.host, instance_uuid))
            if not any(_is_started(other) and not container.is_parked(other)
                       for other in entries):
                LOG.warning('Ending an interrupted rescue of instance %s', instance_uuid)
                rescue.put_back(engine, instance_uuid)


def _remove_if_half_made(instance_uuid: str, engine: client.Engine, net: network.Network,
                         sandboxes: sandbox.Sandboxes) -> None:
    entries = engine.list_containers(naming.instance_filter(CONF.host, instance_uuid))
    if any(_is_started(entry) for entry in entries):
        return
    LOG.warning('Removing what an interrupted build of instance %s left', instance_uuid)
    engine.remove_container(naming.workload_name(instance_uuid))
    net.unplug_leftovers(instance_uuid, CONF.neutron.ovs_bridge)
    sandboxes.remove(instance_uuid)


def _is_started(entry: container.Json) -> bool:
    return container.is_workload(entry) and not container.never_started(entry)


def _live_instances() -> set[str]:
    """The instances of this host that Nova has finished building."""
    instances = objects.InstanceList.get_by_host(
        nova_context.get_admin_context(), CONF.host, expected_attrs=[])
    return {instance.uuid for instance in instances
            if instance.vm_state != vm_states.BUILDING}
