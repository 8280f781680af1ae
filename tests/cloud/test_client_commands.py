"""The commands of openstackclient, as a user runs them, from a Dockerfile to a server."""

from collections.abc import Callable
import json
import os
from pathlib import Path
import subprocess
import sys
from typing import Any
import uuid

import pytest

from tests.cloud import machine_state
from tests.cloud import user
from tests.cloud.test_boot import inside

CLIENT = Path(sys.executable).parent / 'openstack'
Openstack = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def openstack(facts: dict[str, Any]) -> Openstack:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [CLIENT, *arguments], capture_output=True, text=True, check=False,
            env={**os.environ, 'OS_CLOUD': 'aio-demo', 'OS_CLIENT_CONFIG_FILE': facts['clouds']})
    return run


@pytest.fixture
def image(openstack: Openstack, tenant: user.User) -> Any:
    """``openstack docker image ...``: what it shows.  Images are deleted at the end."""
    made: list[str] = []

    def run(*arguments: str) -> dict[str, Any]:
        done = openstack('docker', 'image', *arguments, '-f', 'json')
        assert done.returncode == 0, done.stdout + done.stderr
        shown: dict[str, Any] = json.loads(done.stdout)
        made.append(shown['id'])
        return shown

    yield run
    tenant.clean_up()
    for image_id in made:
        tenant.api.image.delete_image(image_id, ignore_missing=True)
    shown = machine_state.run('docker', 'images', '--format', '{{.Repository}}:{{.Tag}}')
    for tag in shown.split():
        if any(image_id in tag for image_id in made):
            machine_state.run('docker', 'rmi', tag)


def test_a_folder_with_a_dockerfile_becomes_a_server(
        image: Any, tenant: user.User, tmp_path: Path) -> None:
    mark = uuid.uuid4().hex
    (tmp_path / 'Dockerfile').write_text(
        'FROM busybox\nARG MARK\nENV MARK=$MARK\nCOPY page /page\nCMD ["idle"]\n')
    (tmp_path / 'page').write_text(mark)
    built = image('build', '--name', 'from-dockerfile', '--build-arg', f'MARK={mark}',
                  str(tmp_path))
    assert built['status'] == 'active'
    shown = image('show', 'from-dockerfile')
    assert shown['command'] == ['idle']
    assert f'MARK={mark}' in shown['env']
    server = tenant.boot('built', built['id'])
    assert inside(server, 'cat', '/page') == mark
    assert f'MARK={mark}' in inside(server, 'env')


def test_an_image_of_the_index_is_registered_and_copied(image: Any, tenant: user.User) -> None:
    registered = image('register', 'busybox', '--name', 'registered')
    assert image('show', 'registered')['docker_image'] == 'busybox'
    copied = image('import', 'busybox', '--name', 'copied')
    assert copied['hw_architecture'] == registered['hw_architecture']
    servers = [tenant.request_server(made['name'], made['id']) for made in (registered, copied)]
    for server in servers:
        tenant.wait_status(server, 'ACTIVE')


def test_what_fails_says_so_in_one_line_and_makes_no_image(
        openstack: Openstack, tenant: user.User, tmp_path: Path) -> None:
    before = {image.id for image in tenant.api.image.images()}
    (tmp_path / 'Dockerfile').write_text('FRM busybox\n')
    for arguments, advice in ((('build', str(tmp_path)), 'Correct the Dockerfile'),
                              (('import', 'no-such-image-anywhere'), 'Check the name'),
                              (('show', 'no-such-image-anywhere'), 'openstack image list')):
        done = openstack('docker', 'image', *arguments)
        assert done.returncode == 1
        assert done.stdout == ''
        assert advice in done.stderr
        assert done.stderr.count('\n') == 1, done.stderr
    assert {image.id for image in tenant.api.image.images()} == before


def test_the_commands_are_listed(openstack: Openstack) -> None:
    done = openstack('help', 'docker', 'image')
    for name in ('build', 'import', 'register', 'show'):
        assert f'docker image {name}' in done.stdout
