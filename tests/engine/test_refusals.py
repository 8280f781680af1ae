"""What a container cannot have is refused before anything is made for it.

What Nova refuses without asking the driver is in tests/cloud/test_refusals.py.
"""

from nova import exception as nova_exception
import pytest

from nova_docker.translate import naming
from tests.engine import instances

VOLUME = {"block_device_mapping": [{"mount_device": "/dev/vdb", "connection_info": {}}]}
EPHEMERAL = {"ephemerals": [{"device_name": "/dev/vdb", "size": 1}]}
REAL_TIME = {"hw:cpu_policy": "dedicated", "hw:cpu_realtime": "yes"}


def boot(driver, context, instance, block_device_info=None):
    driver.spawn(context, instance, instances.image_meta("none"), [], None, {},
                 network_info=instances.network(), block_device_info=block_device_info)


@pytest.mark.parametrize(("asked", "words"), [
    (VOLUME, "without volumes"), (EPHEMERAL, "ephemeral is 0")], ids=["volume", "ephemeral disk"])
def test_a_block_device_is_refused(driver, context, api, asked, words):
    instance = instances.instance()
    with pytest.raises(nova_exception.InvalidInput, match=words):
        boot(driver, context, instance, asked)
    assert api.containers(all=True, filters={"name": naming.workload_name(instance.uuid)}) == []


def test_real_time_is_refused_with_what_works_instead(driver, context):
    with pytest.raises(nova_exception.InvalidInput, match="hw:cpu_policy=dedicated works"):
        boot(driver, context, instances.instance(extra_specs=REAL_TIME))


def test_who_attaches_a_volume_is_told_that_there_are_none(driver):
    with pytest.raises(NotImplementedError, match="no volumes yet"):
        driver.get_volume_connector(instances.instance())
