"""Power states: asked for through the API, and what happens outside of it."""

import time

from openstack import exceptions
import pytest

from tests.cloud import machine_state
from tests.cloud import user
from tests.cloud.test_boot import container
from tests.cloud.test_boot import inside


def answers(asker: object, address: str) -> bool:
    return ' 0% packet loss' in machine_state.run(
        'docker', 'exec', container(asker), 'ping', '-c', '1', '-W', '1', address, check=False)


def test_stop_and_start_keep_the_address_and_the_files_and_a_locked_server_obeys_only_admins(
        tenant: user.User, admin: user.User) -> None:
    server, other = tenant.boot('one', 'busybox'), tenant.boot('other', 'busybox')
    address = tenant.addresses(server)[0]
    inside(server, 'touch', '/kept')
    assert answers(other, address)
    tenant.api.compute.lock_server(server)
    with pytest.raises(exceptions.ConflictException, match='locked'):
        tenant.api.compute.stop_server(server)
    assert machine_state.inspect(container(server))['State']['Running']
    admin.api.compute.stop_server(server)
    tenant.wait_status(server, 'SHUTOFF')
    with pytest.raises(exceptions.ConflictException, match='locked'):
        tenant.api.compute.start_server(server)
    tenant.api.compute.unlock_server(server)
    stopped = tenant.refresh(server)
    assert stopped.power_state == 4
    assert not answers(other, address), 'a stopped server answers'
    tenant.api.compute.start_server(server)
    tenant.wait_status(server, 'ACTIVE')
    user.wait_for('it answers again', lambda: answers(other, address), timeout=10)
    inside(server, 'ls', '/kept')


def test_reboot_soft_and_hard_restart_the_command_and_keep_the_nic(tenant: user.User) -> None:
    server = tenant.boot('one', 'busybox')
    address = tenant.addresses(server)[0]
    for kind in ('SOFT', 'HARD'):
        before = machine_state.inspect(container(server))['State']['StartedAt']
        tenant.api.compute.reboot_server(server, kind)
        user.wait_for('it was restarted', lambda before=before: machine_state.inspect(
            container(server))['State']['StartedAt'] != before)
        tenant.wait_status(server, 'ACTIVE')
        assert address in inside(server, 'ip', 'addr', 'show', 'eth0')


def test_pause_and_suspend_freeze_and_unpause_and_resume_thaw(tenant: user.User) -> None:
    server, other = tenant.boot('one', 'busybox'), tenant.boot('other', 'busybox')
    address = tenant.addresses(server)[0]
    user.wait_for('it answers', lambda: answers(other, address))
    started = machine_state.inspect(container(server))['State']['StartedAt']
    for freeze, status, thaw in (('pause', 'PAUSED', 'unpause'),
                                 ('suspend', 'SUSPENDED', 'resume')):
        getattr(tenant.api.compute, f'{freeze}_server')(server)
        assert tenant.wait_status(server, status).power_state == 3
        assert machine_state.inspect(container(server))['State']['Paused']
        assert not answers(other, address), f'it answers after {freeze}'
        getattr(tenant.api.compute, f'{thaw}_server')(server)
        assert tenant.wait_status(server, 'ACTIVE').power_state == 1
        user.wait_for('it answers again', lambda: answers(other, address), timeout=10)
    # what it had in memory is there
    assert machine_state.inspect(container(server))['State']['StartedAt'] == started


def test_a_killed_container_shows_as_shutoff_within_two_seconds(tenant: user.User) -> None:
    server = tenant.boot('victim', 'busybox')
    machine_state.run('docker', 'kill', container(server))
    begin = time.monotonic()
    tenant.wait_status(server, 'SHUTOFF', timeout=10)
    assert time.monotonic() - begin < 2.0


def test_docker_restart_keeps_the_nic_and_nova_does_not_see_a_stop(tenant: user.User) -> None:
    server = tenant.boot('restarted', 'busybox')
    address = tenant.addresses(server)[0]
    machine_state.run('docker', 'restart', '-t', '0', container(server))
    assert address in inside(server, 'ip', 'addr', 'show', 'eth0')
    time.sleep(2)
    assert tenant.refresh(server).status == 'ACTIVE'


def test_a_server_outlives_its_sandbox_and_a_hard_reboot_makes_all_anew(
        tenant: user.User) -> None:
    server, other = tenant.boot('one', 'busybox'), tenant.boot('other', 'busybox')
    address = tenant.addresses(server)[0]
    user.wait_for('it answers', lambda: answers(other, address), timeout=10)
    machine_state.run('docker', 'kill', f'{container(server)}-sandbox')
    # its program is in the network namespace, which lives as long as one of both
    time.sleep(1)
    assert answers(other, address)
    now = tenant.refresh(server)
    assert (now.status, now.power_state) == ('ACTIVE', 1)
    tenant.api.compute.reboot_server(server, 'HARD')
    tenant.wait_status(server, 'ACTIVE')
    user.wait_for('it answers again', lambda: answers(other, address), timeout=10)


def test_a_foreign_container_is_neither_listed_nor_touched(
        tenant: user.User, admin: user.User) -> None:
    sandbox = machine_state.run('docker', 'images', '-q', 'nova-docker.invalid/sandbox').split()[0]
    foreign = machine_state.run('docker', 'run', '-d', '--network', 'none', sandbox).strip()
    try:
        server = tenant.boot('mine', 'busybox')
        hypervisor = next(iter(admin.api.compute.hypervisors(details=True)))
        assert foreign not in str(hypervisor)
        tenant.delete_server(server)
        assert machine_state.inspect(foreign)['State']['Running']
    finally:
        machine_state.run('docker', 'rm', '-f', foreign)


def test_a_security_group_filters(tenant: user.User) -> None:
    group = tenant.security_group('closed')
    closed = tenant.boot('closed', 'nginx', security_groups=[{'name': 'closed'}])
    asker = tenant.boot('asker', 'busybox')
    address = tenant.addresses(closed)[0]
    assert not answers(asker, address)
    tenant.api.network.create_security_group_rule(
        security_group_id=group.id, direction='ingress', ether_type='IPv4', protocol='icmp')
    user.wait_for('the new rule lets pings through', lambda: answers(asker, address), timeout=15)
    refused = machine_state.run(
        'docker', 'exec', container(asker), 'sh', '-c',
        f'printf "GET / HTTP/1.0\\r\\n\\r\\n" | nc -w 2 {address} 80', check=False)
    assert '200 OK' not in refused
    tenant.delete_server(closed)
