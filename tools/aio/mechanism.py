"""Neutron's two ways to wire ports on Open vSwitch, and what differs between them.

Neutron calls them mechanism drivers: ``openvswitch``, whose agents on the host
program the switch, and ``ovn``, where OVN does it from two databases of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from aio.layout import Layout
from aio.step import Failure


@dataclass(frozen=True)
class Mechanism:
    """One of the two.

    :param packages: Debian packages beside those that every cloud needs
    :param infrastructure: programs that Neutron's API needs
    :param servers: programs behind Neutron's API
    :param agents: programs of the compute host -> the name under which each one
                   reports to Neutron, in the order in which they are started
    :param namespaced: those agents that have ports of the switch in namespaces
    :param router: the program whose log tells about routers
    """

    name: str
    packages: tuple[str, ...]
    infrastructure: tuple[str, ...]
    servers: tuple[str, ...]
    agents: Mapping[str, str]
    namespaced: tuple[str, ...]
    router: str


OVS = Mechanism(
    name='ovs',
    packages=(),
    infrastructure=(),
    servers=('neutron-rpc-server',),
    agents={
        'neutron-ovs-agent': 'neutron-openvswitch-agent',
        'neutron-dhcp-agent': 'neutron-dhcp-agent',
        'neutron-metadata-agent': 'neutron-metadata-agent',
        'neutron-l3-agent': 'neutron-l3-agent',
    },
    namespaced=('neutron-dhcp-agent', 'neutron-l3-agent'),
    router='neutron-l3-agent')

OVN = Mechanism(
    name='ovn',
    packages=('ovn-central', 'ovn-host'),
    infrastructure=('ovn-nb', 'ovn-sb', 'ovn-northd'),
    servers=('neutron-ovn-maintenance',),
    agents={
        'ovn-controller': 'ovn-controller',
        'neutron-ovn-agent': 'neutron-ovn-agent',
    },
    namespaced=(),
    router='ovn-controller')

MECHANISMS = {mechanism.name: mechanism for mechanism in (OVS, OVN)}


def chosen(layout: Layout, wanted: str | None) -> Mechanism:
    """The one that was asked for, or that the cloud has, or else the first.

    Networks and ports are of one mechanism, so a cloud keeps what it was made with.
    """
    present = _present(layout)
    if wanted and present and wanted != present:
        raise Failure(
            f'the cloud in {layout.state} was made with --network {present}, and its networks '
            f'cannot become those of {wanted}',
            fix=f'tools/quickstart --clean, then tools/quickstart --network {wanted}; or leave '
                f'--network out to go on with {present}')
    return MECHANISMS[wanted or present or OVS.name]


def remember(layout: Layout, mechanism: Mechanism) -> None:
    """Note what the cloud is made with."""
    (layout.etc / 'network').write_text(mechanism.name)


def _present(layout: Layout) -> str | None:
    path = layout.etc / 'network'
    if path.exists():
        return path.read_text()
    # Made before there was a choice.
    return OVS.name if layout.marker('database-neutron').exists() else None
