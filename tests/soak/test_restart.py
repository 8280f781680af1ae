"""A restart of nova-compute beside many instances at work loses no packet.

SOAK_INSTANCES says how many (50).
"""

import json
import os
import re
import signal
import subprocess
import time

from tests.cloud import machine_state
from tests.cloud import program
from tests.cloud import user

INSTANCES = int(os.environ.get('SOAK_INSTANCES', '50'))
IN_ONE_REQUEST = 10
# Seconds for which the new nova-compute is watched when it is up: in the all-in-one
# cloud it looks for changed addresses every five.
AFTERWARDS = 6


class Ping:
    """Five pings a second to an address, from the DHCP agent's namespace."""

    def __init__(self, namespace: str, address: str) -> None:
        self.address = address
        self._process = subprocess.Popen(
            ['ip', 'netns', 'exec', namespace, 'ping', '-n', '-i', '0.2', address],
            stdout=subprocess.PIPE, text=True)

    def end(self) -> tuple[int, list[int]]:
        """How many were sent, and which were not answered; but for the last one, whose
        answer may be under way."""
        self._process.send_signal(signal.SIGINT)
        said = self._process.communicate()[0]
        answered = {int(number) for number in re.findall(r'icmp_seq=(\d+) ttl', said)}
        found = re.search(r'(\d+) packets transmitted', said)
        sent = int(found[1]) if found else 0
        return sent, sorted(set(range(1, sent)) - answered)


def boot(tenant: user.User, count: int) -> list[object]:
    servers: list[object] = []
    for first in range(0, count, IN_ONE_REQUEST):
        batch = [tenant.request_server(f'healthy-{n}', 'busybox', flavor='m1.nano')
                 for n in range(first, min(first + IN_ONE_REQUEST, count))]
        servers += [tenant.wait_status(server, 'ACTIVE') for server in batch]
    return servers


def nics() -> dict[str, tuple[int, str]]:
    """Each instance's link: its index, and the switch's number of the port.  A NIC that
    was made or plugged anew has others."""
    numbers = dict(row.split(',') for row in machine_state.run(
        *machine_state.VSCTL, '--columns=name,ofport', 'list', 'Interface').splitlines())
    return {link['ifname']: (link['ifindex'], numbers[link['ifname']])
            for link in json.loads(machine_state.run('ip', '-j', 'link', 'show', 'type', 'veth'))
            if link['ifname'].startswith('tap')}


def test_a_restart_loses_no_packet(tenant: user.User, compute: program.Program) -> None:
    servers = boot(tenant, INSTANCES)
    namespace = f'qdhcp-{tenant.network("private").id}'
    addresses = [tenant.addresses(server)[0] for server in servers]
    for address in addresses:
        user.wait_for(f'{address} answers', lambda address=address: subprocess.run(
            ['ip', 'netns', 'exec', namespace, 'ping', '-n', '-c', '1', '-W', '1', address],
            check=False, stdout=subprocess.DEVNULL).returncode == 0, timeout=20)
    before = nics()
    assert len(before) >= INSTANCES
    pings = [Ping(namespace, address) for address in addresses]
    begin = time.monotonic()
    compute.crash()
    took = time.monotonic() - begin
    time.sleep(AFTERWARDS)
    ended = {ping.address: ping.end() for ping in pings}
    sent = sum(number for number, _ in ended.values())
    lost = {address: missing for address, (_, missing) in ended.items() if missing}
    print(f'{INSTANCES} instances, nova-compute up again after {took:.1f} s, {sent} pings, '
          f'{sum(map(len, lost.values()))} not answered', flush=True)
    assert not lost
    assert sent > INSTANCES * 5 * (took + AFTERWARDS) / 2  # they did go on
    assert nics() == before
    for server in servers:
        tenant.api.compute.delete_server(server)
