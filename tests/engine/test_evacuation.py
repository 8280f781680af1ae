"""Evacuation, with the part of Nova that removes what evacuated instances left."""

import functools
from unittest import mock

from nova import objects
from nova.compute import manager
import nova.conf
from nova.network import model
import pytest

from nova_docker.translate import naming
from tests.engine import instances

CONF = nova.conf.CONF
REAL = ("_get_instances_on_driver", "_is_instance_storage_shared")


@pytest.fixture
def compute(boots):
    """Nova's compute manager, around the driver; the other host has another driver."""
    made = mock.Mock(driver=boots.driver, host=CONF.host)
    for name in REAL:
        setattr(made, name, functools.partial(getattr(manager.ComputeManager, name), made))
    made.compute_rpcapi.check_instance_shared_storage.side_effect = NotImplementedError
    return made


def test_a_start_removes_what_was_evacuated_and_nothing_else(boots, api, ovs, compute):
    ports = [instances.network(instances.vif()) for _ in range(2)]
    leftover, stays = (boots.archive(instances.busybox(), each) for each in ports)
    leftover.host, stays.host = "another", CONF.host
    leftover.deleted = False
    # Neutron has bound its port to a host where no agent runs.
    ports[0][0]["type"] = model.VIF_TYPE_BINDING_FAILED
    compute.network_api.get_instance_nw_info.return_value = ports[0]
    evacuation = mock.Mock(instance_uuid=leftover.uuid, dest_compute="another",
                           source_node=CONF.host)
    node = mock.Mock(hypervisor_hostname=CONF.host, uuid="node")
    with (mock.patch.object(objects.MigrationList, "get_by_filters",
                            return_value=[evacuation]),
          mock.patch.object(objects.InstanceList, "get_by_filters",
                            return_value=[leftover, stays])):
        manager.ComputeManager._destroy_evacuated_instances(
            compute, boots.context, {"node": node})
    assert evacuation.status == "completed"
    assert boots.driver.list_instance_uuids() == [stays.uuid]
    assert ovs.ports == {ports[1][0]["id"]}
    assert api.inspect_container(naming.workload_name(stays.uuid))["State"]["Running"]


def test_an_instance_of_a_lost_host_is_made_anew_from_what_nova_kept_of_its_image(
        boots, api, glance):
    instance = instances.instance({"os_command_line": "sleep 1234"}, vm_state="active",
                                  task_state="rebuild_spawning")
    instance.image_ref = instance.uuid
    glance.images[instance.uuid] = instances.busybox().archive()
    boots._fetched.append(f"{naming.GLANCE_REPOSITORY}:{instance.uuid}")
    network = instances.network(instances.vif())
    boots._made.append((instance, network))
    assert not boots.driver.instance_on_disk(instance)
    boots.driver.spawn(boots.context, instance, objects.ImageMeta.from_instance(instance),
                       [], None, {}, network_info=network)
    running = api.inspect_container(naming.workload_name(instance.uuid))
    assert running["State"]["Running"]
    assert running["Args"] == ["1234"]
