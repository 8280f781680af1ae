"""Boots of which Neutron never says that their ports are wired, as Nova documents it:
``vif_plugging_is_fatal`` and ``vif_plugging_timeout`` of [DEFAULT].
"""

from tests.cloud import program
from tests.cloud import user
from tests.cloud.test_external_network import pings
from tests.cloud.test_repairs import link
from tests.cloud.test_vif_events import is_plugged
from tests.cloud.test_vif_events import traces

SECONDS = '6'


def test_a_silence_that_is_fatal_ends_the_boot_and_leaves_nothing(
        tenant: user.User, compute: program.Program, agent: program.Program) -> None:
    with (compute.configured('DEFAULT', vif_plugging_timeout=SECONDS,
                             vif_plugging_is_fatal='true'), agent.held()):
        server = tenant.request_server('unheard', 'busybox')
        user.wait_for('it is plugged', lambda: is_plugged(tenant, server))
        name = link(server, tenant)
        fault = tenant.wait_status(server, 'ERROR', timeout=30).fault['message']
        assert 'Failed to allocate the network' in fault  # the operator's log says more
        user.wait_for('nothing of it is left', lambda: not traces(server, name), timeout=10)


def test_a_silence_that_is_not_fatal_is_gone_past_and_a_late_word_does_no_harm(
        tenant: user.User, compute: program.Program, agent: program.Program) -> None:
    with compute.configured('DEFAULT', vif_plugging_timeout=SECONDS,
                            vif_plugging_is_fatal='false'):
        with agent.held():
            server = tenant.boot('unheard', 'busybox')
            address = tenant.floating_ip(server).floating_ip_address
            assert not pings(address)
        user.wait_for('the port is wired', lambda: tenant.port_of(server).status == 'ACTIVE')
        user.wait_for('it answers', lambda: pings(address), timeout=20)
        assert tenant.wait_status(server, 'ACTIVE').fault is None
        tenant.delete_server(server)
