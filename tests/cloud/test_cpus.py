"""Pinned CPUs: from the operator's sets to where the programs of servers run."""

from collections.abc import Iterator
import os
import re
from typing import Any
import uuid

import pytest

from tests import machine
from tests.cloud import machine_state
from tests.cloud import program
from tests.cloud import user

SPECS = {'dedicated': {'hw:cpu_policy': 'dedicated'},
         'mixed': {'hw:cpu_policy': 'mixed', 'hw:cpu_dedicated_mask': '0'},
         'sharing': {}}
SAYS = ('sh -c "echo CPUs: $(nproc) $(grep Cpus_allowed_list /proc/self/status); '
        'exec sleep 3600"')


@pytest.fixture
def sets(compute: program.Program, nothing_left: None) -> Iterator[tuple[int, int]]:
    """A host with a CPU that is shared and one that is dedicated.  :returns: both"""
    online = sorted(os.sched_getaffinity(0))
    if len(online) < 2:
        machine.lacking('two CPUs', 'use a larger machine')
    shared, dedicated = online[:2]
    with compute.configured('compute', cpu_shared_set=str(shared),
                            cpu_dedicated_set=str(dedicated)):
        yield shared, dedicated


@pytest.fixture
def flavors(admin: user.User, tenant: user.User) -> Iterator[dict[str, str]]:
    """Kind of CPUs -> name of a flavor."""
    made = {}
    for kind, specs in SPECS.items():
        made[kind] = admin.api.compute.create_flavor(
            name=f'{kind}-{uuid.uuid4()}', ram=64, vcpus=2 if kind == 'mixed' else 1, disk=1)
        if specs:
            admin.api.compute.create_flavor_extra_specs(made[kind], specs)
    yield {kind: flavor.name for kind, flavor in made.items()}
    tenant.clean_up()
    for flavor in made.values():
        admin.api.compute.delete_flavor(flavor)


@pytest.fixture
def image(tenant: user.User, flavors: dict[str, str]) -> Iterator[str]:
    """Prints what the kernel lets it run on."""
    busybox = tenant.api.image.get_image(tenant.image_id('busybox'))
    data = tenant.api.image.download_image(busybox, stream=False).content
    made = tenant.upload('says-its-cpus', data, os_command_line=SAYS)
    yield made.name
    tenant.clean_up()
    machine_state.remove_image(made.id)


def inventories(admin: user.User) -> dict[str, int]:
    """Resource class -> what Placement has of it on this host."""
    provider, = admin.api.placement.resource_providers()
    found = admin.api.placement.get(f'/resource_providers/{provider.id}/inventories').json()
    return {name: one['total'] for name, one in found['inventories'].items()}


def told(tenant: user.User, server: Any, starts: int = 1) -> tuple[int, set[int]]:
    """How many CPUs its programs count, and which they may run on."""
    found = user.wait_for(f'it has told {starts} times', lambda: (
        lambda lines: lines if len(lines) == starts else None)(re.findall(
            r'CPUs: (\d+) Cpus_allowed_list:\s*(\d+)(?:[-,](\d+))?', tenant.console(server))))
    count, first, last = found[-1]
    return int(count), {int(first), int(last or first)}


def test_a_pinned_cpu_is_one_servers_and_who_wants_the_same_finds_no_host(
        sets: tuple[int, int], admin: user.User, tenant: user.User, flavors: dict[str, str],
        image: str) -> None:
    shared, dedicated = sets
    found = inventories(admin)
    assert (found['VCPU'], found['PCPU']) == (1, 1)
    sharing = tenant.boot('sharing', image, flavor=flavors['sharing'])
    for kind, expected in (('dedicated', {dedicated}), ('mixed', {shared, dedicated})):
        server = tenant.boot(kind, image, flavor=flavors[kind])
        assert told(tenant, server) == (len(expected), expected)
        # Nova's words where its scheduler has no NUMATopologyFilter.
        assert 'cannot fit the given host NUMA topology' in tenant.fault_of(
            'one-too-many', image, flavor=flavors['dedicated'])
        tenant.api.compute.reboot_server(server, 'HARD')
        assert told(tenant, server, starts=2) == (len(expected), expected)
        tenant.wait_status(server, 'ACTIVE')
        tenant.delete_server(server)
    assert told(tenant, sharing) == (1, {shared})
