"""The engine's containers: ``/containers`` of the Docker Remote API."""

import collections
from collections.abc import Iterable
from collections.abc import Mapping
import typing as ty

from oslo_log import log as logging

from nova_docker import exception
from nova_docker.engine import session

LOG = logging.getLogger(__name__)
Json = session.Json


class Containers(session.Session):
    """The verbs of containers."""

    def list_containers(self, labels: Mapping[str, str]) -> list[Json]:
        """``GET /containers/json``: all containers with all these labels."""
        return self._repeatable(
            'list containers',
            lambda: self._short.containers(
                all=True, filters={'label': label_filter(labels)}))

    def inspect_container(self, name: str) -> Json:
        """:raises ContainerNotFound: when there is none of that name"""
        return self._repeatable(
            f'inspect container {name}',
            lambda: self._short.inspect_container(name))

    def create_container(self, name: str, config: Json) -> str:
        """``POST /containers/create`` with the JSON as it is.

        :returns: the container's id
        :raises EngineConflict: when the name is taken
        :raises EngineImageNotFound: when the engine lacks the image
        :raises EngineRejected: when the engine refuses the configuration
        """
        answer = self._call(
            f'create container {name}',
            lambda: self._short.create_container_from_config(config, name))
        for warning in answer.get('Warnings') or ():
            LOG.debug('Engine about container %s: %s', name, warning)
        return ty.cast(str, answer['Id'])

    def start_container(self, name: str) -> None:
        """Start it; no error when it runs already.

        :raises CommandNotRunnable: when the image lacks the command
        """
        self._repeatable(f'start container {name}', lambda: self._short.start(name))

    def stop_container(self, name: str, timeout: int) -> None:
        """Send the image's stop signal, then kill after ``timeout`` seconds.

        No error when it is stopped already.
        """
        self._repeatable(f'stop container {name}',
                         lambda: self._short.stop(name, timeout=timeout))

    def update_container(self, name: str, changes: Json) -> None:
        """``POST /containers/{id}/update`` with the JSON as it is, in whatever state
        the container is.

        :raises EngineConflict: when the limits contradict each other
        :raises EngineRejected: when the engine refuses a limit
        """
        answer = self._repeatable(f'update container {name}',
                                  lambda: self._post_update(name, changes))
        for warning in answer.get('Warnings') or ():
            LOG.debug('Engine about container %s: %s', name, warning)

    def _post_update(self, name: str, changes: Json) -> Json:
        # The SDK's own method knows no limit of processes.
        return ty.cast(Json, self._short._result(self._short._post_json(
            self._short._url('/containers/{0}/update', name), data=changes), json=True))

    def pause_container(self, name: str) -> None:
        """:raises EngineConflict: when it is paused already or not running"""
        self._call(f'pause container {name}', lambda: self._short.pause(name))

    def unpause_container(self, name: str) -> None:
        """:raises EngineError: when it is not paused"""
        self._call(f'unpause container {name}', lambda: self._short.unpause(name))

    def remove_container(self, name: str) -> None:
        """Kill and remove it with its anonymous volumes; no error when absent."""
        try:
            self._repeatable(
                f'remove container {name}',
                lambda: self._short.remove_container(name, v=True, force=True))
        except exception.ContainerNotFound:
            LOG.debug('Container %s is gone already', name)
        except exception.EngineConflict as e:
            # "removal of container ... is already in progress"
            if 'in progress' not in str(e):
                raise

    def rename_container(self, name: str, new_name: str) -> None:
        """``POST /containers/{id}/rename``, in whatever state it is.

        :raises ContainerNotFound: when there is none of that name
        :raises EngineConflict: when the new name is taken
        """
        self._call(f'rename container {name} to {new_name}',
                   lambda: self._short.rename(name, new_name))

    def container_stats(self, name: str) -> Json:
        """``GET /containers/{name}/stats``, once: what it has used until now.

        One that does not run has used nothing, and no memory is told.

        :raises ContainerNotFound: when there is none of that name
        """
        return self._repeatable(
            f'read the counters of container {name}',
            lambda: self._short.stats(name, stream=False, one_shot=True))

    def tail_logs(self, name: str, *, lines: int, max_bytes: int) -> bytes:
        """The end of a TTY container's output.

        :returns: at most ``max_bytes`` bytes of at most ``lines`` lines
        """
        return self._repeatable(
            f'read the logs of container {name}',
            lambda: self._read_logs(name, lines, max_bytes))

    def _read_logs(self, name: str, lines: int, max_bytes: int) -> bytes:
        response = self._short._get(
            self._short._url('/containers/{0}/logs', name), stream=True,
            params={'stdout': 1, 'stderr': 1, 'tail': lines})
        with response:
            self._short._raise_for_status(response)
            return _tail(response.iter_content(65536), max_bytes)


def _tail(chunks: Iterable[bytes], max_bytes: int) -> bytes:
    """The last bytes of a stream, holding little more than that in memory."""
    kept: collections.deque[bytes] = collections.deque()
    size = 0
    for chunk in chunks:
        kept.append(chunk)
        size += len(chunk)
        while size - len(kept[0]) >= max_bytes:
            size -= len(kept.popleft())
    return b''.join(kept)[-max_bytes:]


def label_filter(labels: Mapping[str, str]) -> list[str]:
    return [f'{key}={value}' for key, value in labels.items()]
