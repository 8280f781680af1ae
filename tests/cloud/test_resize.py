"""Resizes on the one host of the cloud, asked for through the API."""

from collections.abc import Iterator
from typing import Any
import uuid

import pytest

from tests.cloud import machine_state
from tests.cloud import program
from tests.cloud import user
from tests.cloud.test_boot import container
from tests.cloud.test_boot import inside
from tests.cloud.test_life import set_extra_spec
from tests.cloud.test_power import answers

MIB = 1 << 20


@pytest.fixture
def flavors(admin: user.User, tenant: user.User) -> Iterator[dict[str, Any]]:
    """Flavors by name: all of them have room on this host."""
    made = {name: admin.api.compute.create_flavor(
        name=f'{name}-{uuid.uuid4()}', ram=ram, vcpus=vcpus, disk=disk)
        for name, ram, vcpus, disk in (
            ('small', 64, 1, 1), ('large', 128, 2, 2))}
    yield made
    # The tenant's servers go first.
    tenant.clean_up()
    for flavor in made.values():
        admin.api.compute.delete_flavor(flavor)


def limits(server: Any) -> tuple[int, int]:
    """(MiB, CPUs)"""
    host = machine_state.inspect(container(server))['HostConfig']
    return host['Memory'] // MIB, host['CpuQuota'] // 100_000


def failure(admin: user.User, server: Any) -> str:
    """Why a resize ended, '' when none failed."""
    actions = (admin.api.compute.get_server_action(action.request_id, server)
               for action in admin.api.compute.server_actions(server)
               if action.action == 'resize')
    return ' '.join(str(event.details) for action in actions for event in action.events
                    if event.result == 'Error')


def memory_inside(server: Any) -> int:
    """MiB, by the word of the kernel."""
    return int(inside(server, 'sh', '-c', 'cat /sys/fs/cgroup/memory.max 2>/dev/null || '
                      'cat /sys/fs/cgroup/memory/memory.limit_in_bytes')) // MIB


def test_a_server_grows_while_it_runs_and_is_reverted_or_confirmed(
        tenant: user.User, flavors: dict[str, Any]) -> None:
    server = tenant.boot('resized', 'busybox', flavor=flavors['small'].name)
    asker = tenant.boot('asker', 'busybox')
    address = tenant.addresses(server)[0]
    begun = machine_state.inspect(container(server))['State']['StartedAt']
    inside(server, 'touch', '/kept')
    for finish, name, expected in (('revert', 'small', (64, 1)), ('confirm', 'large', (128, 2))):
        tenant.api.compute.resize_server(server, flavors['large'].id)
        tenant.wait_status(server, 'VERIFY_RESIZE')
        assert limits(server) == (128, 2)
        assert memory_inside(server) == 128
        if finish == 'revert':
            assert machine_state.inspect(container(server))['State']['StartedAt'] == begun
        getattr(tenant.api.compute, f'{finish}_server_resize')(server)
        tenant.wait_status(server, 'ACTIVE')
        assert limits(server) == expected
        assert memory_inside(server) == expected[0]
        assert tenant.refresh(server).flavor.original_name == flavors[name].name
        user.wait_for('it answers', lambda: answers(asker, address), timeout=10)
    inside(server, 'ls', '/kept')
    tenant.console(server)


def test_a_stopped_server_is_resized_and_stays_stopped_and_its_disk_never_shrinks(
        tenant: user.User, admin: user.User, flavors: dict[str, Any]) -> None:
    server = tenant.boot('resized', 'busybox', flavor=flavors['small'].name)
    tenant.api.compute.stop_server(server)
    tenant.wait_status(server, 'SHUTOFF')
    tenant.api.compute.resize_server(server, flavors['large'].id)
    tenant.wait_status(server, 'VERIFY_RESIZE')
    tenant.api.compute.confirm_server_resize(server)
    tenant.wait_status(server, 'SHUTOFF')
    assert limits(server) == (128, 2)
    tenant.api.compute.resize_server(server, flavors['small'].id)
    assert 'at least 2 GiB' in user.wait_for('it is refused', lambda: failure(admin, server))
    tenant.wait_status(server, 'SHUTOFF')
    tenant.api.compute.start_server(server)
    tenant.wait_status(server, 'ACTIVE')
    assert memory_inside(server) == 128


def test_a_server_that_needs_another_container_keeps_its_files_through_failure_and_success(
        tenant: user.User, admin: user.User, flavors: dict[str, Any]) -> None:
    server = tenant.boot('resized', 'busybox', flavor=flavors['small'].name)
    address = tenant.addresses(server)[0]
    inside(server, 'touch', '/kept')
    set_extra_spec(admin, flavors['large'], 'docker:runtime', 'no-such')
    tenant.api.compute.resize_server(server, flavors['large'].id)
    fault = tenant.wait_status(server, 'ERROR').fault['message']
    assert 'choose another flavor' in fault
    assert 'no-such' in fault
    admin.api.compute.reset_server_state(server, 'active')
    tenant.api.compute.reboot_server(server, 'HARD')
    tenant.wait_status(server, 'ACTIVE')
    assert limits(server) == (64, 1)
    set_extra_spec(admin, flavors['large'], 'docker:runtime', 'runc')
    set_extra_spec(admin, flavors['large'], 'docker:cap_add', 'NET_ADMIN')
    tenant.api.compute.resize_server(server, flavors['large'].id)
    tenant.wait_status(server, 'VERIFY_RESIZE')
    assert limits(server) == (128, 2)
    inside(server, 'ls', '/kept')
    assert address in inside(server, 'ip', 'addr', 'show', 'eth0')
    inside(server, 'ip', 'link', 'set', 'lo', 'mtu', '1234')
    tenant.delete_server(server)


def test_a_resize_in_which_nova_compute_dies_is_mended_by_a_hard_reboot(
        tenant: user.User, admin: user.User, flavors: dict[str, Any],
        compute: program.Program) -> None:
    server = tenant.boot('resized', 'busybox', flavor=flavors['small'].name)
    tenant.api.compute.resize_server(server, flavors['large'].id)
    user.wait_for('the resize is at work', lambda: (
        tenant.refresh(server).task_state in {'resize_migrating', 'resize_migrated',
                                              'resize_finish'}), pause=0.01)
    compute.crash()
    admin.api.compute.reset_server_state(server, 'active')
    tenant.api.compute.reboot_server(server, 'HARD')
    now = tenant.wait_status(server, 'ACTIVE')
    expected = flavors['large' if now.flavor.ram == 128 else 'small'].ram
    assert limits(server)[0] == memory_inside(server) == expected
    # Nova leaves this to an administrator: see "audit" in doc/source/admin/operation.rst
    migration, = admin.api.compute.get(f'/os-migrations?instance_uuid={server.id}',
                                       microversion='2.59').json()['migrations']
    admin.api.placement.delete(f'/allocations/{migration["uuid"]}')
