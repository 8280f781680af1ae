"""What Neutron changes at a port reaches an instance that runs."""

from types import SimpleNamespace
import uuid

from nova import objects
import pytest

from nova_docker import network
from nova_docker.operations import addresses
from nova_docker.translate import netplan


def vif(address: str) -> dict[str, object]:
    port = "5a8f2c1e-0000-4000-8000-000000000001"
    subnet = {"version": 4, "cidr": "10.0.0.0/24", "routes": [], "dns": [], "meta": {},
              "gateway": None, "ips": [{"address": address}]}
    return {"id": port, "address": "fa:16:3e:00:00:01", "type": "ovs", "details": {},
            "devname": "tap5a8f2c1e", "network": {"subnets": [subnet], "meta": {}}}


class Plugger:
    def __init__(self) -> None:
        self.calls: list[tuple[str, list[dict[str, object]]]] = []

    def plug_vifs(self, instance, network_info) -> None:
        self.calls.append((instance.uuid, list(network_info)))
        if instance.uuid.startswith("bad"):
            raise RuntimeError("no switch")


@pytest.fixture
def net(settings) -> network.Network:
    return network.Network()


@pytest.fixture
def plugger() -> Plugger:
    return Plugger()


@pytest.fixture
def look(net, plugger, monkeypatch):
    def refresh(*instances) -> list[tuple[str, list[dict[str, object]]]]:
        monkeypatch.setattr(objects, "InstanceList", SimpleNamespace(
            get_by_host=lambda context, host, expected_attrs: instances))
        plugger.calls.clear()
        addresses.Refresher(net, plugger).refresh()
        return plugger.calls
    return refresh


def instance(net, address: str, plugged: str = "10.0.0.5", prefix: str = "", **changes):
    made = SimpleNamespace(**{"uuid": prefix + str(uuid.uuid4()), "task_state": None,
                              "get_network_info": lambda: [vif(address)], **changes})
    plan, = netplan.nic_plans(made.uuid, "host", [vif(plugged)])
    net._plugged[made.uuid] = {plan.port_id: plan}
    return made


def test_a_new_address_is_plugged_once(net, look):
    changed = instance(net, "10.0.0.6")
    assert look(changed) == [(changed.uuid, [vif("10.0.0.6")])]


def test_nothing_is_done_where_nothing_has_changed(net, look):
    assert look(instance(net, "10.0.0.5")) == []


def test_an_instance_that_nova_is_at_work_with_is_left_alone(net, look):
    assert look(instance(net, "10.0.0.6", task_state="rebooting")) == []


def test_a_port_that_is_yet_to_be_attached_is_left_alone(net, look):
    waiting = instance(net, "10.0.0.6")
    net._plugged[waiting.uuid] = {}
    assert look(waiting) == []


def test_one_that_fails_does_not_keep_the_others_from_theirs(net, look):
    failing, other = instance(net, "10.0.0.6", prefix="bad"), instance(net, "10.0.0.7")
    assert [call[0] for call in look(failing, other)] == [failing.uuid, other.uuid]
