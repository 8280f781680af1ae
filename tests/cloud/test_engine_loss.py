"""The Docker engine goes and comes back."""

from collections.abc import Iterator
import time
from typing import Any

import pytest

from tests import machine
from tests.cloud import machine_state
from tests.cloud import program
from tests.cloud import user
from tests.cloud.test_boot import container
from tests.cloud.test_power import answers


@pytest.fixture
def dockerd(facts: dict[str, Any], nothing_left: None) -> Iterator[program.Program]:
    if 'dockerd' in facts['foreign']:
        machine.lacking('a dockerd of the cloud\'s own', 'stop the one that runs already')
    own = program.Program(facts, 'dockerd')
    yield own
    own.control('start')


def service(admin: user.User, facts: dict[str, Any]) -> Any:
    return next(iter(admin.api.compute.services(binary='nova-compute', host=facts['host'])))


def test_engine_loss_disables_the_service_and_its_return_enables_it(
        dockerd: program.Program, tenant: user.User, admin: user.User,
        facts: dict[str, Any]) -> None:
    server, other = tenant.boot('survivor', 'busybox'), tenant.boot('other', 'busybox')
    address = tenant.addresses(server)[0]
    dockerd.control('stop')
    lost = user.wait_for('the service is disabled', lambda: (
        lambda s: s if s.status == 'disabled' else None)(service(admin, facts)), timeout=20)
    assert lost.disabled_reason.startswith('AUTO: ')
    assert 'docker.sock' in lost.disabled_reason
    dockerd.control('start')
    user.wait_for('the service is enabled',
                  lambda: service(admin, facts).status == 'enabled', timeout=30)
    # Stopping the engine stopped its containers; Nova says so, and can start them.
    for one in (server, other):
        tenant.wait_status(one, 'SHUTOFF', timeout=30)
        tenant.api.compute.start_server(one)
        tenant.wait_status(one, 'ACTIVE')
    user.wait_for('the network works again', lambda: answers(other, address), timeout=15)


def test_an_operators_disabling_is_kept(
        dockerd: program.Program, admin: user.User, facts: dict[str, Any]) -> None:
    mine = service(admin, facts)
    admin.api.compute.disable_service(mine, disabled_reason='maintenance')
    try:
        dockerd.control('restart')
        user.wait_for('the engine answers', lambda: machine_state.run(
            'docker', 'version', '--format', '{{.Server.Version}}', check=False).strip())
        time.sleep(6)
        assert service(admin, facts).status == 'disabled'
        assert service(admin, facts).disabled_reason == 'maintenance'
    finally:
        admin.api.compute.enable_service(mine)


def test_an_engine_that_stops_in_the_middle_of_a_boot_is_one_clear_fault(
        dockerd: program.Program, tenant: user.User, admin: user.User,
        facts: dict[str, Any]) -> None:
    server = tenant.request_server('unlucky', 'busybox')
    user.wait_for('its sandbox is made', lambda: machine_state.run(
        'docker', 'ps', '-aq', '--filter', f'name={container(server)}-sandbox', check=False),
        pause=0.02)
    dockerd.control('stop')
    failed = tenant.wait_status(server, 'ERROR')
    assert 'Docker engine' in failed.fault['message']
    dockerd.control('start')
    user.wait_for('the service is enabled',
                  lambda: service(admin, facts).status == 'enabled', timeout=30)
    tenant.delete_server(server)
