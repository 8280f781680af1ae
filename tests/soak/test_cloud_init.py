"""An image that runs cloud-init does what the user data say, once per instance."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cloud import machine_state
from tests.cloud import user
from tests.cloud.test_boot import inside
from tests.soak import cloud_init_image

USER_DATA = """\
#cloud-config
write_files:
- path: /srv/written
  content: by cloud-init
runcmd:
- echo ran on $(hostname)
- echo ran >> /srv/runs
"""
FINISHED = 'finished at'
SOURCES = {True: 'DataSourceConfigDrive', False: 'DataSourceOpenStack'}


@pytest.fixture
def key(tenant: user.User) -> Iterator[Any]:
    made = tenant.api.compute.create_keypair(name='cloud-init')
    yield made
    tenant.clean_up()
    tenant.api.compute.delete_keypair(made)


@pytest.fixture
def image(tenant: user.User) -> Iterator[Any]:
    made = tenant.upload('cloud-init', cloud_init_image.archive().read_bytes())
    yield made
    tenant.clean_up()
    machine_state.remove_image(made.id)


def finished(tenant: user.User, server: Any, times: int) -> str:
    """The console, when cloud-init has done all of its work that often."""
    def console() -> str | None:
        shown = tenant.console(server)
        return shown if shown.count(FINISHED) >= times else None
    return str(user.wait_for(f'cloud-init has finished {times} times', console))


def test_user_data_are_acted_on_once_per_instance(
        tenant: user.User, image: Any, key: Any) -> None:
    for has_drive, source in SOURCES.items():
        server = tenant.boot(
            f'init-{has_drive}'.lower(), image.name, flavor='m1.small', config_drive=has_drive,
            key_name=key.name, user_data=base64.b64encode(USER_DATA.encode()).decode())
        console = finished(tenant, server, 1)
        assert f'ran on {server.name}' in console
        assert source in console
        assert inside(server, 'cat', '/srv/written') == 'by cloud-init'
        assert key.public_key.strip() in inside(
            server, 'cat', '/home/debian/.ssh/authorized_keys')

        tenant.api.compute.reboot_server(server, 'HARD')
        tenant.wait_status(server, 'ACTIVE')
        assert finished(tenant, server, 2).count(f'ran on {server.name}') == 1
        assert inside(server, 'cat', '/srv/runs') == 'ran\n'
        tenant.delete_server(server)
