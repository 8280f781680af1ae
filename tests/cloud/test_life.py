"""What an operator grants by flavors, through the public API."""

from collections.abc import Iterator
from typing import Any
import uuid

from openstack import exceptions
import pytest

from tests.cloud import machine_state
from tests.cloud import user
from tests.cloud.test_boot import container


@pytest.fixture
def flavor(admin: user.User, tenant: user.User) -> Iterator[Any]:
    made = admin.api.compute.create_flavor(
        name=f'granting-{uuid.uuid4()}', ram=64, vcpus=1, disk=1)
    yield made
    admin.api.compute.delete_flavor(made)


def set_extra_spec(admin: user.User, flavor: Any, name: str, value: str) -> None:
    # Nova validates extra specs since this microversion.
    answer = admin.api.compute.post(f'/flavors/{flavor.id}/os-extra_specs',
                                    json={'extra_specs': {name: value}}, microversion='2.86')
    exceptions.raise_from_response(answer)


def test_extra_specs_are_checked_when_they_are_set_and_granted_at_the_boot(
        admin: user.User, tenant: user.User, flavor: Any) -> None:
    for name, value in (('docker:cap_add', 'NO_SUCH'), ('docker:pids_limit', 'many'),
                        ('docker:no_such', '1')):
        with pytest.raises(exceptions.BadRequestException, match='Validation failed'):
            set_extra_spec(admin, flavor, name, value)
    set_extra_spec(admin, flavor, 'docker:cap_add', 'NET_RAW')
    set_extra_spec(admin, flavor, 'docker:pids_limit', '37')
    server = tenant.boot('granted', 'busybox', flavor=flavor.name)
    granted = machine_state.inspect(container(server))['HostConfig']
    assert [name.removeprefix('CAP_') for name in granted['CapAdd']] == ['NET_RAW']
    assert granted['PidsLimit'] == 37
