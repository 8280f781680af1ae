"""IPv6 behind a router that advertises itself."""

import ipaddress

from tests.cloud import user
from tests.cloud.test_addresses import METADATA_6
from tests.cloud.test_addresses import name_by_metadata
from tests.cloud.test_boot import inside
from tests.cloud.test_power import answers

RANGE = 'fd4e:6f76:6121::/64'


def test_a_server_has_its_slaac_address_and_reaches_the_router(
        tenant: user.User, admin: user.User) -> None:
    network = tenant.api.network.create_network(name='six')
    try:
        subnet = tenant.api.network.create_subnet(
            network_id=network.id, ip_version=6, cidr=RANGE, ipv6_address_mode='slaac',
            ipv6_ra_mode='slaac')
        router = admin.api.network.find_router('router1')
        admin.api.network.add_interface_to_router(router, subnet=subnet.id)
        try:
            server = tenant.boot('six', 'busybox', networks=('six',))
            address = tenant.addresses(server)[0]
            assert ipaddress.ip_address(address) in ipaddress.ip_network(RANGE)
            # exactly the address that Neutron knows, ready for use
            shown = inside(server, 'ip', '-6', '-o', 'addr', 'show', 'eth0', 'scope', 'global')
            assert f'inet6 {address}/64' in shown
            assert shown.count('inet6') == 1
            assert 'tentative' not in shown
            user.wait_for('the router answers', lambda: answers(server, subnet.gateway_ip),
                          timeout=20)
            user.wait_for('the metadata service answers', lambda: 'six' in name_by_metadata(
                server, METADATA_6), timeout=30)
            tenant.delete_server(server)
        finally:
            admin.api.network.remove_interface_from_router(router, subnet=subnet.id)
    finally:
        tenant.api.network.delete_network(network)
