"""A user attaches a port to a server at work, and takes it away again."""

from tests.cloud import user
from tests.cloud.test_boot import inside
from tests.cloud.test_power import answers


def test_a_port_is_attached_answers_and_is_detached(tenant: user.User) -> None:
    server = tenant.boot('one', 'busybox')
    neighbour = tenant.boot('neighbour', 'busybox', networks=('private2',))
    port = tenant.port('private2')
    address = port.fixed_ips[0]['ip_address']
    tenant.api.compute.create_server_interface(server, port_id=port.id)
    shown = inside(server, 'ip', 'addr', 'show', 'eth1')
    assert port.mac_address in shown
    assert f'inet {address}/' in shown
    assert inside(server, 'ip', 'route').count('default') == 1
    user.wait_for('the new address answers', lambda: answers(neighbour, address))
    tenant.api.compute.delete_server_interface(port.id, server=server)
    user.wait_for('the NIC is gone', lambda: 'eth1' not in inside(server, 'ip', 'addr'))
    user.wait_for('the port is free', lambda: not tenant.api.network.get_port(port.id).device_id)
    assert 'eth0' in inside(server, 'ip', 'addr')


def test_servers_find_each_other_by_name(tenant: user.User) -> None:
    other = tenant.boot('the-other', 'busybox')
    server = tenant.boot('asking', 'busybox')
    address, = tenant.addresses(other)
    user.wait_for('the name is known', lambda: address in inside(
        server, 'sh', '-c', 'nslookup the-other 2>&1 || true'))
    assert inside(server, 'hostname', '-f').strip() == 'asking.aio.test'
