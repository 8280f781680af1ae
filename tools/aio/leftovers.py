"""Ends what a crashed cloud has left behind, and touches nothing else.

supervisord gives every process of the cloud the variable AIO_STATE, and
processes that outlive their parents (dnsmasq, haproxy, the children of a
supervisord that was killed) have it too.
"""

from collections.abc import Iterable
import json
import os
from pathlib import Path
import shutil
import signal
import time

from aio import program
from aio.layout import Layout
from aio.supervisor import STATE_VARIABLE

# A containerd shim holds a container; it belongs to the engine, which finds it
# again when it starts.
SHIM = b'containerd-shim'
NAMESPACES = ('qdhcp-', 'qrouter-', 'ovnmeta-')


def processes(layout: Layout, *, shims: bool = False) -> list[int]:
    """Live processes that descend from this cloud's supervisord."""
    mark = f'{STATE_VARIABLE}={layout.state}'.encode()
    helper = f'{layout.state}/venv-'.encode()
    found = []
    for entry in Path('/proc').iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / 'environ').read_bytes().split(b'\0')
            command = (entry / 'cmdline').read_bytes()
        except OSError:  # it has just ended
            continue
        # sudo takes the variable away from the privileged helpers
        ours = mark in environment or (helper in command and b'/bin/privsep-helper' in command)
        if ours and (shims or SHIM not in command):
            found.append(int(entry.name))
    return found


def end_processes(layout: Layout, *, shims: bool = False, patience: float = 10.0) -> int:
    """Ask them to end, kill the rest.  How many there were."""
    found = processes(layout, shims=shims)
    for number in (signal.SIGTERM, signal.SIGKILL):
        _send(processes(layout, shims=shims), number)
        deadline = time.monotonic() + patience
        while processes(layout, shims=shims) and time.monotonic() < deadline:
            time.sleep(0.1)
    return len(found)


def _send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def namespaces(layout: Layout) -> list[str]:
    """Those of Neutron's agents.

    The state folder names their networks and routers: each of them has a configuration
    of the metadata proxy.
    """
    present = {entry['name'] for entry in json.loads(program.output(['ip', '-j', 'netns']) or '[]')}
    state = layout.data / 'neutron'
    owners = {path.stem for kind in ('dhcp/*', 'ns-metadata-proxy/*.conf')
              for path in state.glob(kind)}
    return sorted(name for name in present
                  if name.startswith(NAMESPACES) and name.partition('-')[2] in owners)


def remove_namespaces(layout: Layout) -> None:
    """Remove the agents' namespaces, what runs in them, and what was noted about them."""
    for name in namespaces(layout):
        _send(map(int, program.output(['ip', 'netns', 'pids', name]).split()), signal.SIGKILL)
        program.output(['ip', 'netns', 'delete', name])
    for folder in ('dhcp', 'external', 'ns-metadata-proxy', 'ra'):
        shutil.rmtree(layout.data / 'neutron' / folder, ignore_errors=True)
