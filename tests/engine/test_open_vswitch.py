"""os-vif and the database of a real Open vSwitch, with plain and with hybrid plugging."""

from collections.abc import Iterator
from pathlib import Path
import subprocess
from unittest import mock

from nova.network import model
import os_vif
import pytest
from vif_plug_ovs import privsep
from vif_plug_ovs.ovsdb import impl_idl
from vif_plug_ovs.ovsdb import ovsdb_lib

from tests.engine import instances
from tests.engine import open_vswitch
from tests.engine.test_interfaces import attach
from tests.engine.test_interfaces import boot
from tests.engine.test_interfaces import detach
from tests.engine.test_vifs import devices
from tests.engine.test_vifs import operstates

LINKS = Path("/sys/class/net")


@pytest.fixture
def ovs() -> Iterator[open_vswitch.OpenVSwitch]:
    """What the driver's os-vif is connected to, in the place of the proxy."""
    os_vif.initialize()
    privsep.vif_plug.set_client_mode(False)
    plugin = os_vif._EXT_MANAGER["ovs"].obj
    with (open_vswitch.started() as switch,
          mock.patch.object(impl_idl.NeutronOvsdbIdl, "_ovsdb_connection", None),
          mock.patch.object(plugin, "ovsdb", ovsdb_lib.BaseOVS(plugin.config))):
        plugin.ovsdb.connection = switch.connection
        yield switch
        if plugin.ovsdb._ovsdb:
            plugin.ovsdb._ovsdb.ovsdb_connection.stop(10)


def port(hybrid: bool) -> model.VIF:
    made = instances.vif(ovs_hybrid_plug=hybrid, datapath_type="netdev")
    made["delegate_create"] = True
    return made


def parts(vif: model.VIF) -> dict[str, str]:
    """What hybrid plugging makes of a port: names of links."""
    return {kind: f"{kind}{vif['id']}"[:14] for kind in ("qbr", "qvb", "qvo")}


def picture(vif: model.VIF, ovs: open_vswitch.OpenVSwitch) -> tuple[set[str], set[str], set[str]]:
    """Links of the port, members of its Linux bridge, ports of the switch."""
    bridge = LINKS / parts(vif)["qbr"] / "brif"
    return ({link.name for link in LINKS.iterdir() if link.name[3:] == vif["devname"][3:]},
            {member.name for member in bridge.iterdir()} if bridge.exists() else set(),
            ovs.ports)


def whole(vif: model.VIF) -> tuple[set[str], set[str], set[str]]:
    """The picture as it shall be."""
    tap, links = vif["devname"], parts(vif)
    if not vif["details"]["ovs_hybrid_plug"]:
        return {tap}, set(), {tap}
    return {tap, *links.values()}, {tap, links["qvb"]}, {links["qvo"]}


def rows(ovs: open_vswitch.OpenVSwitch) -> set[str]:
    """Which ports and interfaces the database has."""
    return {uuid for table in ("Port", "Interface")
            for uuid in ovs.vsctl("--columns=_uuid", "--no-headings", "list", table).split()}


def ip(*words: str) -> None:
    subprocess.run(["ip", "link", *words], check=True)


LOSSES = {
    "the database": lambda vif, ovs: ovs.vsctl("del-br", open_vswitch.BRIDGE),
    "the row": lambda vif, ovs: ovs.vsctl("del-port", *ovs.ports),
    "the NIC": lambda vif, ovs: ip("delete", vif["devname"]),
    "the veth": lambda vif, ovs: ip("delete", parts(vif)["qvo"]),
    "the Linux bridge": lambda vif, ovs: ip("delete", parts(vif)["qbr"]),
    "the veth in the bridge": lambda vif, ovs: ip("set", parts(vif)["qvb"], "nomaster"),
    "the NIC in the bridge": lambda vif, ovs: ip("set", vif["devname"], "nomaster"),
}


@pytest.mark.parametrize("hybrid", [False, True])
def test_a_port_is_the_switchs_while_the_instance_lives(boots, api, ovs, hybrid):
    first, second = port(hybrid), port(hybrid)
    instance = boot(boots, first)
    assert picture(first, ovs) == whole(first)
    member, = ovs.ports
    assert ovs.neutron_port(member) == first["id"]
    assert operstates([first]) == {"up"}
    before = picture(first, ovs), rows(ovs)
    for _ in range(10):
        attach(boots, instance, second)
        assert len(ovs.ports) == 2
        assert devices(api, instance) == {"eth0", "eth1"}
        detach(boots, instance, second)
        assert picture(second, ovs) == (set(), set(), {member})
    assert (picture(first, ovs), rows(ovs)) == before
    boots.driver.destroy(boots.context, instance, instance.get_network_info())
    assert picture(first, ovs) == (set(), set(), set())


@pytest.mark.parametrize("hybrid", [False, True])
def test_what_is_lost_comes_back_and_what_is_whole_is_not_touched(boots, ovs, hybrid):
    vif = port(hybrid)
    instance = boot(boots, vif)
    for what, lose in LOSSES.items():
        if hybrid or what in {"the database", "the row", "the NIC"}:
            lose(vif, ovs)
            assert picture(vif, ovs) != whole(vif)
            boots.driver.plug_vifs(instance, instance.get_network_info())
            assert picture(vif, ovs) == whole(vif), f"{what} was lost"
    indexes = {name: (LINKS / name / "ifindex").read_text() for name in whole(vif)[0]}
    before = rows(ovs)
    boots.driver.plug_vifs(instance, instance.get_network_info())
    assert {name: (LINKS / name / "ifindex").read_text() for name in whole(vif)[0]} == indexes
    assert rows(ovs) == before


@pytest.mark.parametrize("hybrid", [False, True])
def test_nothing_is_left_of_an_instance_that_nova_does_not_know(boots, api, ovs, hybrid):
    vif = port(hybrid)
    instance = boot(boots, vif)
    boots.driver.destroy(boots.context, instance, model.NetworkInfo())
    assert picture(vif, ovs) == (set(), set(), set())
