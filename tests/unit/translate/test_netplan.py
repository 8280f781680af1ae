"""Neutron's ports become the NICs that a DHCP client would have configured."""

from typing import Any

import pytest

from nova_docker.translate import netplan

PORT = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"


def subnet(cidr: str = "10.0.0.0/24", *addresses: str, **changes: Any) -> dict[str, Any]:
    return {"cidr": cidr, "version": 6 if ":" in cidr else 4, "gateway": None, "dns": [],
            "routes": [], "meta": {}, "ips": [{"address": a} for a in addresses], **changes}


def vif(*subnets: dict[str, Any], port: str = PORT, **changes: Any) -> dict[str, Any]:
    return {"id": port, "type": "ovs", "address": "fa:16:3e:00:00:01", "devname": None,
            "details": {}, "vnic_type": "normal",
            "network": {"subnets": list(subnets), "meta": {"mtu": 1450}}, **changes}


def gateway(address: str) -> dict[str, str]:
    return {"address": address}


def plans(*vifs: dict[str, Any]) -> tuple[netplan.NicPlan, ...]:
    return netplan.nic_plans("u-1", "h1", vifs)


def test_a_nic_has_its_mac_mtu_and_place():
    first, second = plans(vif(subnet()), vif(subnet(), port="p-2", address="fa:16:3e:00:00:02"))
    assert (first.device, first.mac, first.mtu) == ("eth0", "fa:16:3e:00:00:01", 1450)
    assert (second.device, second.mac) == ("eth1", "fa:16:3e:00:00:02")
    assert first.alias == f"nova-docker:u-1:{PORT}:h1"


def test_the_hosts_end_has_the_name_that_neutron_expects():
    plan, = plans(vif(subnet()))
    assert plan.host_device == "tap0a1b2c3d-4e"
    named, = plans(vif(subnet(), devname="tapxyz"))
    assert named.host_device == "tapxyz"


def test_every_fixed_ip_of_every_subnet_is_configured():
    plan, = plans(vif(subnet("10.0.0.0/24", "10.0.0.5", "10.0.0.6"),
                      subnet("fd00::/64", "fd00::5")))
    assert plan.addresses == ("10.0.0.5/24", "10.0.0.6/24", "fd00::5/64")


def test_each_family_has_one_default_route_and_the_first_nic_wins():
    first, second = plans(
        vif(subnet("10.0.0.0/24", "10.0.0.5", gateway=gateway("10.0.0.1"))),
        vif(subnet("10.1.0.0/24", "10.1.0.5", gateway=gateway("10.1.0.1")),
            subnet("fd00::/64", "fd00::5", gateway=gateway("fd00::1"))))
    assert first.routes == (("0.0.0.0/0", "10.0.0.1"),)
    assert second.routes == (("::/0", "fd00::1"),)


def test_two_subnets_of_one_nic_share_a_default_route():
    plan, = plans(vif(subnet("10.0.0.0/24", "10.0.0.5", gateway=gateway("10.0.0.1")),
                      subnet("10.1.0.0/24", "10.1.0.5", gateway=gateway("10.1.0.1"))))
    assert plan.routes == (("0.0.0.0/0", "10.0.0.1"),)


def test_a_subnet_without_an_address_of_ours_gives_no_routes():
    plan, = plans(vif(subnet("fd00::/64", gateway=gateway("fd00::1"))))
    assert plan.routes == ()


def test_host_routes_are_kept_and_may_hold_the_default_route():
    plan, = plans(vif(subnet(
        "10.0.0.0/24", "10.0.0.5", gateway=gateway("10.0.0.1"),
        routes=[{"cidr": "192.168.0.0/16", "gateway": gateway("10.0.0.9")},
                {"cidr": "0.0.0.0/0", "gateway": gateway("10.0.0.8")}])))
    assert plan.routes == (("192.168.0.0/16", "10.0.0.9"), ("0.0.0.0/0", "10.0.0.8"))


def test_a_second_default_route_from_host_routes_does_not_replace_the_first():
    _, second = plans(
        vif(subnet("10.0.0.0/24", "10.0.0.5", gateway=gateway("10.0.0.1"))),
        vif(subnet("10.1.0.0/24", "10.1.0.5",
                   routes=[{"cidr": "0.0.0.0/0", "gateway": gateway("10.1.0.1")}])))
    assert "0.0.0.0/0" not in dict(second.routes)


def test_without_a_gateway_the_metadata_service_is_behind_the_dhcp_server():
    plan, = plans(vif(subnet("10.0.0.0/24", "10.0.0.5", meta={"dhcp_server": "10.0.0.2"})))
    assert plan.routes == (("169.254.169.254/32", "10.0.0.2"),)


