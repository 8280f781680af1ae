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
        id=str(uuid.uuid4()), address="fa:16:3e:00:00:01", devname="tap0",
        network=model.Network(id=str(uuid.uuid4()), bridge="br-int", subnets=[]),
        type=model.VIF_TYPE_OVS, details={"datapath_type": datapath}, profile={}))
        for _ in range(2)]


def test_what_the_body_asks_for_is_done_at_its_end_and_failures_are_raised(database):
    with switch.one_transaction(vifs("netdev")):
        database.transaction.assert_called_once_with(check_error=True)
        assert not ended(database)
    assert ended(database) == [None]


def test_nothing_is_committed_when_a_vif_fails(database):
    database.transaction.return_value.__exit__.return_value = False
    with pytest.raises(ValueError, match="no room"), switch.one_transaction(vifs("netdev")):
        raise ValueError("no room")
    assert ended(database) == [ValueError]


def ended(database):
    """With which exceptions the transactions ended."""
    return [call.args[-3] for call in database.transaction.return_value.__exit__.call_args_list]


def test_there_is_none_where_os_vif_cannot_do_with_one(database):
    for plugged in ([], vifs("system")):
        with switch.one_transaction(plugged):
            pass
    database.transaction.assert_not_called()
