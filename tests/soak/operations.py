"""What a user can ask of a server, each a call that returns when the API has taken it."""

from collections.abc import Callable
from typing import Any

from tests.cloud import user

Operation = Callable[[user.User, Any], Any]


def _rebuild(tenant: user.User, server: Any) -> None:
    tenant.api.compute.rebuild_server(server, image=tenant.image_id('busybox'))


def _snapshot(tenant: user.User, server: Any) -> None:
    image = tenant.api.compute.create_server_image(server, f'{server.name}-snapshot')
    tenant.on_clean_up(lambda: tenant.api.image.delete_image(image.id, ignore_missing=True))


def _attach(tenant: user.User, server: Any) -> None:
    tenant.api.compute.create_server_interface(
        server, net_id=tenant.network('private2').id)


def _detach(tenant: user.User, server: Any) -> None:
    for port in tenant.api.network.ports(device_id=server.id):
        tenant.api.compute.delete_server_interface(port.id, server=server)
        return


def _resize(tenant: user.User, server: Any) -> None:
    flavor = tenant.api.compute.find_flavor('m1.small', ignore_missing=False)
    tenant.api.compute.resize_server(server, flavor.id)


ALL: dict[str, Operation] = {
    'reboot soft': lambda t, s: t.api.compute.reboot_server(s, 'SOFT'),
    'reboot hard': lambda t, s: t.api.compute.reboot_server(s, 'HARD'),
    'stop': lambda t, s: t.api.compute.stop_server(s),
    'start': lambda t, s: t.api.compute.start_server(s),
    'pause': lambda t, s: t.api.compute.pause_server(s),
    'unpause': lambda t, s: t.api.compute.unpause_server(s),
    'suspend': lambda t, s: t.api.compute.suspend_server(s),
    'resume': lambda t, s: t.api.compute.resume_server(s),
    'password': lambda t, s: t.api.compute.change_server_password(s, 'a-new-secret'),
    'console': lambda t, s: t.api.compute.get_server_console_output(s),
    'rebuild': _rebuild,
    'snapshot': _snapshot,
    'attach': _attach,
    'detach': _detach,
    'resize': _resize,
    'confirm': lambda t, s: t.api.compute.confirm_server_resize(s),
    'revert': lambda t, s: t.api.compute.revert_server_resize(s),
    'rescue': lambda t, s: t.api.compute.rescue_server(s),
    'unrescue': lambda t, s: t.api.compute.unrescue_server(s),
    'shelve': lambda t, s: t.api.compute.shelve_server(s),
    'unshelve': lambda t, s: t.api.compute.unshelve_server(s),
    'delete': lambda t, s: t.api.compute.delete_server(s, ignore_missing=True),
}
