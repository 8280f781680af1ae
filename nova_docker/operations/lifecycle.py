"""What happens to an instance between its boot and its end."""

from collections.abc import Iterator
import contextlib
import threading
import time

from nova import exception as nova_exception
from nova.compute import task_states
from nova.compute import vm_states
import nova.conf
from nova.network import model as network_model
from nova.objects import instance as nova_instance
from nova.virt import hardware
from oslo_concurrency import lockutils
from oslo_log import log as logging

from nova_docker import exception
from nova_docker import network
from nova_docker.engine import client
from nova_docker.operations import allowance
from nova_docker.operations import sandbox
from nova_docker.operations import successor
from nova_docker.translate import container
from nova_docker.translate import naming

LOG = logging.getLogger(__name__)
CONF = nova.conf.CONF

# As Nova's libvirt driver: the API hands out the end of the console.
_CONSOLE_BYTES = 100 * 1024
_CONSOLE_LINES = 2000

# Instance uuid -> (since when by the monotonic clock, thread): for reports.
HELD: dict[str, tuple[float, str]] = {}


@contextlib.contextmanager
def exclusive(instance_uuid: str) -> Iterator[None]:
    """One operation on an instance at a time.

    Nova holds no lock on many of them.  The name differs from the lock that
    Nova does hold, on the bare uuid, or a thread would wait for itself.
    """
    with lockutils.lock(f'nova-docker-{instance_uuid}'):
        HELD[instance_uuid] = (time.monotonic(), threading.current_thread().name)
        try:
            yield
        finally:
            del HELD[instance_uuid]


@contextlib.contextmanager
def known(instance: nova_instance.Instance) -> Iterator[None]:
    """:raises InstanceNotFound: when its container is absent"""
    try:
        yield
    except exception.ContainerNotFound as e:
        raise nova_exception.InstanceNotFound(instance_id=instance.uuid) from e


def _asked_to_stop(instance: nova_instance.Instance) -> bool:
    return (instance.vm_state in {vm_states.STOPPED, vm_states.SOFT_DELETED}
            or instance.task_state == task_states.POWERING_OFF)


