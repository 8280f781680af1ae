"""Security groups of iptables_hybrid: a Linux bridge for each port, and iptables at it."""

from collections.abc import Iterator
import shlex
from typing import Any

import pytest

from tests.cloud import machine_state
from tests.cloud import program
from tests.cloud import user
from tests.cloud.test_boot import container
from tests.cloud.test_power import answers

CHAINS = ('neutron-openvswi', 'neutron-filter-top')


@pytest.fixture
def iptables(tenant: user.User, admin: user.User, agent: program.Program) -> Iterator[None]:
    """The agent filters with iptables, and ports are bound for that."""
    before = {family: rules(family) for family in ('iptables', 'ip6tables')}
    with agent.configured('securitygroup', firewall_driver='iptables_hybrid'):
        user.wait_for('Neutron binds ports so', lambda: is_hybrid(admin))
        try:
            yield
        finally:
            tenant.clean_up()
            user.wait_for('no rules of ports are left', lambda: not (
                machine_state.filters_of_ports() | machine_state.address_sets()))
    user.wait_for('Neutron binds ports as before', lambda: not is_hybrid(admin))
    for family, kept in before.items():
        remove_chains(family, kept)


def is_hybrid(admin: user.User) -> bool:
    """What the agent has told Neutron of itself."""
    agent, = admin.api.network.agents(binary='neutron-openvswitch-agent')
    return bool(agent.configuration['ovs_hybrid_plug'])


def rules(family: str) -> list[str]:
    """What the agent has among the machine's rules, by table."""
    table, found = '', []
    for line in machine_state.run(f'{family}-save').splitlines():
        table = line[1:] if line.startswith('*') else table
        if line.startswith((':', '-A')) and any(name in line for name in CHAINS):
            found.append(f'{table} {line.split(" [")[0]}')
    return found


def remove_chains(family: str, kept: list[str]) -> None:
    """The agent leaves its chains, when it turns to another way of filtering."""
    ours = [shlex.split(line) for line in rules(family) if line not in kept]
    for table, word, *rest in ours:
        if word == '-A':
            machine_state.run(family, '-t', table, '-D', *rest, check=False)
    for table, word, *_ in ours:
        if word.startswith(':'):
            machine_state.run(family, '-t', table, '-X', word[1:], check=False)


def page(asker: Any, address: str) -> str:
    return machine_state.run(
        'docker', 'exec', container(asker), 'sh', '-c',
        f'printf "GET / HTTP/1.0\\r\\n\\r\\n" | nc -w 2 {address} 80', check=False)


def test_iptables_filters_and_a_torn_port_is_mended(
        tenant: user.User, iptables: None) -> None:
    group = tenant.security_group('closed')
    web = tenant.boot('web', 'nginx', security_groups=[{'name': 'closed'}])
    asker = tenant.boot('asker', 'busybox')
    address = tenant.addresses(web)[0]
    suffix = tenant.port_of(web).id[:11]
    members = machine_state.run('ls', f'/sys/class/net/qbr{suffix}/brif').split()
    assert members == [f'qvb{suffix}', f'tap{suffix}']
    ports = machine_state.run('ovs-vsctl', '-t', '10', 'list-ports', 'br-int').split()
    assert f'qvo{suffix}' in ports
    assert f'tap{suffix}' not in ports

    assert not answers(asker, address)
    for protocol in ('icmp', 'tcp'):
        tenant.api.network.create_security_group_rule(
            security_group_id=group.id, direction='ingress', ether_type='IPv4',
            protocol=protocol)
        user.wait_for('the new rule lets pings through', lambda: answers(asker, address),
                      timeout=15)
        if protocol == 'icmp':
            assert '200 OK' not in page(asker, address)
    user.wait_for('the new rule lets TCP through', lambda: '200 OK' in page(asker, address),
                  timeout=15)

    # what neither os-vif nor a restarted agent would bring back
    machine_state.run('ovs-vsctl', '-t', '10', 'del-port', 'br-int', f'qvo{suffix}')
    tenant.api.compute.reboot_server(web, 'HARD')
    tenant.wait_status(web, 'ACTIVE')
    user.wait_for('it answers again', lambda: answers(asker, address), timeout=20)
