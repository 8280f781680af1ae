"""A registry that wants a password: the operator's opens it, and is seen nowhere."""

import base64
from collections.abc import Iterator
import json
from pathlib import Path
from typing import Any
import uuid

import pytest

from tests import archives
from tests import machine
from tests import registry as test_registry
from tests.cloud import machine_state
from tests.cloud import program
from tests.cloud import user
from tests.cloud.test_boot import container

SECRET = 'word-' + uuid.uuid4().hex


@pytest.fixture
def registry() -> Iterator[test_registry.Registry]:
    program = machine.require_program('docker-registry', package='docker-registry')
    with test_registry.running(program, {'alice': SECRET}) as running:
        yield running


@pytest.fixture
def image(registry: test_registry.Registry) -> Iterator[str]:
    """What it has, by name."""
    made = archives.Image(files={'bin/busybox': Path('/bin/busybox').read_bytes()},
                          command=['/bin/busybox', 'sleep', '3600'], env=[f'OF={uuid.uuid4()}'])
    yield registry.publish('private/web', '1', made)
    machine_state.run('docker', 'rmi', '-f', made.id, check=False)


@pytest.fixture
def auth_file(facts: dict[str, Any]) -> Iterator[Path]:
    """[docker]/registry_auth_file of the cloud."""
    path = Path(facts['etc'], 'nova/registry-auth.json')
    before = path.read_text()
    yield path
    path.write_text(before)


def write(auth_file: Path, registry: test_registry.Registry, password: str) -> None:
    encoded = base64.b64encode(f'alice:{password}'.encode()).decode()
    auth_file.write_text(json.dumps({'auths': {registry.address: {'auth': encoded}}}))


class Logs:
    """What all services of the cloud log from now on."""

    def __init__(self, folder: Path) -> None:
        self._sizes = {path: path.stat().st_size for path in folder.iterdir()}

    def text(self) -> str:
        found = ''
        for path, size in self._sizes.items():
            with path.open(errors='replace') as log:
                log.seek(size)
                found += log.read()
        return found


def test_a_private_image_boots_with_the_operators_password_which_is_seen_nowhere(
        tenant: user.User, admin: user.User, registry: test_registry.Registry, image: str,
        auth_file: Path, facts: dict[str, Any], compute: program.Program) -> None:
    logs = Logs(Path(facts['logs']))
    tenant.upload('private', b'x', docker_image=image)
    write(auth_file, registry, f'wrong-{SECRET}')
    refused = tenant.wait_status(tenant.request_server('refused', 'private'), 'ERROR')
    assert 'unauthorized' in refused.fault['message']
    assert 'registry_auth_file' in refused.fault['message']
    write(auth_file, registry, SECRET)
    server = tenant.boot('allowed', 'private')

    seen = {
        'log': logs.text(),
        'engine': json.dumps([machine_state.inspect(container(server)),
                              machine_state.inspect(f'{container(server)}-sandbox'),
                              machine_state.inspect(image)]),
        'inside': machine_state.run('docker', 'exec', container(server), '/bin/busybox', 'env'),
        'API': str([admin.refresh(each).to_dict() for each in (refused, server)]),
        'console': tenant.console(server),
        'nova-compute': Path(f'/proc/{compute.pid()}/environ').read_text(),
    }
    assert f'Pulling image {image}' in seen['log']
    header = base64.urlsafe_b64encode(SECRET.encode()).decode()[4:20]
    written = json.loads(auth_file.read_text())['auths'][registry.address]['auth']
    assert not [where for where, text in seen.items()
                for secret in (SECRET, header, written) if secret in text]