class Lifecycle:
    """The operations on instances that exist."""

    def __init__(self, engine: client.Engine, net: network.Network,
                 sandboxes: sandbox.Sandboxes, allowances: allowance.Allowances) -> None:
        self._engine = engine
        self._network = net
        self._sandboxes = sandboxes
        self._allowances = allowances

    # What there is ---------------------------------------------------------------

    def instances(self) -> dict[str, str]:
        """The instances of this host by the engine's word: {uuid: name}.

        One request, whatever their number.  A boot that has made only its
        sandbox counts too, so that nothing of ours is ever invisible.
        """
        listed = self._engine.list_containers(naming.host_filter(CONF.host))
        return {naming.instance_of(entry['Labels']): entry['Labels'][naming.LABEL_NAME]
                for entry in listed}

    def exists(self, instance: nova_instance.Instance) -> bool:
        """Whether the engine has any container of the instance."""
        return bool(self._engine.list_containers(
            naming.instance_filter(CONF.host, instance.uuid)))

    def info(self, instance: nova_instance.Instance) -> hardware.InstanceInfo:
        """:raises InstanceNotFound: when its container is absent"""
        with known(instance):
            inspected = self._engine.inspect_container(naming.workload_name(instance.uuid))
        return hardware.InstanceInfo(
            state=container.power_state_of(inspected, _asked_to_stop(instance)),
            internal_id=inspected['Id'])

    def console_output(self, instance: nova_instance.Instance) -> str:
        """The end of what the instance printed, also when it is stopped.

        Nova encodes the text as Latin-1, so that is how the bytes are decoded:
        none is lost.

        :raises InstanceNotFound: when its container is absent
        """
        with known(instance):
            output = self._engine.tail_logs(
                naming.workload_name(instance.uuid),
                lines=_CONSOLE_LINES, max_bytes=_CONSOLE_BYTES)
        return output.decode('latin-1')

    # Power ---------------------------------------------------------------------------

    def power_off(self, instance: nova_instance.Instance, timeout: int) -> None:
        """Stop the image's process: its stop signal, then, after ``timeout``
        seconds, SIGKILL.  The sandbox keeps the NICs, unplugged from the wire.

        What is absent is off: a failed rebuild has removed it, and Nova switches
        it off before the next.  It would take an error for a deletion, and show
        the server rebuilding for ever.
        """
        with exclusive(instance.uuid):
            self._stop_if_there(naming.workload_name(instance.uuid), timeout)
            self._network.set_carrier(instance.uuid, connected=False)

    def power_on(self, instance: nova_instance.Instance,
                 network_info: network_model.NetworkInfo) -> None:
        """Start, after repairing whatever the network lacks.

        :raises InstanceNotFound: when its container is absent
        """
        with exclusive(instance.uuid), known(instance):
            self.start(instance, network_info)

    def reboot(self, instance: nova_instance.Instance,
               network_info: network_model.NetworkInfo, soft: bool) -> None:
        """Stop and start; a soft reboot asks the process to end first.

        A hard one also mends the limits, which a resize that broke off may have
        left as they were, or changed already.

        :raises InstanceNotFound: when its container is absent
        """
        timeout = CONF.docker.reboot_timeout if soft else 0
        with exclusive(instance.uuid), known(instance):
            self._engine.stop_container(naming.workload_name(instance.uuid), timeout)
            if not soft:
                self._allowances.apply(instance)
            self.start(instance, network_info)

    def start(self, instance: nova_instance.Instance,
              network_info: network_model.NetworkInfo) -> None:
        """Start, with the network in place.  The caller holds the instance's lock.

        :raises ContainerNotFound: when its container is absent
        :raises SandboxLost: when what it can join is
        """
        # A start of a container that is not there must not make a sandbox.
        self._engine.inspect_container(naming.workload_name(instance.uuid))
        pid = self._sandboxes.ensure_running(instance)
        self._network.repair(instance, network_info, pid)
        try:
            self._engine.start_container(naming.workload_name(instance.uuid))
        except exception.ContainerNotFound as e:
            raise exception.SandboxLost(instance_uuid=instance.uuid) from e

    def pause(self, instance: nova_instance.Instance) -> None:
        """Freeze all processes, and unplug from the wire, where the kernel would
        go on answering for them.

        :raises InstanceNotFound: when its container is absent
        """
        with exclusive(instance.uuid), known(instance):
            if not self._is_paused(instance):
                self._engine.pause_container(naming.workload_name(instance.uuid))
            self._network.set_carrier(instance.uuid, connected=False)

    def unpause(self, instance: nova_instance.Instance) -> None:
        """Thaw all processes.

        :raises InstanceNotFound: when its container is absent
        """
        with exclusive(instance.uuid), known(instance):
            self._thaw(instance)

    def _thaw(self, instance: nova_instance.Instance) -> None:
        workload = naming.workload_name(instance.uuid)
        state = self._engine.inspect_container(workload)['State']
        if state['Running']:
            self._network.set_carrier(instance.uuid, connected=True)
        if state['Paused']:
            self._engine.unpause_container(workload)

    def resume(self, instance: nova_instance.Instance,
               network_info: network_model.NetworkInfo) -> None:
        """Have it run: thaw what is frozen, start what is stopped.

        An instance that was suspended is frozen until its host or engine is
        restarted, and stopped after that; so is one that ran when its host went
        down.

        :raises InstanceNotFound: when its container is absent
        """
        with exclusive(instance.uuid), known(instance):
            workload = self._find(instance.uuid)
            if workload and workload['State']['Running']:
                self._thaw(instance)
            else:
                self.start(instance, network_info)

    def align_carrier(self, instance_uuid: str) -> None:
        """Unplug what is frozen from the wire, and plug what works, whoever froze
        or thawed it."""
        with exclusive(instance_uuid):
            workload = self._find(instance_uuid)
            if workload is not None:
                self._network.set_carrier(instance_uuid,
                                          connected=container.is_at_work(workload))

    def _is_paused(self, instance: nova_instance.Instance) -> bool:
        inspected = self._engine.inspect_container(naming.workload_name(instance.uuid))
        return bool(inspected['State']['Paused'])

    # NICs ------------------------------------------------------------------------------

    def plug_vifs(self, instance: nova_instance.Instance,
                  network_info: network_model.NetworkInfo) -> None:
        """Repair the NICs of an instance whose sandbox runs.

        Without a sandbox there is nowhere to plug into; a start makes both.
        """
        with exclusive(instance.uuid):
            pid = self._sandboxes.find_running(instance.uuid)
            if pid is None:
                LOG.debug('No running sandbox: NICs are plugged at the next start',
                          instance=instance)
                return
            workload = self._find(instance.uuid)
            running = workload is not None and bool(workload['State']['Running'])
            self._network.repair(instance, network_info, pid, keep_names=running)
            if workload is None or not container.is_at_work(workload):
                self._network.set_carrier(instance.uuid, connected=False)

    def unplug_vifs(self, instance: nova_instance.Instance,
                    network_info: network_model.NetworkInfo) -> None:
        """Take the NICs away; gone ones are fine."""
        with exclusive(instance.uuid):
            self._network.unplug(instance, network_info)

    def _find(self, instance_uuid: str) -> client.Json | None:
        """The workload, inspected; None when it is absent."""
        try:
            return self._engine.inspect_container(naming.workload_name(instance_uuid))
        except exception.ContainerNotFound:
            return None

    # The end -----------------------------------------------------------------------------

    def destroy(self, instance: nova_instance.Instance,
                network_info: network_model.NetworkInfo | None,
                keep_disk: bool = False, keep_vifs: bool = False) -> None:
        """Remove all of an instance, or what is left of it.

        :param keep_disk: keep the stopped containers, for the writable layer
        :param keep_vifs: keep the NICs and the sandbox they are in
        """
        workload = naming.workload_name(instance.uuid)
        with exclusive(instance.uuid):
            if keep_disk:
                self._stop_if_there(workload, timeout=0)
            else:
                successor.remove(self._engine, instance.uuid)
            if not keep_vifs:
                self._network.unplug(instance, network_info or ())
                if keep_disk:
                    self._sandboxes.stop(instance.uuid)
                else:
                    self._sandboxes.remove(instance.uuid)

    def _stop_if_there(self, workload: str, timeout: int) -> None:
        try:
            self._engine.stop_container(workload, timeout)
        except exception.ContainerNotFound:
            LOG.debug('Container %s is gone already', workload)
