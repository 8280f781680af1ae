"""The sandbox of an instance: the container that holds its network."""

import nova.conf
from nova.objects import instance as nova_instance
from oslo_log import log as logging

from nova_docker import exception
from nova_docker.engine import client
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
            self._engine.create_container(name, container.sandbox_config(
                identity(instance), self.image, self._engine.api_version))
            self._engine.start_container(name)
        return int(self._engine.inspect_container(name)['State']['Pid'])

    def find_running(self, instance_uuid: str) -> int | None:
        """The main process of the sandbox, None when it does not run."""
        try:
            state = self._engine.inspect_container(naming.sandbox_name(instance_uuid))['State']
        except exception.ContainerNotFound:
            return None
        return int(state['Pid']) if state['Running'] else None

    def stop(self, instance_uuid: str) -> None:
        """Stop it and with it the network; no error when absent.

        It stays for its workload, which can join no other: the engine replaces
        the sandbox's name by its id when it makes the workload.
        """
        try:
            self._engine.stop_container(naming.sandbox_name(instance_uuid), timeout=0)
        except exception.ContainerNotFound:
            LOG.debug('Instance %s has no sandbox', instance_uuid)

    def remove(self, instance_uuid: str) -> None:
        """Remove it and with it the network namespace; no error when absent."""
        self._engine.remove_container(naming.sandbox_name(instance_uuid))


def identity(instance: nova_instance.Instance) -> container.Identity:
    """What identifies an instance's containers."""
    return container.Identity(
        uuid=instance.uuid, name=instance.name, host=CONF.host,
        hostname=instance.hostname or instance.name)
