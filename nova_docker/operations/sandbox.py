"""The sandbox of an instance: the container that holds its network."""

import nova.conf
from nova.objects import instance as nova_instance
from oslo_log import log as logging

from nova_docker import exception
from nova_docker.engine import client
from nova_docker.operations import identity as instance_identity
from nova_docker.translate import container
from nova_docker.translate import naming

LOG = logging.getLogger(__name__)
CONF = nova.conf.CONF


class Sandboxes:
    """Makes, starts and removes sandboxes."""

    def __init__(self, engine: client.Engine) -> None:
        self._engine = engine
        self.image = ''

    def ensure_running(self, instance: nova_instance.Instance) -> int:
        """Have the instance's sandbox run, whatever there was before.

        :returns: its main process, seen from the host
        """
        name = naming.sandbox_name(instance.uuid)
        pid = self.find_running(instance.uuid)
        if pid:
            return pid
        try:
            self._engine.start_container(name)
        except exception.ContainerNotFound:
            self._create(instance, name)
            self._engine.start_container(name)
        return self._pid(name)

    def create_draft(self, instance: nova_instance.Instance) -> None:
        """Make a sandbox for a workload that is yet to be made.

        If a sandbox had its name already, the engine would put its id in the
        place of the name when it makes the workload, which could then join no
        other sandbox, ever.
        """
        self._create(instance, naming.draft_sandbox_name(instance.uuid))

    def start_draft(self, instance: nova_instance.Instance) -> int:
        """:returns: its main process, seen from the host"""
        name = naming.draft_sandbox_name(instance.uuid)
        self._engine.start_container(name)
        return self._pid(name)

    def finish_draft(self, instance_uuid: str) -> None:
        """Give it its name, now that the workload is made."""
        self._engine.rename_container(naming.draft_sandbox_name(instance_uuid),
                                      naming.sandbox_name(instance_uuid))

    def _create(self, instance: nova_instance.Instance, name: str) -> None:
        self._engine.create_container(name, container.sandbox_config(
            identity(instance), self.image, self._engine.api_version,
            has_store=instance_identity.needs_store(instance)))

    def _pid(self, name: str) -> int:
        return int(self._engine.inspect_container(name)['State']['Pid'])

    def find_running(self, instance_uuid: str) -> int | None:
        """The main process of the sandbox, None when it does not run."""
        try:
            state = self._engine.inspect_container(naming.sandbox_name(instance_uuid))['State']
        except exception.ContainerNotFound:
            return None
        return int(state['Pid']) if state['Running'] else None

    def stop(self, instance_uuid: str) -> None:
        """Stop it and with it the network; no error when absent."""
        try:
            self._engine.stop_container(naming.sandbox_name(instance_uuid), timeout=0)
        except exception.ContainerNotFound:
            LOG.debug('Instance %s has no sandbox', instance_uuid)

    def remove(self, instance_uuid: str) -> None:
        """Remove it, and with it the network namespace and the store; no error
        when absent."""
        for name in (naming.sandbox_name(instance_uuid),
                     naming.draft_sandbox_name(instance_uuid)):
            self._engine.remove_container(name)
        self._engine.remove_volume(naming.store_name(instance_uuid))


def identity(instance: nova_instance.Instance) -> container.Identity:
    """What identifies an instance's containers."""
    return container.Identity(
        uuid=instance.uuid, name=instance.name, host=CONF.host,
        hostname=instance.hostname or instance.name)
