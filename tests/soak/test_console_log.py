"""Hundreds of megabytes of console output fill neither the disk nor nova-compute's memory."""

from pathlib import Path
import time

import psutil

from tests.cloud import machine_state
from tests.cloud import program
from tests.cloud import user
from tests.cloud.test_boot import CONSOLE_BYTES
from tests.cloud.test_boot import container
from tests.cloud.test_boot import inside

MIB = 300
# The engine's JSON makes up to six bytes of one.
LARGEST_ON_DISK_MIB = 21
# Text, one line that never ends, bytes of any kind.
SOURCES = {'lines': 'yes "a line of text, with an é in it"',
           'one line': 'tr "\\000" x < /dev/zero',
           'binary': 'cat /dev/urandom'}


def memory_mib(compute: program.Program) -> int:
    """What nova-compute has in memory."""
    return int(psutil.Process(compute.pid()).memory_info().rss) >> 20


def test_huge_output_is_kept_and_shown_in_part(
        tenant: user.User, compute: program.Program) -> None:
    server = tenant.boot('talkative', 'busybox')
    log = Path(machine_state.inspect(container(server))['LogPath'])
    tenant.console(server)
    before = memory_mib(compute)
    for name, source in SOURCES.items():
        inside(server, 'sh', '-c', f'{{ {source} | head -c {MIB}m; '
               f'printf "\\n end of {name}\\n"; }} > /proc/1/fd/1')
        user.wait_for('the end is there', lambda name=name: f' end of {name}' in
                      tenant.console(server))
        begin = time.monotonic()
        shown = tenant.console(server)
        took = time.monotonic() - begin
        kept = sum(file.stat().st_size for file in log.parent.glob(f'{log.name}*')) >> 20
        memory = memory_mib(compute)
        print(f'{name}: {kept} MiB on disk, {len(shown)} characters in {took:.2f} s, '
              f'nova-compute {before} -> {memory} MiB', flush=True)
        assert len(shown) <= CONSOLE_BYTES
        assert kept <= LARGEST_ON_DISK_MIB
        assert memory <= before + 16
        assert took < 5
    last = server.name
    tenant.api.compute.reboot_server(server, 'HARD')
    user.wait_for('a reboot adds to it', lambda: tenant.console(server).rstrip().count(
        f'this is {last}') == 1)
    assert ' end of binary' in tenant.console(server)
