"""Open vSwitch's database, as far as os-vif leaves something to do better."""

from collections.abc import Callable
from collections.abc import Sequence
import pathlib
import typing as ty

import os_vif
from os_vif.objects import instance_info
from os_vif.objects import vif as os_vif_vif

_LINKS = pathlib.Path('/sys/class/net')


def plug(vifs: Sequence[os_vif_vif.VIFBase], info: instance_info.InstanceInfo,
         make_links: Callable[[], None]) -> None:
    """Have os-vif take the NICs of an instance into the switch, all at once if it can.

    os-vif makes two transactions for each VIF, and after each it waits until
    ovs-vswitchd has looked through its whole configuration: four NICs took 0.2 s.
    ovsdbapp puts transactions of a thread into one that is open already, and that is
    committed when the links are there.  os-vif would set the MTU of each link that it
    finds, and the links have theirs when they are made; so they are made after os-vif
    had its turn.  With the kernel's datapath os-vif must see the QoS row
    that it has just made, so there every VIF has its own transactions, and its link
    first; so has everything where os-vif runs ovs-vsctl.

    :param make_links: makes the ends on the host that the switch takes
    :raises Exception: what the database or ovs-vswitchd has against it; os-vif
        itself would only log that.  What ``make_links`` raises, in which case nothing
        is committed
    """
    plugin = _plugin()
    if (not vifs or plugin.config.ovsdb_interface != 'native'
            or any(plugin.supports_tc_qdisc(vif) for vif in vifs)):
        make_links()
        for vif in vifs:
            os_vif.plug(vif, info)
        return
    with plugin.ovsdb.ovsdb.transaction(check_error=True):
        for vif in vifs:
            os_vif.plug(vif, info)
        make_links()


def is_torn(vif: os_vif_vif.VIFBase) -> bool:
    """Whether a port of hybrid plugging has lost a part, and must be unplugged first.

    os-vif makes all the parts, or none when the link to the switch is there
    (``_plug_bridge`` in vif_plug_ovs/ovs.py): neither a row that the database has
    lost nor the Linux bridge's link to it would come back.
    """
    if not isinstance(vif, os_vif_vif.VIFBridge):
        return False
    plugin = _plugin()
    to_bridge, to_switch = plugin.get_veth_pair_names(vif)
    if not (_LINKS / to_switch).exists():
        return False
    return not ((_LINKS / vif.bridge_name / 'brif' / to_bridge).exists()
                and plugin.ovsdb.port_exists(to_switch, vif.network.bridge))


def _plugin() -> ty.Any:
    """os-vif has no public way to the plugin that it has loaded."""
    return os_vif._EXT_MANAGER['ovs'].obj
