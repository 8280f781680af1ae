"""What goes missing of a NIC comes back when nova-compute starts, and nothing else is touched."""

import re
import signal
import subprocess
from typing import Any

from tests.cloud import machine_state
from tests.cloud import program
from tests.cloud import user
from tests.cloud.test_boot import container
from tests.cloud.test_power import answers


def link(server: object, tenant: user.User) -> str:
    """The host's end of a server's NIC."""
    return f'tap{tenant.port_of(server).id[:11]}'


def link_index(name: str) -> str:
    return machine_state.run('ip', '-o', 'link', 'show', name).partition(':')[0]


def ping_from(server: Any, address: str) -> subprocess.Popen[str]:
    """A ping that counts what it loses, which the image's own does not."""
    pid = machine_state.inspect(container(server))['State']['Pid']
    return subprocess.Popen(
        ['nsenter', '-t', str(pid), '-n', 'ping', '-i', '0.2', '-q', address],
        stdout=subprocess.PIPE, text=True)


def lost(ping: subprocess.Popen[str]) -> str:
    ping.send_signal(signal.SIGINT)
    found = re.search(r'[\d.]+% packet loss', ping.communicate()[0])
    return found[0] if found else 'no answer at all'


def test_a_deleted_link_and_a_deleted_switch_port_come_back_and_the_healthy_lose_no_packet(
        tenant: user.User, compute: program.Program) -> None:
    no_link, no_port, healthy, asker = (tenant.boot(name, 'busybox') for name in (
        'no-link', 'no-port', 'healthy', 'asker'))
    where = {server.name: tenant.addresses(server)[0]
             for server in (no_link, no_port, healthy)}
    user.wait_for('all answer', lambda: all(answers(asker, a) for a in where.values()),
                  timeout=20)
    index = link_index(link(healthy, tenant))
    machine_state.run('ip', 'link', 'delete', link(no_link, tenant))
    machine_state.run('ovs-vsctl', '-t', '10', 'del-port', 'br-int', link(no_port, tenant))
    ping = ping_from(asker, where[healthy.name])
    compute.crash()
    for server in (no_link, no_port):
        user.wait_for(f'{server.name} answers again',
                      lambda server=server: answers(asker, where[server.name]), timeout=30)
    assert lost(ping) == '0% packet loss'
    assert link_index(link(healthy, tenant)) == index
