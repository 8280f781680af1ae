"""Rebuild through the API: a new writable layer at the old address."""

from typing import Any

from tests.cloud import machine_state
from tests.cloud import user
from tests.cloud.test_boot import container
from tests.cloud.test_boot import inside
from tests.cloud.test_power import answers


def rebuild(tenant: user.User, server: Any, image: str, status: str, **changes: Any) -> Any:
    tenant.api.compute.rebuild_server(server, tenant.image_id(image), **changes)
    return tenant.wait_status(server, status)


def port(tenant: user.User, server: Any) -> tuple[str, str, str]:
    """What must outlive a rebuild: the port, its address and its MAC."""
    (found,) = tenant.api.network.ports(device_id=server.id)
    return found.id, found.fixed_ips[0]['ip_address'], found.mac_address


def test_the_same_and_another_image_at_the_same_address(tenant: user.User) -> None:
    server, other = tenant.boot('one', 'busybox'), tenant.boot('other', 'busybox')
    before = port(tenant, server)
    inside(server, 'touch', '/lost')
    rebuilt = rebuild(tenant, server, 'busybox', 'ACTIVE', name='renamed',
                      metadata={'color': 'blue'}, admin_password='another')
    assert rebuilt.name == 'renamed'
    assert 'color=blue' in inside(server, 'env')
    assert 'lost' not in inside(server, 'ls', '/').split()
    assert port(tenant, server) == before
    assert before[2] in inside(server, 'ip', 'link', 'show', 'eth0')
    rebuild(tenant, server, 'nginx', 'ACTIVE')
    assert port(tenant, server) == before
    user.wait_for('it answers', lambda: answers(other, before[1]), timeout=10)


def test_a_stopped_server_stays_stopped(tenant: user.User) -> None:
    server = tenant.boot('stopped', 'busybox')
    inside(server, 'touch', '/lost')
    tenant.api.compute.stop_server(server)
    tenant.wait_status(server, 'SHUTOFF')
    assert rebuild(tenant, server, 'busybox', 'SHUTOFF').power_state == 4
    tenant.api.compute.start_server(server)
    tenant.wait_status(server, 'ACTIVE')
    assert 'lost' not in inside(server, 'ls', '/').split()


def test_a_bad_image_says_so_leaves_nothing_and_the_server_can_be_rebuilt(
        tenant: user.User) -> None:
    server, other = tenant.boot('one', 'busybox'), tenant.boot('other', 'busybox')
    before = port(tenant, server)
    bad = tenant.upload('bad', b'no archive at all' * 100)
    fault = rebuild(tenant, server, 'bad', 'ERROR').fault['message']
    assert 'docker save' in fault, fault
    assert server.id not in machine_state.run('docker', 'ps', '-a')
    assert bad.id not in machine_state.run('docker', 'images')
    assert before[0][:11] not in machine_state.run('ip', 'link')
    rebuild(tenant, server, 'busybox', 'ACTIVE')
    assert port(tenant, server) == before
    assert before[2] in inside(server, 'ip', 'link', 'show', 'eth0')
    user.wait_for('it answers', lambda: answers(other, before[1]), timeout=10)
    assert machine_state.inspect(container(server))['State']['Running']
