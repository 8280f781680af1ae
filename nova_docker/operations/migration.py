"""A resize: an instance gets another flavor, and may go to another host for it.

Nova's order: ``leave`` on the source, ``arrive`` on the destination, and when the
user has decided ``confirm`` on the source, or ``revert`` on it, after the
destination has destroyed what it had.
"""

from collections.abc import Iterator
import contextlib
import typing as ty

from nova import exception as nova_exception
import nova.conf
from nova.network import model as network_model
from nova.objects import flavor as nova_flavor
from nova.objects import instance as nova_instance
from oslo_log import log as logging

from nova_docker import exception
from nova_docker.operations import allowance
from nova_docker.operations import lifecycle

LOG = logging.getLogger(__name__)
CONF = nova.conf.CONF


class Transfer(ty.Protocol):
    """How the files of an instance come to the host where it goes on."""

    def send(self, instance: nova_instance.Instance) -> str:
        """On the source.  :returns: what ``receive`` needs, Nova's disk_info"""

    def receive(self, instance: nova_instance.Instance, disk_info: str) -> None:
        """On the destination: have the instance's containers here, stopped."""

    def forget(self, instance: nova_instance.Instance) -> None:
        """On the source: remove what is no longer needed there."""


class InPlace:
    """The destination is the source: the containers stay what they are."""

    def send(self, instance: nova_instance.Instance) -> str:
        return ''

    def receive(self, instance: nova_instance.Instance, disk_info: str) -> None:
        """They are here."""

    def forget(self, instance: nova_instance.Instance) -> None:
        """They are the instance."""


class Migrations:
    """Resizes instances."""

    def __init__(self, life: lifecycle.Lifecycle, allowances: allowance.Allowances) -> None:
        self._lifecycle = life
        self._allowances = allowances

    def leave(self, instance: nova_instance.Instance, address: str,
              flavor: nova_flavor.Flavor, timeout: int) -> str:
        """Check that the resize can be done, and stop the instance if it must be.

        In place, an instance whose limits an update changes goes on running, unless
        it gets less memory.

        :param address: of the destination, its [DEFAULT]/my_ip
        :param timeout: seconds that its process has to end by itself
        :returns: Nova's disk_info
        :raises InstanceFaultRollback: it cannot be done; nothing has changed
        """
        with _refusal():
            transfer = _transfer(address == CONF.my_ip)
            _refuse_smaller_disk(instance.flavor, flavor)
            with lifecycle.known(instance):
                must_stop = self._allowances.needs_stop(instance, flavor)
        if must_stop:
            self._lifecycle.power_off(instance, timeout)
        return transfer.send(instance)

    def arrive(self, migration: ty.Any, instance: nova_instance.Instance, disk_info: str,
               network_info: network_model.NetworkInfo, power_on: bool) -> None:
        """Give the instance what its flavor, which is the new one, allows.

        :raises InstanceNotFound: when its container is absent
        """
        _transfer(_is_in_place(migration)).receive(instance, disk_info)
        self._go_on(instance, network_info, power_on)

    def confirm(self, migration: ty.Any, instance: nova_instance.Instance) -> None:
        """Remove what only a revert would have needed."""
        _transfer(_is_in_place(migration)).forget(instance)

    def revert(self, instance: nova_instance.Instance,
               network_info: network_model.NetworkInfo, power_on: bool) -> None:
        """Give the instance what its flavor, which is the old one again, allows;
        also after nova-compute died in ``leave``.

        :raises InstanceNotFound: when its container is absent
        """
        self._go_on(instance, network_info, power_on)

    def _go_on(self, instance: nova_instance.Instance,
               network_info: network_model.NetworkInfo, power_on: bool) -> None:
        with lifecycle.exclusive(instance.uuid), lifecycle.known(instance), _refused_flavor():
            self._allowances.apply(instance)
        if power_on:
            self._lifecycle.resume(instance, network_info)


def _transfer(in_place: bool) -> Transfer:
    """:raises MigrationError: there is none to another host"""
    if not in_place:
        raise nova_exception.MigrationError(reason=(
            'the operator must set allow_resize_to_same_host for nova-api, because the Docker '
            'driver resizes on the instance\'s own host only, which must have room'))
    return InPlace()


def _is_in_place(migration: ty.Any) -> bool:
    return bool(migration.source_compute == migration.dest_compute)


def _refuse_smaller_disk(old: nova_flavor.Flavor, new: nova_flavor.Flavor) -> None:
    """As Nova's other drivers do, whether or not the host limits the disk."""
    if new.root_gb < old.root_gb:
        raise nova_exception.ResizeError(reason=(
            f'choose a flavor with a disk of at least {old.root_gb} GiB: a disk does not become '
            f'smaller'))


@contextlib.contextmanager
def _refused_flavor() -> Iterator[None]:
    """:raises ResizeError: the engine does not take what the flavor grants"""
    try:
        yield
    except exception.EngineRejected as e:
        raise nova_exception.ResizeError(reason=(
            f'have an administrator set the server\'s state to active, reboot it hard, and '
            f'choose another flavor, because the Docker engine refuses this one: '
            f'{e.kwargs["reason"]}')) from e


@contextlib.contextmanager
def _refusal() -> Iterator[None]:
    """Have Nova leave the instance in the state that it was in."""
    try:
        yield
    except nova_exception.NovaException as e:
        raise nova_exception.InstanceFaultRollback(inner_exception=e) from e
