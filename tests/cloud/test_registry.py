"""Images of a registry: a tag moves, and servers do not."""

import base64
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
import uuid

import pytest

from tests import archives
from tests import registry
from tests.cloud import machine_state
from tests.cloud import user
from tests.cloud.test_boot import container

ADDRESS = '127.0.0.1:15000'  # of the all-in-one cloud's registry
DIGEST = machine_state.LABEL + '.image-digest'


@pytest.fixture
def move_to() -> Iterator[Callable[[str], str]]:
    """Move a tag to a version of its image.  Gives the tag's reference."""
    repository, made = f'moving/{uuid.uuid4().hex}', []

    def move(version: str) -> str:
        image = archives.Image(
            files={'bin/busybox': Path('/bin/busybox').read_bytes()},
            command=['/bin/busybox', 'sleep', '3600'],
            env=[f'VERSION={version}', f'OF={repository}'])
        made.append(image.id)
        return registry.Registry(ADDRESS).publish(repository, '1', image)

    yield move
    for image_id in made:
        machine_state.run('docker', 'rmi', '-f', image_id, check=False)


def version(server: object) -> str:
    environment = machine_state.inspect(container(server))['Config']['Env']
    return next(line for line in environment if line.startswith('VERSION='))[8:]


def test_a_server_keeps_its_image_until_it_is_rebuilt_with_another(
        tenant: user.User, move_to: Callable[[str], str]) -> None:
    reference = move_to('one')
    same = tenant.upload('moving', b'x', docker_image=reference)
    other = tenant.upload('moved', b'x', docker_image=reference)
    server = tenant.boot('pinned', 'moving')
    pinned = machine_state.inspect(container(server))['Config']['Labels'][DIGEST]
    assert pinned.startswith(reference.removesuffix(':1') + '@sha256:')
    move_to('two')
    tenant.api.compute.reboot_server(server, 'HARD')
    tenant.wait_status(server, 'ACTIVE')
    assert version(server) == 'one'
    for image, expected in ((same, 'one'), (other, 'two'), (other, 'two')):
        tenant.api.compute.rebuild_server(server, image=image.id)
        tenant.wait_status(server, 'ACTIVE')
        assert version(server) == expected
    tenant.delete_server(server)


def test_an_open_image_runs_what_the_user_data_name(
        tenant: user.User, move_to: Callable[[str], str]) -> None:
    tenant.upload('open', b'x', docker_image='*')
    wanted = f'#docker\nimage: {move_to("mine")}\nuser: 10:20\nenv: {{COLOUR: red}}\n'
    server = tenant.boot('mine', 'open', user_data=encoded(wanted))
    assert version(server) == 'mine'
    config = machine_state.inspect(container(server))['Config']
    assert config['User'] == '10:20'
    assert 'COLOUR=red' in config['Env']
    tenant.delete_server(server)
    fault = tenant.fault_of('bad', 'open', user_data=encoded('#docker\nimage: A B\ncommand: x'))
    assert "'A B'" in fault
    assert "'command'" in fault


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
