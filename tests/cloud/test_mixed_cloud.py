"""A cloud whose hosts have different drivers: images go where they can run, and
servers go from a host that is lost to one that is not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import machine_state
from tests.cloud import program
from tests.cloud import second_host
from tests.cloud import user
from tests.cloud.test_boot import container
from tests.cloud.test_boot import inside
from tests.cloud.test_power import answers


@pytest.fixture(scope='module')
def fake_host(facts: dict[str, Any], admin: user.User,
              tmp_path_factory: pytest.TempPathFactory) -> Iterator[second_host.SecondHost]:
    host = second_host.SecondHost(facts, admin, Path(tmp_path_factory.mktemp('fake')))
    try:
        host.start()
        yield host
    finally:
        host.forget()


def archive(tenant: user.User) -> bytes:
    busybox = tenant.api.image.get_image(tenant.image_id('busybox'))
    return bytes(tenant.api.image.download_image(busybox, stream=False).content)


def test_an_image_for_docker_goes_to_a_docker_host_and_to_no_other(
        tenant: user.User, admin: user.User, fake_host: second_host.SecondHost,
        facts: dict[str, Any]) -> None:
    tenant.upload('for-fake', archive(tenant), img_hv_type='fake')
    for number in range(3):
        server = tenant.boot(f'docker-{number}', 'busybox', networks=())
        assert admin.refresh(server).hypervisor_hostname == facts['host']
    other = tenant.boot('other', 'for-fake', networks=())
    assert admin.refresh(other).hypervisor_hostname == second_host.HOST
    tenant.delete_server(other)
    tenant.upload('for-arm', archive(tenant), img_hv_type='docker', hw_architecture='aarch64')
    assert 'No valid host' in tenant.fault_of('nowhere', 'for-arm', networks=())


@pytest.fixture
def for_any(tenant: user.User) -> Iterator[str]:
    """An image that says of no kind of host that it is for it."""
    image = tenant.upload('for-any', archive(tenant), os_command_line='/bin/idle')
    yield image.name
    tenant.clean_up()
    machine_state.remove_image(image.id)


def force_down(admin: user.User, host: str, is_down: bool = True) -> None:
    """An operator has seen that the host is down, and says so, or takes it back.

    Nova lets it be taken back after nova-compute has removed what was evacuated.
    """
    service, = admin.api.compute.services(binary='nova-compute', host=host)

    def is_taken() -> bool:
        answer = admin.api.compute.put(f'/os-services/{service.id}', microversion='2.53',
                                       json={'forced_down': is_down})
        return bool(answer.status_code == 200)
    user.wait_for('Nova believes it', is_taken, timeout=60)


def evacuate(admin: user.User, server: Any, host: str) -> None:
    """``openstack server evacuate``, and wait until it is on the other host."""
    answer = admin.api.compute.post(f'/servers/{server.id}/action', json={'evacuate': {}},
                                    microversion='2.29')
    assert answer.status_code == 200, answer.text
    user.wait_for(f'it is on {host}', lambda: admin.refresh(server).compute_host == host)
    admin.wait_status(server, 'ACTIVE')


def test_a_lost_hosts_server_goes_on_elsewhere_and_leaves_nothing_when_the_host_is_back(
        tenant: user.User, admin: user.User, compute: program.Program,
        fake_host: second_host.SecondHost, facts: dict[str, Any], for_any: str) -> None:
    server, other = tenant.boot('evacuated', for_any), tenant.boot('other', 'busybox')
    address = tenant.addresses(server)[0]
    inside(server, 'touch', '/lost')
    compute.control('stop')
    force_down(admin, facts['host'])
    try:
        fake_host.have_ports_bound()
        evacuate(admin, server, second_host.HOST)
        assert machine_state.inspect(container(server))['State']['Running']
    finally:
        compute.control('start')
        force_down(admin, facts['host'], is_down=False)
    assert not machine_state.run('docker', 'ps', '-aq', '--filter', f'name={container(server)}')
    assert tenant.port_of(server).id[:11] not in machine_state.run('ip', 'link')
    assert machine_state.inspect(container(other))['State']['Running']

    fake_host.kill()
    force_down(admin, second_host.HOST)
    evacuate(admin, server, facts['host'])
    assert tenant.addresses(server) == [address]
    assert address in inside(server, 'ip', 'addr', 'show', 'eth0')
    user.wait_for('it answers', lambda: answers(other, address), timeout=10)
    assert 'lost' not in inside(server, 'ls', '/').split()
