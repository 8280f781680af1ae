"""All NICs of an instance join Open vSwitch in one transaction, where os-vif can."""

from unittest import mock
import uuid

from nova.network import model
from nova.network import os_vif_util
import os_vif
import pytest

from nova_docker import switch


@pytest.fixture
def database():
    """The connection of os-vif's own plugin, so that a new os-vif is noticed."""
    os_vif.initialize()
    plugin = os_vif._EXT_MANAGER["ovs"].obj
    with mock.patch.object(plugin.ovsdb, "_ovsdb") as made:
        yield made


def vifs(datapath: str):
    return [os_vif_util.nova_to_osvif_vif(model.VIF(
        id=str(uuid.uuid4()), address="fa:16:3e:00:00:01", devname=f"tap{number}",
        network=model.Network(id=str(uuid.uuid4()), bridge="br-int", subnets=[]),
        type=model.VIF_TYPE_OVS, details={"datapath_type": datapath}, profile={}))
        for number in range(2)]


@pytest.fixture
def steps():
    """What was done, in its order; os-vif would want a real database."""
    done: list[str] = []
    with mock.patch("os_vif.plug", lambda vif, info: done.append(vif.vif_name)):
        yield done


def test_links_are_made_before_the_one_transaction_ends(database, steps):
    def make_links():
        database.transaction.assert_called_once_with(check_error=True)
        assert not ended(database)
        steps.append("links")

    switch.plug(vifs("netdev"), None, make_links)
    assert steps == ["tap0", "tap1", "links"]
    assert ended(database) == [None]


def test_nothing_is_committed_when_the_links_fail(database, steps):
    database.transaction.return_value.__exit__.return_value = False
    with pytest.raises(ValueError, match="no room"):
        switch.plug(vifs("netdev"), None, mock.Mock(side_effect=ValueError("no room")))
    assert ended(database) == [ValueError]


def ended(database):
    """With which exceptions the transactions ended."""
    return [call.args[-3] for call in database.transaction.return_value.__exit__.call_args_list]


def test_links_come_first_where_os_vif_cannot_do_with_one_transaction(database, steps):
    switch.plug(vifs("system"), None, lambda: steps.append("links"))
    assert steps == ["links", "tap0", "tap1"]
    database.transaction.assert_not_called()


def test_without_nics_the_database_is_not_asked(database, steps):
    switch.plug([], None, lambda: steps.append("links"))
    assert steps == ["links"]
    database.transaction.assert_not_called()
