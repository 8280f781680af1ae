"""Open vSwitch's database, as far as os-vif leaves something to do better."""

from collections.abc import Iterator
from collections.abc import Sequence
import contextlib

import os_vif
from os_vif.objects import vif as os_vif_vif


@contextlib.contextmanager
def one_transaction(vifs: Sequence[os_vif_vif.VIFBase]) -> Iterator[None]:
    """Have all that os-vif asks of the database in the body done at the body's end.

    os-vif makes two transactions for each VIF, and after each it waits until
    ovs-vswitchd has looked through its whole configuration: four NICs took 0.2 s.
    ovsdbapp puts transactions of a thread into one that is open already.  With the
    kernel's datapath os-vif must see the QoS row that it has just made, so there
    every VIF has its own transactions as before; so has everything where os-vif
    runs ovs-vsctl.

    :raises Exception: what the database or ovs-vswitchd has against it; os-vif
        itself would only log that
    """
    # os-vif has no public way to the plugin that it has loaded.
    plugin = os_vif._EXT_MANAGER['ovs'].obj
    separate = (plugin.config.ovsdb_interface != 'native'
                or any(plugin.supports_tc_qdisc(vif) for vif in vifs))
    with contextlib.ExitStack() as stack:
        if vifs and not separate:
            stack.enter_context(plugin.ovsdb.ovsdb.transaction(check_error=True))
        yield
