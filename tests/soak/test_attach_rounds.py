"""Ports that come and go leave the host exactly as it was."""

from tests.cloud import machine_state
from tests.cloud import user
from tests.cloud.test_boot import inside

ROUNDS = 10


def picture() -> dict[str, str]:
    """The machine's links, the switch's ports, and the namespaces."""
    vsctl = ('ovs-vsctl', '-t', '10', '--format=csv', '--no-headings')
    return {
        'links': machine_state.run('ip', '-br', 'link'),
        'ports': machine_state.run(*vsctl, '--columns=name,tag,qos', 'list', 'Port'),
        'interfaces': machine_state.run(*vsctl, '--columns=name,ofport,external_ids',
                                        'list', 'Interface'),
        'namespaces': machine_state.run('ip', 'netns'),
    }


def test_ten_rounds(tenant: user.User) -> None:
    server = tenant.boot('visited', 'busybox')
    before = {what: sorted(text.splitlines()) for what, text in picture().items()}
    for _ in range(ROUNDS):
        port = tenant.port('private2')
        tenant.api.compute.create_server_interface(server, port_id=port.id)
        assert port.mac_address in inside(server, 'ip', 'addr', 'show', 'eth1')
        tenant.api.compute.delete_server_interface(port.id, server=server)
        user.wait_for('the port is free',
                      lambda p=port: not tenant.api.network.get_port(p.id).device_id)
    tenant_ports = [p.id for p in tenant.api.network.ports(device_id=server.id)]
    assert len(tenant_ports) == 1
    user.wait_for('the machine is as before', lambda: before == {
        what: sorted(text.splitlines()) for what, text in picture().items()}, timeout=20)
