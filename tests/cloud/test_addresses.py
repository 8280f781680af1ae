"""What a virtual machine would hear from DHCP: addresses that change, the way to metadata."""

from collections.abc import Iterator
import contextlib
from typing import Any

import pytest

from tests.cloud import machine_state
from tests.cloud import user
from tests.cloud.test_boot import container
from tests.cloud.test_boot import inside
from tests.cloud.test_power import answers

# Link-local, so the NIC is named; the DHCP port has it where a subnet is of IPv6.
METADATA_6 = 'fe80::a9fe:a9fe%eth0'


@contextlib.contextmanager
def network(tenant: user.User, **subnet: Any) -> Iterator[Any]:
    """A network of one subnet, and no router."""
    made = tenant.api.network.create_network(name='alone')
    try:
        yield tenant.api.network.create_subnet(
            network_id=made.id, ip_version=4, cidr='10.77.0.0/24', **subnet)
    finally:
        tenant.clean_up()
        tenant.api.network.delete_network(made)


def name_by_metadata(server: object, address: str) -> str:
    request = (f'printf "GET /latest/meta-data/hostname HTTP/1.0\\r\\n\\r\\n" '
               f'| nc -w 5 {address} 80 || true')
    return inside(server, 'sh', '-c', request)


def test_an_address_changed_in_neutron_reaches_a_running_server(
        tenant: user.User, admin: user.User) -> None:
    server, neighbour = tenant.boot('moving', 'busybox'), tenant.boot('neighbour', 'busybox')
    port = tenant.port_of(server)
    spare = tenant.port('private')
    new, old = (p.fixed_ips[0]['ip_address'] for p in (spare, port))
    tenant.api.network.delete_port(spare)
    # as a program of the server would that has the right
    pid = machine_state.inspect(container(server))['State']['Pid']
    machine_state.run('nsenter', '-t', str(pid), '-n',
                      'ip', 'addr', 'add', '192.0.2.9/32', 'dev', 'eth0')
    admin.api.network.update_port(port, fixed_ips=[
        {'subnet_id': port.fixed_ips[0]['subnet_id'], 'ip_address': new}])
    user.wait_for('the server has the new address', lambda: f'inet {new}/' in inside(
        server, 'ip', 'addr', 'show', 'eth0'), timeout=40)
    shown = inside(server, 'ip', 'addr', 'show', 'eth0')
    assert f'inet {old}/' not in shown
    assert 'inet 192.0.2.9/32' in shown, 'what its own programs added is kept'
    assert 'default via' in inside(server, 'ip', 'route')
    user.wait_for('it answers there', lambda: answers(neighbour, new), timeout=20)


def test_metadata_answer_beside_a_gateway_address_that_no_router_has(
        tenant: user.User, facts: dict[str, Any]) -> None:
    with network(tenant) as subnet:
        server = tenant.boot('alone', 'busybox', networks=('alone',))
        assert f'default via {subnet.gateway_ip}' in inside(server, 'ip', 'route')
        user.wait_for('it answers', lambda: 'alone' in name_by_metadata(
            server, '169.254.169.254'), timeout=30)
        if facts['network'] == 'ovn':
            # The server finds its neighbour there; OVN passes on nothing but that.
            return
        # Not before: Neutron's DHCP agent gives up a network that gets its first subnet of
        # IPv6 while it is being set up.
        tenant.api.network.create_subnet(network_id=subnet.network_id, ip_version=6,
                                         cidr='fd4e:6f76:6177::/64')
        user.wait_for('IPv6 answers', lambda: 'alone' in name_by_metadata(
            server, METADATA_6), timeout=30)


def test_metadata_answer_through_a_router_without_any_dhcp(
        tenant: user.User, admin: user.User, facts: dict[str, Any]) -> None:
    if facts['network'] == 'ovn':
        pytest.skip("OVN's routers do not answer for metadata")
    router = admin.api.network.find_router('router1')
    with network(tenant, is_dhcp_enabled=False) as subnet:
        admin.api.network.add_interface_to_router(router, subnet=subnet.id)
        try:
            server = tenant.boot('static', 'busybox', networks=('alone',))
            assert '169.254' not in inside(server, 'ip', 'route')
            user.wait_for('it answers', lambda: 'static' in name_by_metadata(
                server, '169.254.169.254'), timeout=30)
            tenant.delete_server(server)
        finally:
            admin.api.network.remove_interface_from_router(router, subnet=subnet.id)
