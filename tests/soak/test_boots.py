"""Boots and deletes of servers with two NICs, five at a time, with agents restarted.

SOAK_BOOTS says how many (200).
"""

import os
import subprocess
import time
from typing import Any

from tests.cloud import compute_service
from tests.cloud import user

BOOTS = int(os.environ.get('SOAK_BOOTS', '200'))
AT_ONCE = 5
RESTART_EVERY = 50


def answers_within(namespace: str, address: str, seconds: int) -> bool:
    return subprocess.run(
        ['ip', 'netns', 'exec', namespace, 'ping', '-c', '1', '-W', str(seconds), address],
        check=False, stdout=subprocess.DEVNULL).returncode == 0


def usage(pid: int) -> tuple[int, int]:
    """MiB of memory and number of file descriptors of a process."""
    with open(f'/proc/{pid}/smaps_rollup') as f:
        pss = next(int(line.split()[1]) for line in f if line.startswith('Pss:'))
    return pss >> 10, len(os.listdir(f'/proc/{pid}/fd'))


def restart(facts: dict[str, Any], program: str) -> None:
    subprocess.run([*facts['supervisorctl'], 'restart', program], check=True,
                   stdout=subprocess.DEVNULL)
    time.sleep(5)


def test_two_hundred_boots(tenant: user.User, compute: compute_service.ComputeService,
                           facts: dict[str, Any]) -> None:
    namespaces = {name: f'qdhcp-{tenant.network(name).id}' for name in ('private', 'private2')}
    silent: list[str] = []
    usages = []
    for first in range(0, BOOTS, AT_ONCE):
        servers = [tenant.request_server(f'soak-{first + n}', 'busybox',
                                         networks=tuple(namespaces)) for n in range(AT_ONCE)]
        for server in servers:
            active = tenant.wait_status(server, 'ACTIVE')
            for name, namespace in namespaces.items():
                address = active.addresses[name][0]['addr']
                if not answers_within(namespace, address, 1):
                    silent.append(f'{server.name} {address}')
        for server in servers:
            tenant.api.compute.delete_server(server)
        for server in servers:
            tenant.delete_server(server)
        usages.append(usage(compute.pid()))
        print(f'{first + AT_ONCE} boots, nova-compute: {usages[-1][0]} MiB, '
              f'{usages[-1][1]} files, silent: {silent}', flush=True)
        if first % RESTART_EVERY == 0 and first:
            restart(facts, 'neutron-ovs-agent')
    assert not silent
    # The first round warms caches, pools and the privsep daemons up.
    settled, last = usages[min(3, len(usages) - 1)], usages[-1]
    assert last[0] <= settled[0] + 16, f'memory grew: {usages}'
    assert last[1] <= settled[1] + 8, f'file descriptors grew: {usages}'
