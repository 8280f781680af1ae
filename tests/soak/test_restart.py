"""A restart of nova-compute beside many instances at work loses no packet.

SOAK_INSTANCES says how many (50).
"""

import os
import re
import signal
import subprocess
import time

from tests.cloud import program
from tests.cloud import user

INSTANCES = int(os.environ.get('SOAK_INSTANCES', '50'))
IN_ONE_REQUEST = 10


def test_a_restart_loses_no_packet(tenant: user.User, compute: program.Program) -> None:
    servers = []
    for first in range(0, INSTANCES, IN_ONE_REQUEST):
        servers += [tenant.request_server(f'healthy-{first + n}', 'busybox', flavor='m1.nano')
                    for n in range(IN_ONE_REQUEST)]
        for server in servers[first:]:
            tenant.wait_status(server, 'ACTIVE')
    namespace = f'qdhcp-{tenant.network("private").id}'
    pings = [subprocess.Popen(['ip', 'netns', 'exec', namespace, 'ping', '-i', '0.2', '-q',
                               tenant.addresses(server)[0]], stdout=subprocess.PIPE, text=True)
             for server in servers]
    time.sleep(2)
    compute.crash()
    time.sleep(5)
    for ping in pings:
        ping.send_signal(signal.SIGINT)
    said = [ping.communicate()[0] for ping in pings]
    lost = [match[0] for text in said if (match := re.search(r'[\d.]+% packet loss', text))]
    assert lost == ['0% packet loss'] * INSTANCES
