"""NICs come and go while an instance lives."""

from pathlib import Path
from unittest import mock

from nova import exception as nova_exception
from nova import objects
from nova.network import model
import os_vif.exception
import pytest

from nova_docker.translate import naming
from tests.engine import instances
from tests.engine.test_vifs import devices
from tests.engine.test_vifs import operstates


@pytest.fixture
def first():
    return instances.vif()


@pytest.fixture
def second():
    return instances.vif(instances.subnet("10.98.0.0/24", "10.98.0.5", "10.98.0.1"))


def boot(boots, *vifs):
    instance = boots.archive(instances.busybox(), instances.network(*vifs))
    remember(instance, *vifs)
    return instance


def remember(instance, *vifs):
    """Nova's cache."""
    instance.info_cache = objects.InstanceInfoCache(network_info=model.NetworkInfo(list(vifs)))


def attach(boots, instance, vif):
    boots.driver.attach_interface(boots.context, instance, None, vif)
    others = [other for other in instance.get_network_info() if other["id"] != vif["id"]]
    remember(instance, *others, vif)


def detach(boots, instance, vif):
    boots.driver.detach_interface(boots.context, instance, vif)
    remember(instance, *(v for v in instance.get_network_info() if v["id"] != vif["id"]))


def defaults(api, instance) -> list[str]:
    """The devices that have a default route."""
    pid = api.inspect_container(naming.sandbox_name(instance.uuid))["State"]["Pid"]
    rows = [line.split() for line in Path(f"/proc/{pid}/net/route").read_text().splitlines()]
    return [row[0] for row in rows if row[1] == "00000000"]


def index_of(vif) -> str:
    return Path(f"/sys/class/net/{vif['devname']}/ifindex").read_text()


@pytest.mark.parametrize("paused", [False, True])
def test_a_nic_comes_to_an_instance_at_work_and_goes(boots, api, ovs, first, second, paused):
    instance = boot(boots, first)
    untouched = index_of(first)
    if paused:
        boots.driver.pause(instance)
    attach(boots, instance, second)
    assert devices(api, instance) == {"eth0", "eth1"}
    assert defaults(api, instance) == ["eth0"]
    assert ovs.ports == {first["id"], second["id"]}
    assert operstates([first, second]) == {"down" if paused else "up"}
    boots.driver.unpause(instance)
    assert operstates([first, second]) == {"up"}
    detach(boots, instance, second)
    assert devices(api, instance) == {"eth0"}
    assert ovs.ports == {first["id"]}
    assert index_of(first) == untouched


def test_a_stopped_instance_gets_the_nic_with_its_start(boots, api, first, second):
    instance = boot(boots, first)
    boots.driver.power_off(instance)
    attach(boots, instance, second)
    assert operstates([first, second]) == {"down"}
    boots.driver.power_on(boots.context, instance, instance.get_network_info())
    assert operstates([first, second]) == {"up"}
    assert devices(api, instance) == {"eth0", "eth1"}
    detach(boots, instance, second)


def test_without_a_sandbox_nothing_is_plugged(boots, api, ovs, first, second):
    instance = boot(boots, first)
    api.stop(naming.sandbox_name(instance.uuid), timeout=0)
    attach(boots, instance, second)
    assert second["id"] not in ovs.ports
    detach(boots, instance, second)


def test_the_others_keep_their_names_until_the_next_reboot(boots, api, first, second):
    instance, third = boot(boots, first, second), instances.vif()
    untouched = index_of(second)
    detach(boots, instance, first)
    assert defaults(api, instance) == ["eth1"]
    boots.driver.plug_vifs(instance, instance.get_network_info())
    assert devices(api, instance) == {"eth1"}
    attach(boots, instance, third)
    assert devices(api, instance) == {"eth0", "eth1"}
    assert defaults(api, instance) == ["eth1"]
    assert index_of(second) == untouched
    boots.driver.reboot(boots.context, instance, instance.get_network_info(), "HARD")
    assert defaults(api, instance) == ["eth0"]
    boots.driver.unplug_vifs(instance, instance.get_network_info())


def test_an_attach_that_fails_leaves_nothing_of_the_nic(boots, api, ovs, first, second):
    instance = boot(boots, first)

    def refuse(vifs, info, make_links):
        make_links()
        raise os_vif.exception.PlugException(vif=vifs[-1], err="no room")

    with (mock.patch("nova_docker.switch.plug", refuse),
          pytest.raises(nova_exception.InterfaceAttachFailed, match="no room")):
        attach(boots, instance, second)
    assert not Path(f"/sys/class/net/{second['devname']}").exists()
    assert devices(api, instance) == {"eth0"}
    assert ovs.ports == {first["id"]}


def test_a_port_that_no_container_can_have_is_refused(boots, api, first, second):
    instance = boot(boots, first)
    second["type"] = "hw_veb"
    with pytest.raises(nova_exception.InterfaceAttachFailed, match="hw_veb"):
        attach(boots, instance, second)
    assert devices(api, instance) == {"eth0"}


def test_a_nic_that_is_gone_is_detached(boots, first, second):
    instance = boot(boots, first)
    for vif in (second, first, first):
        detach(boots, instance, vif)


def test_a_detach_that_the_switch_refuses_says_why(boots, first):
    instance = boot(boots, first)
    refusal = os_vif.exception.UnplugException(vif=first["id"], err="busy")
    with (mock.patch("os_vif.unplug", side_effect=refusal),
          pytest.raises(nova_exception.InterfaceDetachFailed, match="busy")):
        detach(boots, instance, first)


def test_an_absent_instance_takes_no_nic(boots, first):
    absent = instances.instance()
    with pytest.raises(nova_exception.InstanceNotFound):
        boots.driver.attach_interface(boots.context, absent, None, first)


def test_five_rounds_leave_nothing(boots, api, ovs, first, second):
    instance = boot(boots, first)
    for _ in range(5):
        attach(boots, instance, second)
        detach(boots, instance, second)
    assert devices(api, instance) == {"eth0"}
    assert ovs.ports == {first["id"]}
