"""Deletions that can be taken back, and shelving in two steps: the cloud has both off."""

import time
from typing import Any

from tests.cloud import machine_state
from tests.cloud import program
from tests.cloud import user
from tests.cloud.test_boot import container
from tests.cloud.test_boot import inside
from tests.cloud.test_power import answers

# nova-compute looks once a minute for what is to be reclaimed.
INTERVAL = 20
OPTIONS = f'[DEFAULT]\nreclaim_instance_interval = {INTERVAL}\nshelved_offload_time = -1\n'


def test_deleted_servers_are_restored_reclaimed_or_deleted_by_force_and_shelved_ones_offloaded(
        tenant: user.User, admin: user.User, compute: program.Program,
        facts: dict[str, Any]) -> None:
    with program.nova_api(facts, admin).amended(OPTIONS), compute.amended(OPTIONS):
        restored, forced, reclaimed, other = (tenant.boot(name, 'busybox') for name in (
            'restored', 'forced', 'reclaimed', 'other'))
        address = tenant.addresses(restored)[0]
        inside(restored, 'touch', '/mine')
        for server in (restored, forced):
            tenant.api.compute.delete_server(server)
            tenant.wait_status(server, 'SOFT_DELETED')
            assert machine_state.inspect(container(server))['State']['Status'] == 'exited'
        assert not answers(other, address)
        tenant.api.compute.restore_server(restored)
        tenant.wait_status(restored, 'ACTIVE')
        inside(restored, 'ls', '/mine')
        user.wait_for('it answers', lambda: answers(other, address), timeout=10)

        tenant.api.compute.delete_server(forced, force=True)
        user.wait_for('it is gone by force', lambda: tenant.api.compute.find_server(
            forced.id, ignore_missing=True) is None)

        tenant.api.compute.delete_server(reclaimed)
        tenant.wait_status(reclaimed, 'SOFT_DELETED')
        begin = time.monotonic()
        user.wait_for('it is reclaimed', lambda: not machine_state.run(
            'docker', 'ps', '-aq', '--filter', f'name={container(reclaimed)}'), timeout=240)
        assert time.monotonic() - begin > INTERVAL / 2

        tenant.api.compute.shelve_server(restored)
        tenant.wait_status(restored, 'SHELVED')
        assert machine_state.inspect(container(restored))['State']['Status'] == 'exited'
        image, = tenant.api.image.images(name='restored-shelved')
        tenant.on_clean_up(lambda: tenant.api.image.delete_image(image.id, ignore_missing=True))
        tenant.api.compute.unshelve_server(restored)
        tenant.wait_status(restored, 'ACTIVE')
        inside(restored, 'ls', '/mine')
        tenant.api.compute.shelve_server(restored)
        tenant.wait_status(restored, 'SHELVED')
        admin.api.compute.shelve_offload_server(restored)
        tenant.wait_status(restored, 'SHELVED_OFFLOADED')
        assert not machine_state.run('docker', 'ps', '-aq', '--filter',
                                     f'name={container(restored)}')
        second, = tenant.api.image.images(name='restored-shelved')
        tenant.api.compute.unshelve_server(restored)
        tenant.wait_status(restored, 'ACTIVE')
        inside(restored, 'ls', '/mine')
        user.wait_for('it answers', lambda: answers(other, address), timeout=10)
        # The interval would keep what the clean-up deletes.
        for server in (restored, other):
            tenant.api.compute.delete_server(server, force=True)
        tenant.clean_up()
        for image_id in (image.id, second.id):
            machine_state.remove_image(image_id)
