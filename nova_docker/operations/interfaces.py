"""NICs that come to and go from an instance that exists."""

from nova import exception as nova_exception
from nova.network import model as network_model
from nova.objects import instance as nova_instance
from oslo_log import log as logging

from nova_docker import network
from nova_docker.engine import client
from nova_docker.operations import lifecycle
from nova_docker.operations import sandbox
from nova_docker.operations import undo
from nova_docker.translate import container
from nova_docker.translate import naming

LOG = logging.getLogger(__name__)


class Interfaces:
    """Attaches and detaches single NICs.

    A NIC that is there keeps its name while the instance runs, and a new one
    gets the next free name.  When the instance is started or rebooted the names
    come from the order in network_info again: after eth0 was detached, the NIC
    that was eth1 is then eth0.
    """

    def __init__(self, engine: client.Engine, net: network.Network,
                 sandboxes: sandbox.Sandboxes) -> None:
        self._engine = engine
        self._network = net
        self._sandboxes = sandboxes

    def attach(self, instance: nova_instance.Instance, vif: network_model.VIF) -> None:
        """Plug one NIC more; on failure leave nothing of it.

        Into a stopped instance it comes without a link.  Without a running
        sandbox there is nowhere to plug into; the next start plugs.

        :raises InstanceNotFound: when its container is absent
        :raises InterfaceAttachFailed: with the cause
        """
        with lifecycle.exclusive(instance.uuid):
            with lifecycle.known(instance):
                inspected = self._engine.inspect_container(naming.workload_name(instance.uuid))
            pid = self._sandboxes.find_running(instance.uuid)
            if pid is None:
                LOG.debug('No running sandbox: port %s is plugged at the next start',
                          vif['id'], instance=instance)
                return
            self._plug(instance, vif, pid)
            if not container.is_at_work(inspected):
                self._network.set_carrier(instance.uuid, connected=False)

    def _plug(self, instance: nova_instance.Instance, vif: network_model.VIF,
              pid: int) -> None:
        # Nova may have put the new one into its cache already.
        others = [other for other in instance.get_network_info() if other['id'] != vif['id']]
        try:
            with undo.UndoStack(instance) as undone:
                undone.push('unplug the NIC', lambda: self._network.detach(instance, vif))
                self._network.attach(instance, others, vif, pid)
        except Exception as e:
            # Nova gives the port back only after an exception of its own kind.
            raise nova_exception.InterfaceAttachFailed(
                f"Port {vif['id']} could not be attached: {e}",
                instance_uuid=instance.uuid) from e

    def detach(self, instance: nova_instance.Instance, vif: network_model.VIF) -> None:
        """Take one NIC away, in whatever state the instance is; a gone one is fine.

        The default route, if it had that, goes to the next NIC with a gateway.

        :raises InterfaceDetachFailed: with the cause
        """
        with lifecycle.exclusive(instance.uuid):
            try:
                self._network.detach(instance, vif)
                self._rearrange(instance, vif)
            except (nova_exception.VirtualInterfaceUnplugException,
                    nova_exception.VirtualInterfacePlugException) as e:
                raise nova_exception.InterfaceDetachFailed(
                    f"Port {vif['id']} could not be detached: {e}",
                    instance_uuid=instance.uuid) from e

    def _rearrange(self, instance: nova_instance.Instance, gone: network_model.VIF) -> None:
        """Routes and names for the NICs that stay."""
        pid = self._sandboxes.find_running(instance.uuid)
        staying = [vif for vif in instance.get_network_info() if vif['id'] != gone['id']]
        if pid is None or not staying:
            return
        with lifecycle.known(instance):
            inspected = self._engine.inspect_container(naming.workload_name(instance.uuid))
        self._network.repair(instance, staying, pid, keep_names=True)
        if not container.is_at_work(inspected):
            self._network.set_carrier(instance.uuid, connected=False)
