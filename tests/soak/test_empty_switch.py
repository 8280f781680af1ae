"""Open vSwitch loses its database: what a server has written and its addresses stay, and
its network comes back without the server being made anew."""

from collections.abc import Iterator
from pathlib import Path
import subprocess
import time
from typing import Any

import pytest

from tests.cloud import machine_state
from tests.cloud import program
from tests.cloud import user
from tests.cloud.test_boot import container
from tests.cloud.test_external_network import pings
from tests.cloud.test_power import answers
from tests.cloud.test_repairs import link

QUICKSTART = Path(__file__).resolve().parents[2] / 'tools/quickstart'
VSCTL = ('ovs-vsctl', '-t', '10')
PROGRAMS = ('ovsdb-server', 'ovs-vswitchd')
# Of br-ex: what tools/quickstart gives it.
MAC = '02:ac:18:04:00:01'
SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema'


class Switch:
    """The all-in-one cloud's Open vSwitch, which its supervisor keeps."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self._facts = facts
        self._database = Path(facts['state']) / 'data/openvswitch/conf.db'

    def _supervise(self, action: str) -> None:
        subprocess.run([*self._facts['supervisorctl'], action, *PROGRAMS], check=True,
                       stdout=subprocess.DEVNULL)

    def lose(self) -> None:
        """Stop it and delete its database."""
        self._supervise('stop')
        self._database.unlink()

    def start_empty(self) -> None:
        """As Debian's and other start scripts do: with a new database, and with the
        bridge that the host's own network configuration makes.  It makes it whole: the
        agent does not find a bridge again whose MAC is changed later."""
        machine_state.run('ovsdb-tool', 'create', str(self._database), SCHEMA)
        self._supervise('start')
        user.wait_for('the database answers', lambda: subprocess.run(
            [*VSCTL, '--no-wait', 'init'], check=False, capture_output=True).returncode == 0,
            timeout=20)
        machine_state.run(*VSCTL, '--may-exist', 'add-br', 'br-ex',
                          '--', 'set', 'bridge', 'br-ex', 'datapath_type=netdev',
                          f'other-config:hwaddr="{MAC}"')

    def quickstart(self) -> None:
        subprocess.run([QUICKSTART, '--no-demo', '--quiet', '--driver', self._facts['driver'],
                        '--backend', self._facts['backend']], check=True)


@pytest.fixture
def switch(facts: dict[str, Any], tenant: user.User) -> Iterator[Switch]:
    """Whatever was done to it, the cloud works in the end."""
    if 'ovs-vswitchd' in facts['foreign'] or facts['network'] != 'ovs':
        pytest.skip('the switch is not the cloud\'s own, or not with Neutron\'s agent')
    found = Switch(facts)
    yield found
    found.quickstart()


def ports() -> list[str]:
    return machine_state.run(*VSCTL, 'list-ports', 'br-int').split()


def age(server: object) -> tuple[str, str]:
    """Another one when the container was made or started anew."""
    found = machine_state.inspect(container(server))
    return found['Id'], found['State']['StartedAt']


def test_quickstart_brings_all_back_and_restarts_no_server(
        tenant: user.User, switch: Switch) -> None:
    server, other = tenant.boot('one', 'busybox'), tenant.boot('other', 'busybox')
    address = tenant.addresses(server)[0]
    floating = tenant.floating_ip(server).floating_ip_address
    user.wait_for('it answers', lambda: answers(other, address) and pings(floating))
    before = age(server), age(other)
    switch.lose()
    assert not answers(other, address)
    begin = time.monotonic()
    switch.quickstart()
    took = time.monotonic() - begin
    user.wait_for('it answers again', lambda: answers(other, address), timeout=30)
    user.wait_for('so does its floating IP', lambda: pings(floating), timeout=30)
    print(f'quickstart took {took:.0f} s, and {time.monotonic() - begin - took:.1f} s later '
          f'the server answers', flush=True)
    assert (age(server), age(other)) == before
    assert tenant.refresh(server).status == 'ACTIVE'
    third = tenant.boot('later', 'busybox')
    user.wait_for('a new server reaches it', lambda: answers(third, address), timeout=20)


def test_without_a_restart_of_nova_compute_a_hard_reboot_plugs_again(
        tenant: user.User, switch: Switch, agent: program.Program) -> None:
    server, other = tenant.boot('one', 'busybox'), tenant.boot('other', 'busybox')
    address = tenant.addresses(server)[0]
    user.wait_for('it answers', lambda: answers(other, address))
    switch.lose()
    switch.start_empty()
    agent.restart()  # which makes br-int and br-tun
    user.wait_for('there is the bridge', lambda: subprocess.run(
        [*VSCTL, 'br-exists', 'br-int'], check=False).returncode == 0, timeout=20)
    assert not {link(server, tenant), link(other, tenant)} & set(ports())
    for one in (server, other):
        tenant.api.compute.reboot_server(one, 'HARD')
    for one in (server, other):
        tenant.wait_status(one, 'ACTIVE')
    user.wait_for('it answers again', lambda: answers(other, address), timeout=20)
    assert tenant.addresses(server) == [address]
