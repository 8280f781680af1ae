"""Pinned CPUs: from the operator's sets, through Nova's claim, to what a process may run on."""

import json
import os

from nova import exception as nova_exception
from nova import objects
from nova.compute import provider_tree
import nova.conf
from nova.virt import hardware
import os_resource_classes as orc
import pytest

from nova_docker.translate import naming
from tests import machine
from tests.engine import instances
from tests.engine.test_flavors import inside

CONF = nova.conf.CONF
PINNED = {"hw:cpu_policy": "dedicated"}
MIXED = {"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "0"}


@pytest.fixture
def one_of_each(settings) -> tuple[str, str]:
    """A host with one shared and one dedicated CPU.  :returns: their numbers"""
    online = sorted(os.sched_getaffinity(0))
    if len(online) < 2:
        machine.lacking("two CPUs", "use a larger machine")
    settings.config(group="compute", cpu_shared_set=str(online[0]),
                    cpu_dedicated_set=str(online[1]))
    return str(online[0]), str(online[1])


def claimed(driver, extra_specs, vcpus=1) -> objects.InstanceNUMATopology | None:
    """What the resource tracker makes of a flavor on the host that the driver reports."""
    reported = driver.get_available_resource(CONF.host)["numa_topology"]
    flavor = objects.Flavor(vcpus=vcpus, memory_mb=64, extra_specs=extra_specs)
    image = objects.ImageMeta(properties=objects.ImageMetaProps())
    return hardware.numa_fit_instance_to_host(
        objects.NUMATopology.obj_from_primitive(json.loads(reported)),
        hardware.numa_get_constraints(flavor, image), provider_mapping=None)


def allowed(api, instance) -> str:
    return inside(api, instance, "grep Cpus_allowed_list /proc/self/status").split()[1]


def test_a_pinned_instance_has_its_cpu_and_the_others_stay_off_it(boots, api, one_of_each):
    shared, dedicated = one_of_each
    pinned = boots.archive(instances.busybox(), extra_specs=PINNED,
                           numa_topology=claimed(boots.driver, PINNED))
    sharing = boots.archive(instances.busybox())
    assert (allowed(api, pinned), allowed(api, sharing)) == (dedicated, shared)


def test_a_mixed_instance_runs_on_its_own_and_on_shared_cpus(boots, api, one_of_each):
    mixed = boots.archive(instances.busybox(), extra_specs=MIXED, vcpus=2,
                          numa_topology=claimed(boots.driver, MIXED, vcpus=2))
    assert allowed(api, mixed) in {"-".join(one_of_each), ",".join(one_of_each)}


def test_placement_is_told_of_both_kinds(driver, one_of_each):
    tree = provider_tree.ProviderTree()
    tree.new_root(CONF.host, "7d4bd7cf-3d1d-4a0b-8c0e-0a3b7c1f6a55")
    driver.update_provider_tree(tree, CONF.host)
    inventory = tree.data(CONF.host).inventory
    assert (inventory[orc.VCPU]["total"], inventory[orc.PCPU]["total"]) == (1, 1)
    assert inventory[orc.PCPU]["allocation_ratio"] == 1


def test_without_the_sets_nothing_is_pinned_and_nobody_is_confined(boots, api):
    assert claimed(boots.driver, PINNED) is None
    confined = api.inspect_container(
        naming.workload_name(boots.archive(instances.busybox()).uuid))["HostConfig"]
    assert confined["CpusetCpus"] == ""


def test_a_service_with_a_set_that_cannot_be_does_not_start(driver, settings):
    settings.config(group="compute", cpu_shared_set="0", cpu_dedicated_set="0")
    with pytest.raises(nova_exception.InvalidConfiguration, match="Leave each to one of them"):
        driver.init_host(CONF.host)
