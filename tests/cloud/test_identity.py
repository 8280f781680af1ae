"""What makes a server itself: its key, its config drive, its files, its machine id."""

import base64
from collections.abc import Iterator
import json
from pathlib import Path
from typing import Any

import pytest

from tests import archives
from tests.cloud import machine_state
from tests.cloud import user

BUSYBOX = Path('/bin/busybox')
FILES = {'bin/busybox': BUSYBOX.read_bytes(), 'etc/machine-id': b'',
         'etc/timezone': b'Pacific/Kiritimati\n',
         'etc/passwd': b'root:x:0:0::/root:/bin/sh\napp:x:7:8::/srv/app:/bin/sh\n'}
LINKS = {f'bin/{name}': 'busybox' for name in ('sh', 'cat', 'sleep', 'stat', 'ls', 'touch')}
APP_KEYS = '/srv/app/.ssh/authorized_keys'


def inside(server: Any, *command: str) -> str:
    return machine_state.run('docker', 'exec', f'nova-{server.id}', *command)


def forget(image: Any) -> None:
    """An image that was booted stays on the engine, for the next boot."""
    tags = machine_state.run('docker', 'images', '--format', '{{.Repository}}:{{.Tag}}')
    for tag in tags.split():
        if image.id in tag:
            machine_state.run('docker', 'rmi', tag)


@pytest.fixture
def image(tenant: user.User) -> Iterator[Any]:
    made = tenant.upload('with-users', archives.Image(
        files=FILES, links=LINKS, command=['sleep', '3600']).archive(), docker_key_user='app',
        img_config_drive='mandatory')
    yield made
    tenant.clean_up()
    forget(made)


@pytest.fixture
def key(tenant: user.User) -> Iterator[Any]:
    made = tenant.api.compute.create_keypair(name='identity')
    yield made
    tenant.clean_up()
    tenant.api.compute.delete_keypair(made)


def test_the_key_stays_with_the_server_and_out_of_its_snapshot(
        tenant: user.User, image: Any, key: Any) -> None:
    server = tenant.boot('keyed', image.name, key_name=key.name)
    with_key = key.public_key.strip() + '\n'
    assert inside(server, 'cat', APP_KEYS) == with_key
    assert inside(server, 'stat', '-c', '%a %u %g', APP_KEYS) == '600 7 8\n'
    assert inside(server, 'stat', '-c', '%a %u %g', '/srv/app/.ssh') == '700 7 8\n'
    machine_id = inside(server, 'cat', '/etc/machine-id')
    assert machine_id == server.id.replace('-', '') + '\n'
    assert inside(server, 'cat', '/etc/timezone') == 'Pacific/Kiritimati\n'
    assert 'meta_data.json' in inside(server, 'ls', '/mnt/config/openstack/latest')

    tenant.api.compute.reboot_server(server, 'HARD')
    tenant.wait_status(server, 'ACTIVE')
    assert inside(server, 'cat', APP_KEYS) == with_key

    snapshot = tenant.api.compute.create_server_image(server, 'of-keyed', wait=True)
    try:
        data = tenant.api.image.download_image(snapshot, stream=False).content
        assert key.public_key.split()[1].encode() not in data
        assert b'meta_data.json' not in data, 'the config drive is in the snapshot'
        assert machine_id.encode() in data, 'the disk is not in the snapshot'
        tenant.wait_status(server, 'ACTIVE')  # Nova is a moment behind Glance
        inside(server, 'touch', '/not-after-a-rebuild')
        tenant.api.compute.rebuild_server(server, image=image.id)
        tenant.wait_status(server, 'ACTIVE')
        assert 'not-after' not in inside(server, 'ls', '/')
        assert inside(server, 'cat', APP_KEYS) == with_key
    finally:
        tenant.api.image.delete_image(snapshot)


