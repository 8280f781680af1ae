"""NICs: Neutron's ports become interfaces of a sandbox.

os-vif does what belongs to the virtual switch, :mod:`.privileged.netns` what
belongs to the container: it makes the veth pair whose end on the host the bridge
takes.
"""

from collections.abc import Iterable
from collections.abc import Iterator
import contextlib
import dataclasses
import pathlib

from nova import exception as nova_exception
import nova.conf
from nova.network import model as network_model
from nova.network import os_vif_util
from nova.objects import instance as nova_instance
import os_vif
from os_vif import exception as os_vif_exception
from os_vif.objects import instance_info
from os_vif.objects import network as os_vif_network
from os_vif.objects import vif as os_vif_vif
from oslo_log import log as logging

from nova_docker import switch
from nova_docker.privileged import netns
from nova_docker.translate import diagnostics
from nova_docker.translate import naming
from nova_docker.translate import netplan

LOG = logging.getLogger(__name__)
CONF = nova.conf.CONF
_LINKS = pathlib.Path('/sys/class/net')
# What the host's end has received, the instance has sent.
_COUNTERS = {f'{theirs}_{nova}': f'{ours}_{kernel}'
             for theirs, ours in (('rx', 'tx'), ('tx', 'rx'))
             for nova, kernel in (('octets', 'bytes'), ('packets', 'packets'),
                                  ('errors', 'errors'), ('drop', 'dropped'))}


