"""All CPUs dedicated: each pinned server has its own, through whatever its user does."""

import os

import pytest

from tests.cloud import program
from tests.cloud import user
from tests.cloud.test_boot import inside
from tests.cloud.test_cpus import flavors
from tests.cloud.test_cpus import inventories

__all__ = ['flavors']


def cpus(server: object) -> str:
    return inside(server, 'grep', 'Cpus_allowed_list', '/proc/1/status').split()[1]


def test_no_two_servers_share_and_each_keeps_its_own(
        tenant: user.User, admin: user.User, compute: program.Program,
        flavors: dict[str, str]) -> None:
    online = sorted(os.sched_getaffinity(0))
    with compute.configured('compute', cpu_dedicated_set=','.join(map(str, online))):
        assert inventories(admin)['PCPU'] == len(online)
        assert 'VCPU' not in inventories(admin)
        servers = [tenant.boot(f'pinned-{n}', 'busybox', flavor=flavors['dedicated'])
                   for n in online]
        own = {server.id: cpus(server) for server in servers}
        assert sorted(map(int, own.values())) == online
        with pytest.raises(AssertionError, match='No valid host'):
            tenant.boot('one-too-many', 'busybox', flavor=flavors['dedicated'])
        one = servers[0]
        tenant.api.compute.stop_server(one)
        tenant.wait_status(one, 'SHUTOFF')
        tenant.api.compute.start_server(one)
        tenant.wait_status(one, 'ACTIVE')
        tenant.api.compute.reboot_server(one, 'HARD')
        user.wait_for('it is rebooted', lambda: tenant.refresh(one).task_state is None)
        tenant.wait_status(one, 'ACTIVE')
        compute.crash()
        tenant.api.compute.rebuild_server(one, tenant.image_id('busybox'))
        tenant.wait_status(one, 'ACTIVE')
        tenant.api.compute.rescue_server(one)
        tenant.wait_status(one, 'RESCUE')
        assert {server.id: cpus(server) for server in servers} == own
        tenant.api.compute.unrescue_server(one)
        tenant.wait_status(one, 'ACTIVE')
        # What one gives back the next can have.
        tenant.delete_server(one)
        again = tenant.boot('again', 'busybox', flavor=flavors['dedicated'])
        assert cpus(again) == own[one.id]
        tenant.clean_up()
