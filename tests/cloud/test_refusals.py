"""What a container cannot have is refused, with a reason, before anything changes.

The table of doc/source/user/limits.rst, as far as the cloud's API lets it be asked.
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
from typing import Any
import uuid

import pytest

from tests.cloud import user

NO_HOST = 'No valid host'
NO_FIT = 'cannot fit the given host NUMA topology'
# Extra specs of flavors -> what the fault says.
FLAVORS: dict[str, tuple[dict[str, str], str]] = {
    'large pages': ({'hw:mem_page_size': 'large'}, NO_FIT),
    'pinned CPUs, on a host without': ({'hw:cpu_policy': 'dedicated'}, NO_FIT),
    'a virtual TPM': ({'hw:tpm_version': '2.0', 'hw:tpm_model': 'tpm-crb'}, NO_HOST),
    'secure boot': ({'os:secure_boot': 'required'}, NO_HOST),
    'a virtual GPU': ({'resources:VGPU': '1'}, NO_HOST),
}


@contextlib.contextmanager
def flavor(admin: user.User, specs: dict[str, str], **more: Any) -> Iterator[str]:
    made = admin.api.compute.create_flavor(
        name=f'refused-{uuid.uuid4()}', ram=64, vcpus=1, disk=1, **more)
    try:
        if specs:
            admin.api.compute.create_flavor_extra_specs(made, specs)
        yield made.name
    finally:
        admin.api.compute.delete_flavor(made)


def asked(tenant: user.User, method: str, path: str, body: dict[str, Any]) -> tuple[int, str]:
    """The answer of the Compute API at its newest microversion."""
    call: Callable[..., Any] = getattr(tenant.api.compute, method)
    answer = call(path, json=body, microversion='2.96')
    return int(answer.status_code), str(answer.text)


def fault(tenant: user.User, **wanted: Any) -> str:
    """Of a server that is asked for with a raw request; or why there is none."""
    body = {'name': 'refused', 'networks': 'none', 'imageRef': tenant.image_id('busybox'),
            'flavorRef': tenant.api.compute.find_flavor('m1.tiny').id, **wanted}
    status, text = asked(tenant, 'post', '/servers', {'server': body})
    if status >= 400:
        return f'{status} {text}'
    server, = tenant.api.compute.servers(name='refused')
    try:
        return str(tenant.wait_status(server, 'ERROR').fault['message'])
    finally:
        tenant.delete_server(server)


@pytest.mark.parametrize('what', FLAVORS)
def test_a_flavor_that_asks_for_it_finds_no_host(
        admin: user.User, tenant: user.User, what: str) -> None:
    specs, words = FLAVORS[what]
    with flavor(admin, specs) as name:
        said = tenant.fault_of('refused', 'busybox', flavor=name)
        tenant.clean_up()
    assert words in said


def test_a_volume_that_is_not_there_is_refused_at_once(tenant: user.User) -> None:
    said = fault(tenant, imageRef='', block_device_mapping_v2=[{
        'boot_index': 0, 'uuid': str(uuid.uuid4()), 'source_type': 'volume',
        'destination_type': 'volume'}])
    assert said.startswith('400')


def test_an_ephemeral_disk_is_refused_with_what_to_do(
        admin: user.User, tenant: user.User) -> None:
    with flavor(admin, {}, ephemeral=1) as name:
        said = tenant.fault_of('refused', 'busybox', flavor=name)
        tenant.clean_up()
    assert 'no ephemeral disks' in said


def test_what_a_request_asks_for_is_refused_with_a_reason(tenant: user.User) -> None:
    said = fault(tenant, trusted_image_certificates=[str(uuid.uuid4())])
    assert 'does not support certificate validation' in said
    network = tenant.network('private').id
    said = fault(tenant, networks=[{'uuid': network, 'tag': 'first'}])
    assert 'does not support tagging' in said


def test_what_is_asked_of_a_running_server_is_refused_and_changes_nothing(
        admin: user.User, tenant: user.User) -> None:
    server = tenant.boot('steadfast', 'busybox')
    path = f'/servers/{server.id}'
    status, _ = asked(tenant, 'post', f'{path}/os-interface', {
        'interfaceAttachment': {'net_id': tenant.network('private2').id, 'tag': 'late'}})
    assert status == 400
    asked(admin, 'post', f'{path}/action', {
        'os-migrateLive': {'host': None, 'block_migration': 'auto'}})
    now = tenant.wait_status(server, 'ACTIVE')
    assert (now.compute_host, now.launched_at) == (server.compute_host, server.launched_at)