class Network:
    """Plugs and unplugs the VIFs of instances."""

    def __init__(self) -> None:
        os_vif.initialize()
        # {instance: {port: its NIC as it was plugged last}}.  Nova plugs all there
        # are when it starts, so what a dead process knew is not missed.
        self._plugged: dict[str, dict[str, netplan.NicPlan]] = {}

    def refuse_unpluggable(self, network_info: Iterable[netplan.Vif]) -> None:
        """:raises VirtualInterfacePlugException: naming the port and the reason"""
        reason = netplan.unpluggable(network_info)
        if reason:
            raise nova_exception.VirtualInterfacePlugException(reason)

    def repair(self, instance: nova_instance.Instance, network_info: Iterable[netplan.Vif],
               pid: int, keep_names: bool = False) -> None:
        """Plug, where NICs may have been plugged before.

        A link that is made anew under the name of one that vanished a moment ago
        must leave the switch first: Open vSwitch with the userspace datapath
        would go on listening to the one that vanished.

        :param keep_names: programs are at work with the NICs: leave one that is
            wired its name, and addresses that are not the port's; else the
            order gives the names, and what the ports have lost goes
        :raises VirtualInterfacePlugException: with the cause
        """
        vifs = list(network_info)
        self.refuse_unpluggable(vifs)
        plans = self._plans(instance, vifs, pid if keep_names else None)
        unwired = set(netns.list_unwired(pid, [dataclasses.asdict(plan) for plan in plans]))
        for vif, plan in zip(vifs, plans, strict=True):
            self._leave_switch_first(instance, vif, plan.host_device in unwired)
        self._plug(instance, vifs, plans, pid, exact=not keep_names)

    def attach(self, instance: nova_instance.Instance, network_info: Iterable[netplan.Vif],
               vif: netplan.Vif, pid: int) -> None:
        """Plug one NIC more beside those that are there, and tell its neighbours.

        :param network_info: the others, whose default route comes first
        :raises VirtualInterfacePlugException: with the cause
        """
        vifs = [*network_info, vif]
        self.repair(instance, vifs, pid, keep_names=True)
        netns.announce_nics(pid, [dataclasses.asdict(self._plans(instance, vifs, pid)[-1])])

    def _plans(self, instance: nova_instance.Instance, vifs: list[netplan.Vif],
               pid: int | None) -> tuple[netplan.NicPlan, ...]:
        """:param pid: of the sandbox whose NICs keep their names"""
        names = netns.list_names(pid, list(map(netplan.host_device, vifs))) if pid else {}
        return netplan.nic_plans(instance.uuid, CONF.host, vifs, names,
                                 CONF.docker.force_metadata)

    def _leave_switch_first(self, instance: nova_instance.Instance, vif: netplan.Vif,
                            unwired: bool) -> None:
        translated = os_vif_util.nova_to_osvif_vif(vif)
        if not (unwired or switch.is_torn(translated)):
            return
        try:
            _leave_switch(translated, os_vif_util.nova_to_osvif_instance(instance))
        except nova_exception.VirtualInterfaceUnplugException as e:
            raise nova_exception.VirtualInterfacePlugException(str(e)) from e

    def plug(self, instance: nova_instance.Instance, network_info: Iterable[netplan.Vif],
             pid: int) -> None:
        """Make the NICs of a running sandbox as they shall be; repeatable.

        :param pid: the sandbox's main process
        :raises VirtualInterfacePlugException: with the cause
        """
        vifs = list(network_info)
        self.refuse_unpluggable(vifs)
        self._plug(instance, vifs, self._plans(instance, vifs, None), pid)

    def _plug(self, instance: nova_instance.Instance, vifs: list[netplan.Vif],
              plans: tuple[netplan.NicPlan, ...], pid: int, exact: bool = False) -> None:
        resolver = netplan.resolver(instance.hostname or '', vifs, CONF.api.dhcp_domain or '')
        with _plug_failures(plans):
            switch.plug(
                [os_vif_util.nova_to_osvif_vif(vif) for vif in vifs],
                os_vif_util.nova_to_osvif_instance(instance),
                lambda: netns.plug_nics(pid, [dataclasses.asdict(plan) for plan in plans],
                                        _resolv_conf(resolver), _hosts(resolver), exact))
        for plan in plans:
            if plan.linux_bridge:
                netns.join_bridge(plan.host_device, plan.linux_bridge)
        self._plugged[instance.uuid] = {plan.port_id: plan for plan in plans}

    def plugged(self, instance: nova_instance.Instance,
                network_info: Iterable[netplan.Vif]) -> network_model.NetworkInfo:
        """Those VIFs that are plugged; of others Nova has yet to say so."""
        known = self._plugged.get(instance.uuid, {})
        return network_model.NetworkInfo([vif for vif in network_info if vif['id'] in known])

    def changed(self, instance: nova_instance.Instance,
                network_info: Iterable[netplan.Vif]) -> list[netplan.Vif]:
        """The plugged VIFs whose addresses or routes are not what they were."""
        # A copy: a detach may take one out meanwhile.
        known = dict(self._plugged.get(instance.uuid, {}))
        vifs = [vif for vif in network_info if vif['id'] in known]
        plans = netplan.nic_plans(instance.uuid, CONF.host, vifs, {
            plan.host_device: plan.device for plan in known.values()},
            CONF.docker.force_metadata)
        return [vif for vif, plan in zip(vifs, plans, strict=True)
                if (plan.addresses, plan.routes) != (
                    known[plan.port_id].addresses, known[plan.port_id].routes)]

    def announce(self, instance: nova_instance.Instance,
                 network_info: Iterable[netplan.Vif], pid: int) -> None:
        """Tell the neighbours of an instance's NICs, once they are wired."""
        plans = netplan.nic_plans(instance.uuid, CONF.host, network_info)
        if plans:
            netns.announce_nics(pid, [dataclasses.asdict(plan) for plan in plans])

    def unplug(self, instance: nova_instance.Instance,
               network_info: Iterable[netplan.Vif]) -> None:
        """Take the NICs off the switch and delete them; gone ones are fine.

        :raises VirtualInterfaceUnplugException: with the cause
        """
        vifs = [vif for vif in network_info if not netplan.unpluggable([vif])]
        self._plugged.pop(instance.uuid, None)
        for vif in vifs:
            _leave_switch(os_vif_util.nova_to_osvif_vif(vif),
                          os_vif_util.nova_to_osvif_instance(instance))
        netns.delete_links(sorted(map(netplan.host_device, vifs)))
        # Neutron may have bound a port elsewhere meanwhile, and Nova have lost one.
        self.unplug_leftovers(instance.uuid, CONF.neutron.ovs_bridge)

    def detach(self, instance: nova_instance.Instance, vif: netplan.Vif) -> None:
        """Unplug one NIC and leave the others; a gone one is fine.

        :raises VirtualInterfaceUnplugException: with the cause
        """
        if not netplan.unpluggable([vif]):
            self._plugged.get(instance.uuid, {}).pop(vif['id'], None)
            _leave_switch(os_vif_util.nova_to_osvif_vif(vif),
                          os_vif_util.nova_to_osvif_instance(instance))
            netns.delete_links([netplan.host_device(vif)])

    def plugged_instances(self) -> set[str]:
        """The instances of this host that have a NIC, by the kernel's word."""
        parsed = (naming.parse_link_alias(alias, CONF.host)
                  for alias in netns.list_aliases().values())
        return {found[0] for found in parsed if found}

    def unplug_leftovers(self, instance_uuid: str, bridge: str) -> None:
        """Unplug the NICs of an instance that Nova does not know (any more).

        :param bridge: the integration bridge of Open vSwitch
        """
        info = instance_info.InstanceInfo(uuid=instance_uuid, name=instance_uuid)
        for name, alias in netns.list_aliases().items():
            found = naming.parse_link_alias(alias, CONF.host)
            if found and found[0] == instance_uuid:
                _leave_switch(_bare_vif(name, found[1], bridge), info)
                netns.delete_links([name])

    def set_carrier(self, instance_uuid: str, connected: bool) -> None:
        """Pull or put back the cables of an instance.

        The sandbox's kernel would go on answering for an instance that is
        stopped; a machine that is off does not answer.
        """
        netns.set_links_state(naming.link_prefix(instance_uuid),
                              'up' if connected else 'down')


