"""Booting: both kinds of images, the network, the name, the console."""

import re

import pytest

from tests.cloud import machine_state
from tests.cloud import program
from tests.cloud import user

# Nova makes a character of three bytes of each that is not ASCII.
CONSOLE_BYTES = 100 * 1024


def container(server: object) -> str:
    return f'nova-{server.id}'  # type: ignore[attr-defined]


def inside(server: object, *command: str) -> str:
    return machine_state.run('docker', 'exec', container(server), *command)


@pytest.mark.parametrize('image', ['busybox', 'busybox-index'])
def test_an_image_boots_from_glance_and_from_the_index(tenant: user.User, image: str) -> None:
    server = tenant.boot('first', image)
    assert server.power_state == 1
    assert server.hypervisor_hostname is None  # tenants do not see the host
    assert machine_state.inspect(container(server))['State']['Running']


def test_the_network_is_there_before_the_first_instruction(tenant: user.User) -> None:
    image = tenant.api.image.get_image(tenant.image_id('busybox'))
    data = tenant.api.image.download_image(image, stream=False).content
    first = tenant.upload('first-instruction', data, os_command_line='/bin/busybox ip addr')
    server = tenant.request_server('quick', 'first-instruction')
    tenant.wait_status(server, 'SHUTOFF')
    console = tenant.console(server)
    assert re.search(r'eth0.*,UP,LOWER_UP', console), console
    assert tenant.addresses(server)[0] in console
    tenant.delete_server(server)
    shown = machine_state.run('docker', 'images', '--format', '{{.Repository}}:{{.Tag}}')
    for tag in shown.split():
        if first.id in tag:
            machine_state.run('docker', 'rmi', tag)


def test_two_nics_come_in_the_order_asked_for(tenant: user.User) -> None:
    server = tenant.boot('two', 'busybox', networks=('private2', 'private'))
    mine = {p.network_id: p for p in tenant.api.network.ports(device_id=server.id)}
    for device, network in (('eth0', 'private2'), ('eth1', 'private')):
        port = mine[tenant.network(network).id]
        shown = inside(server, 'ip', 'addr', 'show', device)
        assert port.mac_address in shown
        assert f'inet {port.fixed_ips[0]["ip_address"]}/' in shown
        assert f'mtu {tenant.network(network).mtu}' in shown
    routes = inside(server, 'ip', 'route')
    gateway = next(iter(tenant.api.network.subnets(
        network_id=tenant.network('private2').id))).gateway_ip
    assert routes.count('default') == 1
    assert f'default via {gateway} dev eth0' in routes


def test_dns_servers_and_the_host_name_are_neutrons_and_the_servers(tenant: user.User) -> None:
    server = tenant.boot('web-one', 'busybox')
    assert inside(server, 'hostname') == inside(server, 'cat', '/etc/hostname') == 'web-one\n'
    hosts = inside(server, 'cat', '/etc/hosts')
    assert f'{tenant.addresses(server)[0]}\tweb-one.aio.test web-one' in hosts


def test_metadata_are_environment_variables(tenant: user.User) -> None:
    server = tenant.boot('meta', 'busybox', metadata={'MODE': 'a b', 'LEVEL': '3'})
    environment = inside(server, 'env')
    assert 'MODE=a b\n' in environment
    assert 'LEVEL=3\n' in environment


def test_the_flavor_limits_the_container(tenant: user.User) -> None:
    server = tenant.boot('small', 'busybox', flavor='m1.tiny')
    limits = machine_state.inspect(container(server))['HostConfig']
    assert limits['Memory'] == limits['MemorySwap'] == 128 << 20
    assert limits['CpuQuota'] == limits['CpuPeriod'] == 100_000
    assert limits['PidsLimit'] == 4096
    assert not limits['Privileged']


def test_servers_reach_each_other(tenant: user.User) -> None:
    one, two = tenant.boot('one', 'busybox'), tenant.boot('two', 'nginx')
    address = tenant.addresses(two)[0]
    inside(one, 'ping', '-c', '1', '-W', '2', address)
    page = machine_state.run(
        'docker', 'exec', container(one), 'sh', '-c',
        f'printf "GET / HTTP/1.0\\r\\n\\r\\n" | nc -w 3 {address} 80')
    assert '200 OK' in page
    assert 'nova boot' in page


def test_the_console_log_is_the_end_of_what_the_container_printed(tenant: user.User) -> None:
    server = tenant.boot('talks', 'busybox')
    user.wait_for('the console has text', lambda: 'this is talks' in tenant.console(server))
    tenant.api.compute.reboot_server(server, 'HARD')
    user.wait_for('a reboot adds to it', lambda: tenant.console(
        server).count('this is talks') == 2)
    tenant.wait_status(server, 'ACTIVE')
    # Bytes of any kind, invalid UTF-8 among them, and more of them than the API gives out.
    inside(server, 'sh', '-c', '{ dd if=/dev/urandom bs=64k count=32; '
           'printf "\\377\\000 after \\303\\251\\n"; } > /proc/1/fd/1')
    user.wait_for('the last is there', lambda: ' after ' in tenant.console(server))
    assert 'this is talks' not in tenant.console(server)
    assert len(tenant.console(server).encode()) <= 3 * CONSOLE_BYTES
    tenant.api.compute.stop_server(server)
    tenant.wait_status(server, 'SHUTOFF')
    assert ' after ' in tenant.console(server)


def test_a_boot_logs_the_time_of_its_steps(
        tenant: user.User, compute: program.Program) -> None:
    offset = compute.log.stat().st_size
    server = tenant.boot('timed', 'busybox')
    line = next(line for line in compute.logged(offset).splitlines()
                if f'Spawned container nova-{server.id}' in line)
    assert ' INFO ' in line
    for step in ('image', 'sandbox', 'allocation', 'plug', 'vif event', 'start'):
        assert re.search(rf'{step} \d+\.\d+', line), line
