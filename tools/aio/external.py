"""The cloud's way out: the bridge br-ex, on which this machine is the gateway.

The external network is a private one between the routers and this machine, so the
machine reaches floating IPs, and instances reach servers that listen at ADDRESS.
"""

from ipaddress import ip_interface
from ipaddress import ip_network
import json

from aio import program
from aio.layout import Layout
from aio.step import Failure

BRIDGE = 'br-ex'
# What Neutron calls the network behind the bridge.
PHYSICAL_NETWORK = 'public'
# The range that DevStack uses for the same purpose.
ADDRESS = ip_interface('172.24.4.1/24')
# Without it the bridge takes the lowest MAC of its ports, another one whenever a
# router comes or goes, and the routers' ARP entries become wrong.
MAC = '02:ac:18:04:00:01'


def ensure(layout: Layout) -> None:
    """Make the bridge and give this machine its address; what is there stays.

    Before Neutron's Open vSwitch agent, which ends when the bridge is missing.
    """
    _refuse_overlap()
    log = layout.program_log('ovs-vswitchd')
    program.run(['ovs-vsctl', '--timeout=10', '--may-exist', 'add-br', BRIDGE,
                 '--', 'set', 'bridge', BRIDGE, 'datapath_type=netdev',
                 f'other-config:hwaddr="{MAC}"'], log=log)
    program.run(['ip', 'address', 'replace', str(ADDRESS), 'dev', BRIDGE], log=log)
    program.run(['ip', 'link', 'set', BRIDGE, 'up'], log=log)
    # The userspace datapath does not complete checksums: TCP would time out.
    program.run(['ethtool', '--offload', BRIDGE, 'tx', 'off'], log=log)


def has_address() -> bool:
    """Whether this machine has its address on the bridge."""
    if not program.succeeds(['ip', 'link', 'show', 'dev', BRIDGE]):
        return False
    links = json.loads(program.output(['ip', '-j', 'address', 'show', 'dev', BRIDGE]))
    return any(entry.get('local') == str(ADDRESS.ip)
               for link in links for entry in link.get('addr_info', []))


def answers(address: str) -> bool:
    """Whether a router, or whoever has the address, answers this machine's ping."""
    return program.succeeds(['ping', '-c', '1', '-W', '1', address])


def _refuse_overlap() -> None:
    """Fail when the machine uses the range already: one of the two would be cut off."""
    for route in json.loads(program.output(['ip', '-j', '-4', 'route', 'show'])):
        if route['dst'] != 'default' and route.get('dev') != BRIDGE and \
                ip_network(route['dst']).overlaps(ADDRESS.network):
            raise Failure(
                f'the external network {ADDRESS.network} overlaps with {route["dst"]}, which '
                f'this machine reaches through {route.get("dev")}',
                fix='remove that route or network, or change ADDRESS in tools/aio/external.py')
