"""What Glance has is spoiled, and Glance refuses or breaks off: nothing is left of either.

The faults are made below Glance, in the folder of its store and to its processes.
"""

from collections.abc import Iterator
import os
from pathlib import Path
import signal
import subprocess
import time
from typing import Any

import pytest

from tests import archives
from tests.cloud import machine_state
from tests.cloud import program
from tests.cloud import user
from tests.cloud.test_boot import container
from tests.cloud.test_boot import inside

MIB = 1 << 20


@pytest.fixture
def store(facts: dict[str, Any]) -> Iterator[Path]:
    """The folder in which Glance keeps the data of its images."""
    folder = Path(facts['state'], 'data/glance/images')
    yield folder
    folder.chmod(0o750)


def on_the_engine(image_id: str) -> list[str]:
    shown = machine_state.run('docker', 'images', '--format', '{{.Repository}}:{{.Tag}}')
    return [tag for tag in shown.split() if image_id in tag]


def test_an_image_whose_data_were_altered_below_glance_is_refused(
        tenant: user.User, store: Path) -> None:
    image = tenant.upload('altered', archives.Image(
        files={'bin/busybox': Path('/bin/busybox').read_bytes(), 'mark': b'a' * MIB},
        command=['/bin/busybox', 'sleep', '3600']).archive())
    assert image.hash_value
    data = (store / image.id).read_bytes()
    # The archive's own digests hold: only Glance's can tell.
    assert data.endswith(bytes(512))
    (store / image.id).write_bytes(data[:-1] + b'x')
    fault = tenant.fault_of('bad', 'altered')
    assert 'checksum' in fault
    assert on_the_engine(image.id) == []
    (store / image.id).write_bytes(data)
    server = tenant.boot('good', 'altered')
    tenant.delete_server(server)
    for tag in on_the_engine(image.id):
        machine_state.run('docker', 'rmi', tag)


# Snapshots ---------------------------------------------------------------------------


@pytest.fixture
def server(tenant: user.User) -> Any:
    """It has written enough for a snapshot that takes a while."""
    made = tenant.boot('original', 'busybox')
    inside(made, 'dd', 'if=/dev/urandom', 'of=/large', 'bs=1M', 'count=128')
    return made


def snapshots(tenant: user.User) -> list[Any]:
    return [image for image in tenant.api.image.images() if image.name == 'a-snapshot']


def commits() -> str:
    return machine_state.run('docker', 'images', '-q', 'nova-docker.invalid/snapshot')


def as_it_was(tenant: user.User, server: Any) -> None:
    tenant.wait_status(server, 'ACTIVE')
    assert machine_state.inspect(container(server))['State']['Status'] == 'running'
    assert commits() == ''


def while_uploading(tenant: user.User, server: Any) -> Any:
    """Take a snapshot.  :returns: its image, when Glance has begun to store it"""
    made = tenant.api.compute.create_server_image(server, 'a-snapshot')
    tenant.on_clean_up(lambda: tenant.api.image.delete_image(made.id, ignore_missing=True))
    user.wait_for('the upload has begun', lambda: (
        tenant.api.image.get_image(made.id).status == 'saving'), pause=0.01)
    return made


def test_a_server_is_paused_while_the_engine_commits_and_not_while_glance_stores(
        tenant: user.User, server: Any) -> None:
    begin = time.time()
    made = while_uploading(tenant, server)
    assert machine_state.inspect(container(server))['State']['Status'] == 'running'
    inside(server, 'touch', '/written-during-the-upload')
    assert tenant.api.image.get_image(made.id).status == 'saving', 'it has taken part in it'
    told = machine_state.run(
        'docker', 'events', '--since', f'{begin:.3f}', '--until', f'{time.time():.3f}',
        '--filter', f'container={container(server)}', '--format', '{{.Action}}').split()
    assert [action for action in told if action in ('pause', 'commit', 'unpause')] == [
        'pause', 'commit', 'unpause']
    as_it_was(tenant, server)


def test_a_snapshot_that_glance_cannot_store_leaves_nothing(
        tenant: user.User, server: Any, store: Path, compute: program.Program) -> None:
    offset = compute.log.stat().st_size
    store.chmod(0o550)  # Glance answers 503
    tenant.api.compute.create_server_image(server, 'a-snapshot')
    user.wait_for('the image is gone', lambda: not snapshots(tenant))
    as_it_was(tenant, server)
    compute.wait_for_line('503', offset)


def test_a_snapshot_whose_upload_glance_breaks_off_leaves_nothing(
        tenant: user.User, server: Any, facts: dict[str, Any]) -> None:
    master = int(subprocess.run([*facts['supervisorctl'], 'pid', 'glance'], check=True,
                                capture_output=True, text=True).stdout)
    workers = Path(f'/proc/{master}/task/{master}/children').read_text().split()
    while_uploading(tenant, server)
    for worker in workers:
        os.kill(int(worker), signal.SIGKILL)
    user.wait_for('the image is gone', lambda: not snapshots(tenant))
    as_it_was(tenant, server)


def test_a_nova_compute_killed_in_an_upload_leaves_nothing_after_its_restart(
        tenant: user.User, server: Any, compute: program.Program) -> None:
    started = machine_state.inspect(container(server))['State']['StartedAt']
    made = while_uploading(tenant, server)
    compute.crash()
    as_it_was(tenant, server)
    assert machine_state.inspect(container(server))['State']['StartedAt'] == started
    # Of the image Nova forgets the record, whatever the driver: it cannot be booted.
    assert tenant.api.image.get_image(made.id).status != 'active'
    again = tenant.api.compute.create_server_image(server, 'a-snapshot')
    tenant.on_clean_up(lambda: tenant.api.image.delete_image(again.id, ignore_missing=True))
    user.wait_for('the next one is active', lambda: (
        tenant.api.image.get_image(again.id).status == 'active'))
    as_it_was(tenant, server)
