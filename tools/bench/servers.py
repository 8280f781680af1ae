"""Servers of the demo project, as a user makes them."""

from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import time
from typing import Any

from aio import cloud
from aio import layout

POLL = 0.05
# A list of many servers is work for the cloud itself.
POLL_MANY = 0.5


class Servers:
    """Creates and deletes servers on the private network.

    :param image: a Glance image of the all-in-one cloud
    :param poll: seconds between the looks at one server; each costs the cloud, which
        is on this machine, some hundredths of a second of work
    :param has_nic: on the private network, where no ports are named
    """

    def __init__(self, where: layout.Layout, image: str = 'busybox',
                 flavor: str = 'm1.tiny', poll: float = POLL, *, has_nic: bool = True) -> None:
        self.cloud = cloud.connect(where, 'aio-demo')
        self._image = self.cloud.image.find_image(image, ignore_missing=False).id
        self._flavor = self.cloud.compute.find_flavor(flavor, ignore_missing=False).id
        self._poll = poll
        self._has_nic = has_nic
        self.network = self.cloud.network.find_network('private', ignore_missing=False)

    def create(self, name: str, count: int = 1, ports: Sequence[str] = ()) -> None:
        """One request for ``count`` servers.

        :param ports: instead of a NIC on the private network
        """
        networks: Any = [{'port': port} for port in ports] or (
            [{'uuid': self.network.id}] if self._has_nic else 'none')
        self.cloud.compute.create_server(
            name=name, image_id=self._image, flavor_id=self._flavor, networks=networks,
            min_count=count, max_count=count)

    def named(self, name: str) -> list[Any]:
        """Those whose name starts so."""
        return list(self.cloud.compute.servers(name=f'^{name}'))

    def wait_active(self, name: str, count: int = 1, timeout: float = 300) -> None:
        """Until all are ACTIVE.

        :raises RuntimeError: when one fails or the time is over
        """
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            found = self.named(name)
            failed = [s for s in found if s.status == 'ERROR']
            if failed:
                raise RuntimeError(f'server {failed[0].name}: {failed[0].fault}')
            if sum(s.status == 'ACTIVE' for s in found) == count:
                return
            time.sleep(self._poll if count == 1 else POLL_MANY)
        raise RuntimeError(f'{name}: not ACTIVE after {timeout} s')

    def delete(self, name: str, timeout: float = 120) -> None:
        """Delete those whose name starts so, and wait until they are gone."""
        for server in self.named(name):
            self.cloud.compute.delete_server(server)
        end = time.monotonic() + timeout
        while self.named(name):
            if time.monotonic() > end:
                raise RuntimeError(f'{name}: not deleted after {timeout} s')
            time.sleep(POLL)

    @contextlib.contextmanager
    def running(self, name: str, count: int = 1, ports: Sequence[str] = ()) -> Iterator[float]:
        """Boot for the body, then delete; gives the seconds to ACTIVE."""
        begin = time.monotonic()
        try:
            self.create(name, count, ports)
            self.wait_active(name, count)
            yield time.monotonic() - begin
        finally:
            self.delete(name)

    @contextlib.contextmanager
    def ports(self, number: int) -> Iterator[list[str]]:
        """Ports of the private network, which outlive the servers they are given to."""
        made = [self.cloud.network.create_port(network_id=self.network.id).id
                for _ in range(number)]
        try:
            yield made
        finally:
            for port in made:
                self.cloud.network.delete_port(port)