def test_the_holder_of_the_key_logs_in(tenant: user.User, key: Any, tmp_path: Path) -> None:
    server = tenant.boot('ssh', 'dropbear', key_name=key.name)
    address = tenant.floating_ip(server).floating_ip_address
    private = tmp_path / 'key'
    private.touch(mode=0o600)
    private.write_text(key.private_key)

    def said() -> str:
        return machine_state.run(
            'ssh', '-i', str(private), '-o', 'StrictHostKeyChecking=no', '-o', 'BatchMode=yes',
            '-o', 'UserKnownHostsFile=/dev/null', '-o', 'ConnectTimeout=3', '-o',
            'IdentitiesOnly=yes', f'root@{address}', 'hostname', check=False)

    user.wait_for('ssh lets the key in', lambda: said() == 'ssh\n', timeout=30)
    assert inside(server, 'cat', '/root/.ssh/authorized_keys') == key.public_key.strip() + '\n'


def test_the_config_drive_has_what_the_user_gave(tenant: user.User, key: Any) -> None:
    asked = tenant.request_server(
        'driven', 'busybox', config_drive=True, key_name=key.name, metadata={'role': 'db'},
        user_data=base64.b64encode(b'#!/bin/sh\necho hello\n').decode())
    server = tenant.wait_status(asked, 'ACTIVE')
    for root in ('/mnt/config', '/var/lib/cloud/seed/config_drive'):
        latest = f'{root}/openstack/latest'
        found = json.loads(inside(server, 'cat', f'{latest}/meta_data.json'))
        assert (found['uuid'], found['name']) == (server.id, 'driven')
        assert found['meta'] == {'role': 'db'}
        assert found['admin_pass'] == asked.admin_password
        assert found['public_keys'] == {key.name: key.public_key}
        assert inside(server, 'cat', f'{latest}/user_data') == '#!/bin/sh\necho hello\n'
        network = json.loads(inside(server, 'cat', f'{latest}/network_data.json'))
        assert network['links'][0]['ethernet_mac_address'] == next(iter(
            tenant.api.network.ports(device_id=server.id))).mac_address
        assert {'vendor_data.json', 'vendor_data2.json'} <= set(
            inside(server, 'ls', latest).split())
        with pytest.raises(AssertionError, match='Read-only file system'):
            inside(server, 'touch', f'{latest}/new')
    tenant.api.compute.stop_server(server)
    tenant.wait_status(server, 'SHUTOFF')
    tenant.api.compute.start_server(server)
    tenant.wait_status(server, 'ACTIVE')
    assert inside(server, 'cat', '/mnt/config/openstack/latest/user_data').startswith('#!')
    drive = next(Path(mount['Source']) for mount in machine_state.inspect(
        f'nova-{server.id}')['Mounts'] if mount['Destination'] == '/mnt/config')
    assert drive.is_dir()
    tenant.delete_server(server)
    assert not drive.exists()


def request_with_file(tenant: user.User, image: Any, path: str) -> Any:
    """As clients asked until microversion 2.57; openstacksdk asks for a later one."""
    answer = tenant.api.compute.post('/servers', microversion='2.1', json={'server': {
        'name': 'filled', 'imageRef': image.id,
        'flavorRef': tenant.api.compute.find_flavor('m1.tiny', ignore_missing=False).id,
        'networks': [{'uuid': tenant.network('private').id}],
        'personality': [{'path': path, 'contents': base64.b64encode(b'injected').decode()}]}})
    return tenant.api.compute.get_server(answer.json()['server']['id'])


def test_files_are_injected_or_refused_with_what_to_do(tenant: user.User, image: Any) -> None:
    server = request_with_file(tenant, image, '/srv/new/file')
    refused = request_with_file(tenant, image, '/etc')
    try:
        tenant.wait_status(server, 'ACTIVE')
        assert inside(server, 'cat', '/srv/new/file') == 'injected'
        assert inside(server, 'stat', '-c', '%a %u', '/srv/new/file') == '644 0\n'
        fault = tenant.wait_status(refused, 'ERROR').fault['message']
        assert "choose another path for the injected file '/etc'" in fault
        assert 'is a folder in the image' in fault
    finally:
        tenant.delete_server(server)
        tenant.delete_server(refused)
