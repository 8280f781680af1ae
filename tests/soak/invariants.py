"""What holds of a server whenever nothing is at work on it.

Nova's word, the engine's containers, Neutron's ports and Placement's allocations
tell the same story.
"""

import json
from typing import Any

from tests.cloud import machine_state
from tests.cloud import user

# Server status -> states of the container that runs the image.
LEGAL = {
    'ACTIVE': {'running'},
    'SHUTOFF': {'exited', 'created'},
    'PAUSED': {'paused'},
    'SUSPENDED': {'paused'},
    'VERIFY_RESIZE': {'running', 'exited', 'created'},
    'RESCUE': {'running'},
    'SHELVED_OFFLOADED': {None},
}


def broken(admin: user.User, server_id: str) -> str:
    """What does not fit, '' when all does."""
    server = admin.api.compute.find_server(server_id, ignore_missing=True)
    problems = [_allocations(admin, server, server_id)]
    if server is None:
        problems.append(_containers_gone(server_id))
    else:
        problems += [_state(server), _ports(admin, server)]
    return '; '.join(filter(None, problems))


def _inspect(name: str) -> dict[str, Any] | None:
    found = json.loads(machine_state.run('docker', 'inspect', name, check=False) or '[]')
    return found[0] if found else None


def _state(server: Any) -> str:
    workload = _inspect(f'nova-{server.id}')
    state = workload['State']['Status'] if workload else None
    if state in LEGAL.get(server.status, set()):
        return ''
    return f'{server.status} ({server.fault or "no fault"}), and its container is {state}'


def _ports(admin: user.User, server: Any) -> str:
    """Of a server that runs; the NICs of others are plugged at their next start.

    One that is deleted meanwhile has none.
    """
    if server.status not in {'ACTIVE', 'RESCUE'}:
        return ''
    ports = {port.mac_address for port in admin.api.network.ports(device_id=server.id)}
    nics = set(machine_state.run(
        'docker', 'exec', f'nova-{server.id}', 'sh', '-c',
        'cat /sys/class/net/eth*/address 2>/dev/null || true', check=False).split())
    return '' if ports == nics else f'ports {sorted(ports)}, NICs {sorted(nics)}'


def _allocations(admin: user.User, server: Any, server_id: str) -> str:
    found = admin.api.placement.get(f'/allocations/{server_id}').json()['allocations']
    wanted = server is not None and server.status != 'SHELVED_OFFLOADED'
    return '' if bool(found) == wanted else f'allocations {found}'


def _containers_gone(server_id: str) -> str:
    left = machine_state.run('docker', 'ps', '-aq', '--filter', f'name=nova-{server_id}').split()
    return f'deleted, and its containers {left} are there' if left else ''
