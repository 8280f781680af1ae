"""A network that remembers whose NICs are plugged and whose cables are in."""

from collections.abc import Iterable
from typing import Any


class FakeNetwork:
    """What the operations use of :class:`nova_docker.network.Network`."""

    def __init__(self) -> None:
        self.plugged: dict[str, int] = {}
        self.without_carrier: set[str] = set()

    def plug(self, instance: Any, network_info: Iterable[Any], pid: int) -> None:
        self.plugged[instance.uuid] = pid
        self.without_carrier.discard(instance.uuid)

    repair = plug

    def announce(self, instance: Any, network_info: Iterable[Any], pid: int) -> None:
        assert self.plugged[instance.uuid] == pid

    def unplug(self, instance: Any, network_info: Iterable[Any]) -> None:
        self.plugged.pop(instance.uuid, None)

    def plugged_instances(self) -> set[str]:
        return set(self.plugged)

    def unplug_leftovers(self, instance_uuid: str, bridge: str) -> None:
        self.plugged.pop(instance_uuid, None)

    def set_carrier(self, instance_uuid: str, connected: bool) -> None:
        if connected:
            self.without_carrier.discard(instance_uuid)
        else:
            self.without_carrier.add(instance_uuid)