def counters(network_info: Iterable[netplan.Vif]) -> list[diagnostics.NicCounters]:
    """What an instance received and sent, in the order of its NICs."""
    return [diagnostics.NicCounters(netplan.host_device(vif), vif['address'],
                                    _counts(netplan.host_device(vif))) for vif in network_info]


def _counts(device: str) -> dict[str, int]:
    folder = _LINKS / device / 'statistics'
    try:
        return {name: int((folder / counter).read_text('ascii'))
                for name, counter in _COUNTERS.items()}
    except FileNotFoundError:
        LOG.debug('NIC %s is not plugged', device)
        return {}


@contextlib.contextmanager
def _plug_failures(plans: Iterable[netplan.NicPlan]) -> Iterator[None]:
    """What there is against a port becomes Nova's exception."""
    try:
        yield
    except nova_exception.VirtualInterfacePlugException:
        raise
    except Exception as e:
        ports = ', '.join(plan.port_id for plan in plans)
        raise nova_exception.VirtualInterfacePlugException(
            f'could not plug port {ports}: {e}') from e


def _leave_switch(vif: os_vif_vif.VIFBase, info: instance_info.InstanceInfo) -> None:
    try:
        os_vif.unplug(vif, info)
    except os_vif_exception.ExceptionBase as e:
        raise nova_exception.VirtualInterfaceUnplugException(
            reason=f'os-vif could not unplug port {vif.id}: {e}') from e


def _bare_vif(name: str, port_id: str, bridge: str) -> os_vif_vif.VIFBase:
    """As much of a VIF as os-vif needs to find its port."""
    profile = os_vif_vif.VIFPortProfileOpenVSwitch(interface_id=port_id, create_port=True)
    network = os_vif_network.Network(bridge=bridge)
    linux_bridge = netplan.hybrid_bridge(port_id)
    if (_LINKS / linux_bridge).exists():
        return os_vif_vif.VIFBridge(
            id=port_id, vif_name=name, plugin='ovs', bridge_name=linux_bridge,
            network=network, port_profile=profile)
    return os_vif_vif.VIFOpenVSwitch(
        id=port_id, vif_name=name, plugin='ovs', bridge_name=bridge,
        network=network, port_profile=profile)


def _resolv_conf(resolver: netplan.Resolver) -> str | None:
    if not resolver.servers:
        return None
    search = f'search {resolver.domain}\n' if resolver.domain else ''
    return search + ''.join(f'nameserver {server}\n' for server in resolver.servers)


def _hosts(resolver: netplan.Resolver) -> str:
    return ''.join(f'{address}\t{name}\n' for address, name in resolver.hosts)
