"""``openstack server show --diagnostics``, its form before microversion 2.48, and
``openstack usage show``."""

import json
import os
from pathlib import Path
import subprocess
import sys
from typing import Any

from tests.cloud import user


def shown(facts: dict[str, Any], *words: str) -> dict[str, Any]:
    """What the command line shows to an administrator."""
    environment = {**os.environ, 'OS_CLIENT_CONFIG_FILE': facts['clouds'], 'OS_CLOUD': 'aio-admin'}
    command = [str(Path(sys.executable).with_name('openstack')), *words, '-f', 'json']
    return dict(json.loads(subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout))


def test_diagnostics_and_usage_are_the_instances_own(
        admin: user.User, tenant: user.User, facts: dict[str, Any]) -> None:
    server = tenant.boot('diagnosed', 'busybox')
    told = shown(facts, 'server', 'show', '--diagnostics', server.id)
    port, = tenant.api.network.ports(device_id=server.id)
    nic, = told['nic_details']
    assert (told['hypervisor'], told['state'], nic['mac_address']) == (
        'docker', 'running', port.mac_address)
    assert told['memory_details']['maximum'] == server.flavor.ram
    assert nic['tx_packets'] > 0
    assert told['cpu_details'][0]['time'] > 0
    answer = admin.api.compute.get(f'/servers/{server.id}/diagnostics', microversion='2.1')
    assert answer.json()['cpu_time'] > 0
    tenant.api.compute.stop_server(server)
    tenant.wait_status(server, 'SHUTOFF')
    answer = admin.api.compute.get(f'/servers/{server.id}/diagnostics', microversion='2.48')
    assert answer.status_code == 409
    counted = shown(facts, 'usage', 'show', '--project', tenant.api.current_project_id)
    usage, = (one for one in counted['Servers'] if one['instance_id'] == server.id)
    assert (usage['memory_mb'], usage['vcpus'], usage['state']) == (
        server.flavor.ram, server.flavor.vcpus, 'stopped')
    assert usage['uptime'] > 0
    assert counted['CPU Hours'] > 0
