"""The engine's volumes: ``/volumes`` of the Docker Remote API.

The engine makes a volume when a container is made that mounts it.
"""

from collections.abc import Mapping

from oslo_log import log as logging

from nova_docker import exception
from nova_docker.engine import containers
from nova_docker.engine import session

LOG = logging.getLogger(__name__)
Json = session.Json


class Volumes(session.Session):
    """The verbs of volumes."""

    def list_volumes(self, labels: Mapping[str, str]) -> list[Json]:
        """``GET /volumes``: all volumes with all these labels."""
        found = self._repeatable('list volumes', lambda: self._short.volumes(
            filters={'label': containers.label_filter(labels)}))
        return found['Volumes'] or []

    def remove_volume(self, name: str) -> None:
        """``DELETE /volumes/{name}``; no error when absent.

        :raises EngineConflict: when a container mounts it
        """
        try:
            self._repeatable(f'remove volume {name}', lambda: self._short.remove_volume(name))
        except exception.EngineImageNotFound:
            LOG.debug('Volume %s is gone already', name)
