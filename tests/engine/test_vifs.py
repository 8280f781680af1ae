"""Nova may plug and unplug at any time: at its start, again, and where nothing is."""

from pathlib import Path

from nova import exception as nova_exception
import pytest

from nova_docker.translate import naming
from tests.engine import instances


@pytest.fixture
def network():
    return instances.network(instances.vif(), instances.vif(
        instances.subnet("10.98.0.0/24", "10.98.0.5", None)))


def devices(api, instance) -> set[str]:
    pid = api.inspect_container(naming.sandbox_name(instance.uuid))["State"]["Pid"]
    lines = Path(f"/proc/{pid}/net/dev").read_text().splitlines()
    return {line.split(":")[0].strip() for line in lines if "eth" in line}


def operstates(network) -> set[str]:
    return {Path(f"/sys/class/net/{vif['devname']}/operstate").read_text().strip()
            for vif in network}


def test_plugging_what_is_plugged_changes_nothing(boots, api, network, ovs):
    instance = boots.archive(instances.busybox(), network)
    boots.driver.plug_vifs(instance, network)
    assert devices(api, instance) == {"eth0", "eth1"}
    assert ovs.ports == {vif["id"] for vif in network}


def test_unplugged_nics_come_back(boots, api, network, ovs):
    instance = boots.archive(instances.busybox(), network)
    for _ in range(2):
        boots.driver.unplug_vifs(instance, network)
        assert devices(api, instance) == set()
        assert ovs.ports == set()
    boots.driver.plug_vifs(instance, network)
    assert devices(api, instance) == {"eth0", "eth1"}


def test_a_stopped_instance_has_its_nics_and_no_link(boots, network):
    instance = boots.archive(instances.busybox(), network)
    assert operstates(network) == {"up"}
    boots.driver.power_off(instance)
    assert operstates(network) == {"down"}
    boots.driver.plug_vifs(instance, network)
    assert operstates(network) == {"down"}
    boots.driver.power_on(boots.context, instance, network)
    assert operstates(network) == {"up"}


def test_an_instance_without_containers_is_plugged_at_its_next_start(boots, network, ovs):
    absent = instances.instance()
    boots.driver.plug_vifs(absent, network)
    boots.driver.unplug_vifs(absent, network)
    assert ovs.ports == set()


@pytest.mark.parametrize("destroy_vifs", [True, False])
def test_cleanup_keeps_the_nics_when_it_shall(boots, api, network, ovs, destroy_vifs):
    instance = boots.archive(instances.busybox(), network)
    boots.driver.cleanup(boots.context, instance, network, destroy_vifs=destroy_vifs)
    kept = set() if destroy_vifs else {vif["id"] for vif in network}
    assert ovs.ports == kept
    with pytest.raises(nova_exception.InstanceNotFound):
        boots.driver.get_info(instance)


def test_a_nic_more_at_a_hard_reboot_is_plugged(boots, api, network):
    instance = boots.archive(instances.busybox(), instances.network(network[0]))
    boots.driver.reboot(boots.context, instance, network, "HARD")
    assert devices(api, instance) == {"eth0", "eth1"}
    boots.driver.unplug_vifs(instance, network)
