"""The administrator's password, set by the user of a server."""

from pathlib import Path
from typing import Any

import openstack
from oslo_utils import secretutils
import pytest

from tests import archives
from tests.cloud import machine_state
from tests.cloud import user

BUSYBOX = Path('/bin/busybox')


def is_password(server: Any, password: str) -> bool:
    """Whether it is root's, by crypt(3)."""
    shadow = machine_state.run('docker', 'exec', f'nova-{server.id}', 'cat', '/etc/shadow')
    hashed = shadow.split(':')[1]
    return bool(secretutils.crypt_password(password, hashed) == hashed)


def test_a_user_sets_a_password_or_is_told_why_not(tenant: user.User) -> None:
    image = archives.Image(
        files={'bin/busybox': BUSYBOX.read_bytes(), 'etc/shadow': b'root:*:0:0:99999:7:::\n'},
        links={'bin/cat': 'busybox', 'bin/sleep': 'busybox'}, command=['sleep', '3600'])
    made = tenant.upload('with-shadow', image.archive())
    asked = tenant.request_server('password', made.name)
    server = tenant.wait_status(asked, 'ACTIVE')
    assert is_password(server, asked.admin_password)
    tenant.api.compute.change_server_password(server, 'correct horse')
    assert is_password(server, 'correct horse')
    tenant.api.compute.rescue_server(server, admin_pass='rescuer')
    tenant.wait_status(server, 'RESCUE')
    assert is_password(server, 'rescuer')
    tenant.api.compute.unrescue_server(server)
    tenant.wait_status(server, 'ACTIVE')
    assert is_password(server, 'correct horse')

    keyed = tenant.boot('no-password', 'busybox')
    with pytest.raises(openstack.exceptions.ConflictException, match='no /etc/shadow'):
        tenant.api.compute.change_server_password(keyed, 'correct horse')
    assert tenant.refresh(keyed).status == 'ACTIVE'

    tenant.delete_server(server)
    tags = machine_state.run('docker', 'images', '--format', '{{.Repository}}:{{.Tag}}')
    for tag in tags.split():
        if made.id in tag:
            machine_state.run('docker', 'rmi', tag)
