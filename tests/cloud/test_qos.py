"""Quality of service: what Neutron limits and marks on a server's port.

The figures are rough, because the machine does other things as well.
"""

from collections.abc import Iterator
import contextlib
import socket
import threading
import time
from typing import Any

import pytest

from tests.cloud import user
from tests.cloud.test_boot import inside
from tests.cloud.test_external_network import OUTSIDE

LIMIT = 8000  # kbit/s
MEBIBYTES = 4
EXPEDITED_FORWARDING = 46


@pytest.fixture
def policy(admin: user.User, tenant: user.User) -> Iterator[Any]:
    """A policy of the administrator's without rules, for everybody."""
    made = admin.api.network.create_qos_policy(name='gentle', is_shared=True)
    yield made
    tenant.clean_up()  # the ports that use it
    admin.api.network.delete_qos_policy(made)


@pytest.fixture
def busy_server(tenant: user.User) -> Any:
    return tenant.boot('busy', 'busybox')


def speed(server: Any) -> float:
    """Kbit/s that leave the server for this machine over TCP."""
    with contextlib.closing(socket.create_server((OUTSIDE, 0))) as listener:
        command = (f'dd if=/dev/zero bs=1M count={MEBIBYTES} 2>/dev/null '
                   f'| nc -w 60 {OUTSIDE} {listener.getsockname()[1]}')
        client = threading.Thread(target=inside, args=(server, 'sh', '-c', command))
        client.start()
        listener.settimeout(20)
        with listener.accept()[0] as connection:
            begin = time.monotonic()
            received = 0
            while received < MEBIBYTES << 20:
                received += len(connection.recv(1 << 16))
            seconds = time.monotonic() - begin
        client.join()
    return (received << 3) / 1000 / seconds


def test_a_bandwidth_limit_slows_a_server_at_work(
        tenant: user.User, admin: user.User, busy_server: Any, policy: Any) -> None:
    free = speed(busy_server)
    assert free > 4 * LIMIT, f'{free:.0f} kbit/s without a limit'
    admin.api.network.create_qos_bandwidth_limit_rule(
        policy, max_kbps=LIMIT, max_burst_kbps=LIMIT // 10, direction='egress')
    tenant.api.network.update_port(tenant.port_of(busy_server), qos_policy_id=policy.id)
    user.wait_for('it is slow', lambda: LIMIT / 20 < speed(busy_server) < 1.5 * LIMIT,
                  timeout=30)


def test_packets_are_marked(tenant: user.User, admin: user.User, busy_server: Any,
                            policy: Any) -> None:
    admin.api.network.create_qos_dscp_marking_rule(policy, dscp_mark=EXPEDITED_FORWARDING)
    tenant.api.network.update_port(tenant.port_of(busy_server), qos_policy_id=policy.id)
    user.wait_for('its packets are marked',
                  lambda: dscp_of_a_ping(busy_server) == EXPEDITED_FORWARDING, timeout=20)


def dscp_of_a_ping(server: Any) -> int:
    """The mark of the echo request that arrives here from the server."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sniffer:
        sniffer.bind((OUTSIDE, 0))
        sniffer.settimeout(5)
        inside(server, 'ping', '-c', '1', '-W', '2', OUTSIDE)
        return int(sniffer.recv(1500)[1] >> 2)
