"""What an instance has used, counted by the kernel."""

from nova import exception as nova_exception
from nova import objects
import pytest

from tests.engine import instances
from tests.engine.test_flavors import inside


def test_work_memory_and_traffic_of_an_instance_are_told(boots, api):
    network = instances.network(instances.vif(instances.subnet(gateway=None)))
    instance = boots.archive(instances.busybox(), network, memory_mb=128, config_drive="")
    instance.info_cache = objects.InstanceInfoCache(network_info=network)
    before = boots.driver.get_diagnostics(instance)
    inside(api, instance, "dd if=/dev/zero of=/dev/null bs=1M count=200; "
                          "for i in 1 2 3; do echo hello | nc -w 1 10.99.0.77 9; done")
    after = boots.driver.get_diagnostics(instance)
    sent = f"{network[0]['devname']}_tx"
    assert after["cpu_time"] > before["cpu_time"] > 0
    # Nobody answers, but it has asked the neighbours who has that address.
    assert after[sent] > before[sent]
    details = boots.driver.get_instance_diagnostics(instance)
    assert (details.state, details.hypervisor, details.num_cpus) == ("running", "docker", 1)
    assert details.memory_details.maximum == 128
    assert details.nic_details[0].mac_address == network[0]["address"]
    assert details.nic_details[0].tx_octets >= after[sent]


def test_an_instance_that_is_gone_is_not_found(driver):
    with pytest.raises(nova_exception.InstanceNotFound):
        driver.get_instance_diagnostics(instances.instance())
