"""Neutron's word that a port is wired: late, and that it could not be wired.

What happens without any word is in tests/soak/test_silent_agent.py.
"""

from typing import Any

from tests.cloud import machine_state
from tests.cloud import program
from tests.cloud import user
from tests.cloud.test_boot import container
from tests.cloud.test_external_network import pings
from tests.cloud.test_repairs import link


def is_plugged(tenant: user.User, server: Any) -> bool:
    """Whether the switch has the server's port."""
    if not list(tenant.api.network.ports(device_id=server.id)):
        return False
    ports = machine_state.run('ovs-vsctl', '-t', '10', 'list-ports', 'br-int')
    return link(server, tenant) in ports.split()


def traces(server: Any, name: str) -> list[str]:
    """Containers of a server, and its link, wherever that is known."""
    found = machine_state.run('docker', 'ps', '-aq', '--filter',
                              f'name={container(server)}').split()
    found += machine_state.run('ip', 'link', 'show', name, check=False).split()
    return found + machine_state.run(
        'ovs-vsctl', '-t', '10', '--columns=name', 'find', 'Interface',
        f'name={name}').split()


def test_a_boot_waits_for_a_word_that_comes_late(
        tenant: user.User, agent: program.Program) -> None:
    with agent.held():
        server = tenant.request_server('late', 'busybox')
        user.wait_for('it is plugged', lambda: is_plugged(tenant, server))
        assert not machine_state.inspect(container(server))['State']['Running']
        assert tenant.refresh(server).status == 'BUILD'
    tenant.wait_status(server, 'ACTIVE')
    address = tenant.floating_ip(server).floating_ip_address
    user.wait_for('it answers', lambda: pings(address), timeout=20)


def test_a_word_that_the_wiring_failed_ends_the_boot_at_once(
        tenant: user.User, admin: user.User, agent: program.Program) -> None:
    with agent.held():
        server = tenant.request_server('unwired', 'busybox')
        user.wait_for('it is plugged', lambda: is_plugged(tenant, server))
        name = link(server, tenant)
        admin.api.compute.post('/os-server-external-events', json={'events': [{
            'name': 'network-vif-plugged', 'server_uuid': server.id, 'status': 'failed',
            'tag': tenant.port_of(server).id}]})
        fault = tenant.wait_status(server, 'ERROR', timeout=20).fault['message']
        assert 'Failed to allocate the network' in fault
        user.wait_for('nothing of it is left', lambda: not traces(server, name), timeout=10)
