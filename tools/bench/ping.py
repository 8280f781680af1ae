"""From the request to the first answered ping.

The pings come from the DHCP namespace of the network, to the address of a port
made before, so that nothing but the boot is measured.
"""

from pathlib import Path
import subprocess
import time

from aio import layout

from bench import report
from bench import servers

ROUNDS = 20


def _wait_for_ping(namespace: str, address: str, timeout: float = 60) -> None:
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        answer = subprocess.run(
            ['ip', 'netns', 'exec', namespace, 'ping', '-n', '-c1', '-W0.1', address],
            capture_output=True, check=False)
        if answer.returncode == 0:
            return
    raise RuntimeError(f'{address} does not answer after {timeout} s')


def main(where: layout.Layout, folder: Path) -> None:
    mine = servers.Servers(where)
    namespace = f'qdhcp-{mine.network.id}'
    with mine.running('bench-warm'):
        pass
    pings, actives = [], []
    for number in range(ROUNDS):
        port = mine.cloud.network.create_port(network_id=mine.network.id)
        name = f'bench-{number}'
        try:
            begin = time.monotonic()
            mine.create(name, ports=(port.id,))
            _wait_for_ping(namespace, port.fixed_ips[0]['ip_address'])
            pings.append(time.monotonic() - begin)
            mine.wait_active(name)
            actives.append(time.monotonic() - begin)
        finally:
            mine.delete(name)
            mine.cloud.network.delete_port(port, ignore_missing=True)
    first, active = (report.Series('request to first ping', pings),
                     report.Series('request to ACTIVE', actives))
    report.report('ping', [first, active], {'first ping / ACTIVE': first.median / active.median},
                  folder)
