"""A user attaches a port to a server at work, and takes it away again."""

from typing import Any

from tests.cloud import machine_state
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


def test_a_port_comes_and_goes_while_a_server_is_paused_or_stopped(tenant: user.User) -> None:
    server = tenant.boot('one', 'busybox')
    neighbour = tenant.boot('neighbour', 'busybox', networks=('private2',))
    port = tenant.port('private2')
    address = port.fixed_ips[0]['ip_address']
    compute = tenant.api.compute

    compute.pause_server(server)
    tenant.wait_status(server, 'PAUSED')
    compute.create_server_interface(server, port_id=port.id)
    assert not answers(neighbour, address), 'a paused server answers'
    compute.unpause_server(server)
    tenant.wait_status(server, 'ACTIVE')
    user.wait_for('it answers when it is at work', lambda: answers(neighbour, address))

    compute.stop_server(server)
    tenant.wait_status(server, 'SHUTOFF')
    detach(tenant, server, port)
    compute.create_server_interface(server, port_id=port.id)
    assert not answers(neighbour, address), 'a stopped server answers'
    compute.start_server(server)
    tenant.wait_status(server, 'ACTIVE')
    user.wait_for('it answers when it is started', lambda: answers(neighbour, address))

    # somebody has taken the NIC away already
    machine_state.run('ip', 'link', 'delete', f'tap{port.id[:11]}')
    detach(tenant, server, port)
    assert 'eth0' in inside(server, 'ip', 'addr')


def detach(tenant: user.User, server: object, port: Any) -> None:
    tenant.api.compute.delete_server_interface(port.id, server=server)
    user.wait_for('the port is free', lambda: not tenant.api.network.get_port(port.id).device_id)


def test_servers_find_each_other_by_name(tenant: user.User) -> None:
    other = tenant.boot('the-other', 'busybox')
    port = tenant.port('private', dns_name='asking')
    server = tenant.boot('asking', 'busybox', networks=(f'port:{port.id}',))
    address, = tenant.addresses(other)
    user.wait_for('the name is known', lambda: address in inside(
        server, 'sh', '-c', 'nslookup the-other 2>&1 || true'))
    assert inside(server, 'hostname', '-f').strip() == 'asking.aio.test'
    known, = tenant.api.network.get_port(port.id).dns_assignment
    assert (known['hostname'], known['fqdn']) == ('asking', 'asking.aio.test.')
    assert f'{known["ip_address"]}\tasking.aio.test asking' in inside(server, 'cat', '/etc/hosts')
    named = tenant.port('private', dns_name='somebody-else')
    fault = tenant.fault_of('nobody', 'busybox', networks=(f'port:{named.id}',))
    assert "does not match instance's hostname nobody" in fault
