"""A cloud whose hosts have different drivers: images go where they can run."""

from collections.abc import Iterator
from pathlib import Path
import subprocess
from typing import Any

import pytest

from tests.cloud import user

HOST = 'fake-host'
CONFIG = f"""\
[DEFAULT]
host = {HOST}
compute_driver = fake.FakeDriverWithoutFakeNodes
state_path = {{state}}
instances_path = {{state}}/instances

[oslo_concurrency]
lock_path = {{state}}/lock
"""


@pytest.fixture
def fake_host(facts: dict[str, Any], admin: user.User, tmp_path: Path) -> Iterator[None]:
    """A second compute host beside that of the cloud, with Nova's fake driver."""
    subprocess.run(['chown', '-R', 'nova', tmp_path], check=True)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    config = tmp_path / 'nova-fake.conf'
    config.write_text(CONFIG.format(state=tmp_path))
    nova = Path(facts['etc']) / 'nova'
    binaries = Path(facts['venv']) / 'bin'
    with (tmp_path / 'log').open('w') as log:
        process = subprocess.Popen(
            [binaries / 'nova-compute', '--config-file', nova / 'nova-compute.conf',
             '--config-file', config], user='nova', group='nova', cwd='/',
            env={'HOME': str(tmp_path), 'PATH': '/usr/bin:/bin'}, stdout=log, stderr=log)
    try:
        user.wait_for('the fake host reports', lambda: [
            s for s in admin.api.compute.services(host=HOST) if s.state == 'up'])
        subprocess.run([binaries / 'nova-manage', '--config-file', nova / 'nova.conf',
                        'cell_v2', 'discover_hosts', '--by-service'], check=True,
                       capture_output=True)
        user.wait_for('it can be chosen', lambda: [
            h for h in admin.api.compute.hypervisors() if h.name == HOST])
        yield
    finally:
        process.terminate()
        process.wait(60)
        for service in admin.api.compute.services(host=HOST):
            admin.api.compute.delete_service(service)


def test_an_image_for_docker_goes_to_a_docker_host_and_to_no_other(
        tenant: user.User, admin: user.User, fake_host: None, facts: dict[str, Any]) -> None:
    data = tenant.api.image.download_image(
        tenant.api.image.get_image(tenant.image_id('busybox')), stream=False).content
    tenant.upload('for-fake', data, img_hv_type='fake')
    for number in range(3):
        server = tenant.boot(f'docker-{number}', 'busybox', networks=())
        assert admin.refresh(server).hypervisor_hostname == facts['host']
    other = tenant.boot('other', 'for-fake', networks=())
    assert admin.refresh(other).hypervisor_hostname == HOST
    tenant.delete_server(other)
    tenant.upload('for-arm', data, img_hv_type='docker', hw_architecture='aarch64')
    assert 'No valid host' in tenant.fault_of('nowhere', 'for-arm', networks=())
