"""Ports that are more than an address: more addresses, no port security, other bindings."""

from typing import Any

from openstack import exceptions
import pytest

from tests.cloud import machine_state
from tests.cloud import user
from tests.cloud.test_addresses import network
from tests.cloud.test_boot import container
from tests.cloud.test_boot import inside
from tests.cloud.test_power import answers


def take(server: Any, address: str) -> None:
    """As a program of the server would that has the right, keepalived for one."""
    pid = machine_state.inspect(container(server))['State']['Pid']
    machine_state.run('nsenter', '-t', str(pid), '-n',
                      'ip', 'addr', 'add', f'{address}/32', 'dev', 'eth0')


def test_servers_answer_at_allowed_address_pairs_or_at_all_without_port_security(
        tenant: user.User) -> None:
    with network(tenant):
        allowed, forbidden, free = (f'10.77.0.{last}' for last in (200, 201, 202))
        guarded = tenant.port('alone', allowed_address_pairs=[{'ip_address': allowed}])
        unguarded = tenant.port('alone', port_security_enabled=False)
        careful = tenant.boot('careful', 'busybox', networks=(f'port:{guarded.id}',))
        careless = tenant.boot('careless', 'busybox', networks=(f'port:{unguarded.id}',))
        asker = tenant.boot('asker', 'busybox', networks=('alone',))
        for server, address in ((careful, allowed), (careful, forbidden), (careless, free)):
            take(server, address)
        for address in (allowed, free):
            user.wait_for(f'{address} answers', lambda a=address: answers(asker, a), timeout=20)
        assert answers(asker, tenant.addresses(careful)[0])
        assert not answers(asker, forbidden)


def test_a_server_has_what_dhcp_would_have_told_of_both_families(tenant: user.User) -> None:
    """Without one: Neutron's agent may leave its namespace where IPv6 comes too early."""
    with network(tenant, enable_dhcp=False, dns_nameservers=['192.0.2.53', '192.0.2.54'],
                 host_routes=[{'destination': '198.51.100.0/24', 'nexthop': '10.77.0.9'}],
                 ) as subnet:
        six = tenant.api.network.create_subnet(
            network_id=subnet.network_id, ip_version=6, cidr='fd77::/64', enable_dhcp=False)
        server = tenant.boot('both', 'busybox', networks=('alone',))
        shown = inside(server, 'ip', 'addr', 'show', 'eth0')
        for address in tenant.addresses(server):
            assert f'{address}/{64 if ":" in address else 24}' in shown
        assert '198.51.100.0/24 via 10.77.0.9 dev eth0' in inside(server, 'ip', 'route')
        assert f'default via {six.gateway_ip} dev eth0' in inside(server, 'ip', '-6', 'route')
        assert inside(server, 'cat', '/etc/resolv.conf').splitlines() == [
            'search aio.test', 'nameserver 192.0.2.53', 'nameserver 192.0.2.54']


def test_ports_for_hardware_are_refused_and_leave_nothing(tenant: user.User) -> None:
    """By Nova and Neutron, before the driver is asked."""
    server = tenant.boot('plain', 'busybox')
    for kind, words in (('direct', 'Claim pci failed'), ('baremetal', 'Binding failed')):
        port = tenant.port('private', binding_vnic_type=kind)
        refused = tenant.request_server('bare', 'busybox', networks=(f'port:{port.id}',))
        assert words in tenant.wait_status(refused, 'ERROR').fault['message']
        tenant.delete_server(refused)
        assert not tenant.api.network.get_port(port.id).device_id
    port = tenant.port('private', binding_vnic_type='macvtap')
    # a 500 of Nova's, whose compute manager finds no PCI device
    with pytest.raises(exceptions.HttpException):
        tenant.api.compute.create_server_interface(server, port_id=port.id)
    assert not tenant.api.network.get_port(port.id).device_id
    assert 'eth1' not in inside(server, 'ip', 'addr')
    assert tenant.refresh(server).status == 'ACTIVE'
