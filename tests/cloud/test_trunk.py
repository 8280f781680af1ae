"""A trunk's parent port, which Neutron wires through a bridge of its own."""

from tests.cloud import machine_state
from tests.cloud import user
from tests.cloud.test_power import answers


def test_a_server_boots_on_the_parent_port_of_a_trunk(tenant: user.User) -> None:
    neighbour = tenant.boot('neighbour', 'busybox')
    parent = tenant.port('private')
    tagged = tenant.port('private2')
    trunk = tenant.api.network.create_trunk(
        port_id=parent.id, sub_ports=[{'port_id': tagged.id, 'segmentation_type': 'vlan',
                                       'segmentation_id': 100}])
    try:
        server = tenant.boot('trunk', 'busybox', networks=(f'port:{parent.id}',))
        address = parent.fixed_ips[0]['ip_address']
        user.wait_for('the neighbour reaches it', lambda: answers(neighbour, address), timeout=20)
        user.wait_for('the trunk is active', lambda: tenant.api.network.get_trunk(
            trunk.id).status == 'ACTIVE', timeout=20)
        tenant.delete_server(server)
    finally:
        tenant.api.network.delete_trunk(trunk)
    user.wait_for('its bridge is gone', lambda: 'tbr-' not in machine_state.run(
        'ovs-vsctl', '-t', '10', 'list-br'), timeout=20)
