"""A user of the cloud: servers, images, ports, through openstacksdk."""

from collections.abc import Callable
import contextlib
import time
from typing import Any

import openstack

TIMEOUT = 120


def wait_for(what: str, condition: Callable[[], Any], timeout: float = TIMEOUT,
             pause: float = 0.1) -> Any:
    """The first true value of the condition.

    :raises AssertionError: when the time is over
    """
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f'{what}: not so after {timeout} s')
        time.sleep(pause)


class User:
    """One project's user; what it makes is deleted with ``clean_up``."""

    def __init__(self, config_file: str, cloud: str) -> None:
        config = openstack.config.OpenStackConfig(config_files=[config_file], load_envvars=False)
        self.api = openstack.connection.Connection(config=config.get_one(cloud))
        self._made = contextlib.ExitStack()

    def clean_up(self) -> None:
        self._made.close()
        self._made = contextlib.ExitStack()

    def on_clean_up(self, action: Callable[[], Any]) -> None:
        self._made.callback(action)

    # Servers ---------------------------------------------------------------------

    def request_server(self, name: str, image: str, *, flavor: str = 'm1.tiny',
                       networks: tuple[str, ...] = ('private',), **more: Any) -> Any:
        """Ask for a server; do not wait."""
        wanted = [{'uuid': self.network(n).id} if not n.startswith('port:')
                  else {'port': n.removeprefix('port:')} for n in networks]
        server = self.api.compute.create_server(
            name=name, image_id=self.image_id(image), networks=wanted or 'none',
            flavor_id=self.api.compute.find_flavor(flavor, ignore_missing=False).id, **more)
        self._made.callback(self.delete_server, server)
        return server

    def boot(self, name: str, image: str, **more: Any) -> Any:
        """A server that is ACTIVE."""
        return self.wait_status(self.request_server(name, image, **more), 'ACTIVE')

    def refresh(self, server: Any) -> Any:
        return self.api.compute.get_server(server.id)

    def wait_status(self, server: Any, status: str, timeout: float = TIMEOUT) -> Any:
        def reached() -> Any:
            now = self.refresh(server)
            if now.status == 'ERROR' and status != 'ERROR':
                raise AssertionError(f'server {now.name}: {now.fault}')
            return now if now.status == status and not now.task_state else None
        return wait_for(f'{server.name} is {status}', reached, timeout)

    def delete_server(self, server: Any) -> None:
        """Delete it and wait until it is gone; no error when it is."""
        self.api.compute.delete_server(server, ignore_missing=True)
        wait_for(f'{server.name} is gone',
                 lambda: self.api.compute.find_server(server.id, ignore_missing=True) is None)

    def fault_of(self, name: str, image: str, **more: Any) -> str:
        """The message a user sees of a boot that fails."""
        server = self.wait_status(self.request_server(name, image, **more), 'ERROR')
        return str(server.fault['message'])

    def console(self, server: Any) -> str:
        return str(self.api.compute.get_server_console_output(server)['output'])

    def addresses(self, server: Any) -> list[str]:
        return [a['addr'] for net in self.refresh(server).addresses.values() for a in net]

    # What servers are made of ------------------------------------------------------

    def network(self, name: str) -> Any:
        return self.api.network.find_network(name, ignore_missing=False)

    def image_id(self, name: str) -> str:
        return str(self.api.image.find_image(name, ignore_missing=False).id)

    def upload(self, name: str, data: bytes, **properties: str) -> Any:
        """A Glance image with these bytes."""
        image = self.api.image.create_image(
            name=name, container_format='docker', disk_format='raw', data=data,
            validate_checksum=False, **properties)
        self._made.callback(self.api.image.delete_image, image, ignore_missing=True)
        return wait_for(f'image {name} is active', lambda: (
            lambda now: now if now.status == 'active' else None)(
                self.api.image.get_image(image.id)))

    def port(self, network: str, **more: Any) -> Any:
        port = self.api.network.create_port(network_id=self.network(network).id, **more)
        self._made.callback(self.api.network.delete_port, port, ignore_missing=True)
        return port

    def port_of(self, server: Any) -> Any:
        """The first port of a server."""
        return next(iter(self.api.network.ports(device_id=server.id)))

    def floating_ip(self, server: Any) -> Any:
        """An address of the external network, which leads to the server's first port."""
        floating = self.api.network.create_ip(
            floating_network_id=self.network('public').id, port_id=self.port_of(server).id)
        self._made.callback(self.api.network.delete_ip, floating, ignore_missing=True)
        return floating

    def security_group(self, name: str) -> Any:
        group = self.api.network.create_security_group(name=name)
        self._made.callback(self.api.network.delete_security_group, group, ignore_missing=True)
        return group
