"""network_info -> the NICs of an instance, as plain data.

What is in a VIF: nova/network/model.py.
"""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import itertools
import typing as ty

from nova_docker.translate import naming

METADATA_ADDRESS = '169.254.169.254/32'
_PLUGGABLE = ('ovs',)

Vif = Mapping[str, ty.Any]
Route = tuple[str, str | None]


@dataclasses.dataclass(frozen=True)
class NicPlan:
    """One NIC as it shall be.

    :param port_id: the Neutron port
    :param device: its name inside, eth0 for the first
    :param host_device: the name of the veth's end on the host
    :param alias: what identifies that end as ours
    :param mac: the address inside
    :param mtu: bytes, None for the kernel's default
    :param addresses: interface addresses with prefix length, '10.0.0.5/24'
    :param routes: (destination, gateway), the default route as '0.0.0.0/0' or
        '::/0'; without a gateway the destination is a neighbour
    :param linux_bridge: the bridge that the host's end belongs to (OVS hybrid),
        None when Open vSwitch takes it
    :param checksum_offload: False where a userspace datapath would carry
        packets with unfinished checksums
    """

    port_id: str
    device: str
    host_device: str
    alias: str
    mac: str
    mtu: int | None
    addresses: tuple[str, ...]
    routes: tuple[Route, ...]
    linux_bridge: str | None
    checksum_offload: bool


@dataclasses.dataclass(frozen=True)
class Resolver:
    """Name resolution of an instance.

    :param servers: addresses of DNS servers; empty leaves the engine's own
    :param domain: what is added to names without a dot, '' for nothing
    :param hosts: (address, names) lines of /etc/hosts
    """

    servers: tuple[str, ...]
    domain: str
    hosts: tuple[tuple[str, str], ...]


def unpluggable(network_info: Iterable[Vif]) -> str | None:
    """Why a VIF cannot become a container's NIC, or None when all can."""
    for vif in network_info:
        if vif['type'] not in _PLUGGABLE:
            return (f"port {vif['id']} has VIF type {vif['type']!r}; nova-docker plugs "
                    f"{', '.join(_PLUGGABLE)}")
        if vif.get('vnic_type', 'normal') != 'normal':
            return (f"port {vif['id']} has VNIC type {vif['vnic_type']!r}; a container "
                    f"can have only 'normal'")
    return None


def nic_plans(instance_uuid: str, host: str, network_info: Iterable[Vif],
              names: Mapping[str, str] | None = None,
              force_metadata: bool = False) -> tuple[NicPlan, ...]:
    """The NICs of an instance in the order the user gave.

    :param host: the compute host that owns it
    :param names: {host_device: device} of the NICs that keep their names; the
        others get the next free ones
    :param force_metadata: Neutron's DHCP ports answer for the metadata service
        beside a router, too
    """
    kept = names or {}
    free = (name for name in map('eth{}'.format, itertools.count())
            if name not in kept.values())
    plans: list[NicPlan] = []
    reached: set[str] = set()
    for vif in network_info:
        subnets = vif['network']['subnets']
        plans.append(NicPlan(
            port_id=vif['id'],
            device=kept.get(host_device(vif)) or next(free),
            host_device=host_device(vif),
            alias=naming.link_alias(instance_uuid, vif['id'], host),
            mac=vif['address'],
            mtu=vif['network']['meta'].get('mtu'),
            addresses=tuple(a for s in subnets for a in _addresses(s)),
            routes=tuple(r for s in subnets for r in _routes(vif, s, reached, force_metadata)),
            linux_bridge=(hybrid_bridge(vif['id'])
                          if vif['details'].get('ovs_hybrid_plug') else None),
            checksum_offload=vif['details'].get('datapath_type') != 'netdev'))
    return tuple(plans)


def host_device(vif: Vif) -> str:
    """The name Neutron expects for the host's end (at most 14 characters)."""
    return ty.cast(str, vif.get('devname') or 'tap' + vif['id'][:11])


def resolver(hostname: str, network_info: Iterable[Vif], domain: str = '') -> Resolver:
    """What DHCP would have told: DNS servers, domain, and the instance's own name.

    Where a subnet names no servers, Neutron's DHCP port answers for DNS, too.

    :param domain: [api]/dhcp_domain, under which Nova and Neutron name instances
    """
    servers: dict[str, None] = {}
    addresses: list[str] = []
    for vif in network_info:
        for subnet in vif['network']['subnets']:
            servers.update(dict.fromkeys(_dns_servers(subnet)))
            addresses.extend(ip['address'] for ip in subnet['ips'])
    full = f'{hostname}.{domain}' if domain and '.' not in hostname else hostname
    hosts = (('127.0.0.1', 'localhost'), ('::1', 'localhost ip6-localhost ip6-loopback'),
             *((address, naming.host_names(full)) for address in addresses[:1]))
    return Resolver(servers=tuple(servers), domain=domain, hosts=hosts)


def _dns_servers(subnet: Mapping[str, ty.Any]) -> list[str]:
    named = [dns['address'] for dns in subnet['dns']]
    return named or list(filter(None, [subnet['meta'].get('dhcp_server')]))


def _addresses(subnet: Mapping[str, ty.Any]) -> list[str]:
    prefix = subnet['cidr'].partition('/')[2]
    return [f"{ip['address']}/{prefix}" for ip in subnet['ips']]


def _routes(vif: Vif, subnet: Mapping[str, ty.Any], reached: set[str],
            force_metadata: bool) -> list[Route]:
    """Host routes, a default route, and one to the metadata service.

    :param reached: what subnets before have given of the destinations that an
        instance has only one route to; is added to
    """
    if not subnet['ips']:
        return []
    default = '0.0.0.0/0' if subnet['version'] == 4 else '::/0'
    gateway = (subnet.get('gateway') or {}).get('address')
    routes: list[Route] = [(r['cidr'], r['gateway']['address']) for r in subnet['routes']
                           if r.get('gateway')]
    destinations = {destination for destination, _ in routes}
    if gateway and default not in destinations:
        routes.append((default, gateway))
    if METADATA_ADDRESS not in destinations:
        routes += _metadata_route(vif, subnet, None if force_metadata else gateway)
    routes = [route for route in routes if route[0] not in reached]
    reached |= {default, METADATA_ADDRESS} & {destination for destination, _ in routes}
    return routes


def _metadata_route(vif: Vif, subnet: Mapping[str, ty.Any], gateway: str | None) -> list[Route]:
    """The route to the metadata service that DHCP would have given.

    Neutron's routers answer for 169.254.169.254; without one, its DHCP port does.
    OVN's routers do not.  Its DHCP leads to a port of the network that Nova does not
    tell, but that has the address itself (neutron/agent/ovn/metadata/agent.py), so
    it answers as a neighbour.
    """
    if subnet['version'] != 4:
        return []
    if _is_ovn(vif):
        return [(METADATA_ADDRESS, None)] if subnet['meta'].get('enable_dhcp') else []
    server = subnet['meta'].get('dhcp_server')
    return [(METADATA_ADDRESS, server)] if server and not gateway else []


def _is_ovn(vif: Vif) -> bool:
    """Whether OVN wires the port; Neutron tells the drivers of each level."""
    return 'ovn' in (vif['details'].get('bound_drivers') or {}).values()


def hybrid_bridge(port_id: str) -> str:
    """The Linux bridge that os-vif makes for a port whose plugging is hybrid."""
    return f'qbr{port_id}'[:14]