def test_the_dhcp_server_answers_beside_a_router_where_it_is_forced_to():
    there = subnet("10.0.0.0/24", "10.0.0.5", gateway=gateway("10.0.0.1"),
                   meta={"dhcp_server": "10.0.0.2"})
    plan, = netplan.nic_plans("uuid", "host", [vif(there)], force_metadata=True)
    assert ("169.254.169.254/32", "10.0.0.2") in plan.routes
    assert ("0.0.0.0/0", "10.0.0.1") in plan.routes


@pytest.mark.parametrize("changes", [
    {"gateway": gateway("10.0.0.1")},
    {"routes": [{"cidr": "169.254.169.254/32", "gateway": gateway("10.0.0.2")}]},
    {"meta": {}},
])
def test_the_metadata_route_is_added_only_where_it_is_missing(changes):
    plan, = plans(vif(subnet("10.0.0.0/24", "10.0.0.5",
                             **{"meta": {"dhcp_server": "10.0.0.3"}, **changes})))
    assert ("169.254.169.254/32", "10.0.0.3") not in plan.routes


def test_ovn_answers_for_the_metadata_service_as_a_neighbour_on_one_nic():
    served = subnet("10.0.0.0/24", "10.0.0.5", gateway=gateway("10.0.0.1"),
                    meta={"enable_dhcp": True})
    first, second = plans(
        vif(served, details={"bound_drivers": {"0": "ovn"}}),
        vif(served, port="1" + PORT[1:], details={"bound_drivers": {"0": "ovn"}}))
    assert first.routes == (("0.0.0.0/0", "10.0.0.1"), ("169.254.169.254/32", None))
    assert second.routes == ()


def test_ovn_has_no_metadata_service_where_it_has_no_dhcp():
    plan, = plans(vif(subnet("10.0.0.0/24", "10.0.0.5", meta={"enable_dhcp": False}),
                      details={"bound_drivers": {"0": "ovn"}}))
    assert plan.routes == ()


def test_hybrid_plugging_puts_a_linux_bridge_between():
    plan, = plans(vif(subnet(), details={"ovs_hybrid_plug": True}))
    assert plan.linux_bridge == "qbr0a1b2c3d-4e"
    plain, = plans(vif(subnet()))
    assert plain.linux_bridge is None


def test_a_userspace_datapath_gets_finished_checksums():
    plan, = plans(vif(subnet(), details={"datapath_type": "netdev"}))
    assert not plan.checksum_offload
    kernel, = plans(vif(subnet(), details={"datapath_type": "system"}))
    assert kernel.checksum_offload


def test_dns_servers_are_listed_once_in_order():
    found = netplan.resolver("web", [
        vif(subnet(dns=[gateway("8.8.8.8"), gateway("1.1.1.1")])),
        vif(subnet(dns=[gateway("1.1.1.1"), gateway("9.9.9.9")]))])
    assert found.servers == ("8.8.8.8", "1.1.1.1", "9.9.9.9")


def test_without_dns_servers_the_dhcp_port_is_asked_as_dhcp_would_have_told():
    quiet = subnet("10.0.0.0/24", "10.0.0.5", meta={"dhcp_server": "10.0.0.2"})
    assert netplan.resolver("web", [vif(quiet)]).servers == ("10.0.0.2",)


def test_the_domain_completes_names():
    found = netplan.resolver("web", [vif(subnet("10.0.0.0/24", "10.0.0.5"))], "cloud.test")
    assert found.domain == "cloud.test"
    assert ("10.0.0.5", "web.cloud.test web") in found.hosts


def test_the_instance_knows_its_own_name_by_its_first_address():
    found = netplan.resolver("web", [vif(subnet("10.0.0.0/24", "10.0.0.5", "10.0.0.6"))])
    assert ("10.0.0.5", "web") in found.hosts
    assert len(found.hosts) == 3
    assert len(netplan.resolver("web", []).hosts) == 2


def test_a_full_name_is_found_by_its_first_label_too():
    found = netplan.resolver("web.example.org", [vif(subnet("10.0.0.0/24", "10.0.0.5"))])
    assert ("10.0.0.5", "web.example.org web") in found.hosts


@pytest.mark.parametrize("changes", [{"type": "bridge"}, {"type": "binding_failed"},
                                     {"vnic_type": "direct"}])
def test_a_port_that_cannot_be_plugged_is_named_with_the_reason(changes):
    reason = netplan.unpluggable([vif(subnet()), vif(subnet(), port="bad", **changes)])
    assert reason is not None
    assert "bad" in reason
    assert next(iter(changes.values())) in reason


def test_ordinary_ports_can_be_plugged():
    assert netplan.unpluggable([vif(subnet())]) is None
