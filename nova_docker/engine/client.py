"""The Docker Remote API, as verbs the rest of the driver uses.

Each group of verbs has its module; :mod:`.session` is what they stand on.
"""

from collections.abc import Mapping
import contextlib
import typing as ty

from nova_docker.engine import commits
from nova_docker.engine import containers
from nova_docker.engine import files
from nova_docker.engine import images
from nova_docker.engine import pulls
from nova_docker.engine import session
from nova_docker.engine import terminals
from nova_docker.engine import tls
from nova_docker.engine import volumes

EventStream = session.EventStream
File = files.File
Folder = files.Folder
Kind = files.Kind
Found = files.Found
Json = session.Json
Terminal = terminals.Terminal


class Engine(commits.Commits, containers.Containers, files.Files, images.Images,
             pulls.Pulls, terminals.Terminals, volumes.Volumes):
    """One Docker engine."""

    def ping(self) -> None:
        """:raises EngineUnavailable: when the engine does not answer"""
        self._repeatable('ping', lambda: self._short.ping())

    def ping_anew(self) -> None:
        """Ping on a connection of its own.

        An engine that is being stopped goes on answering on those that it has.

        :raises EngineUnavailable: when the engine takes no connection
        """
        with contextlib.closing(self._call('connect', lambda: self._session(
                self._timeout, self._short.api_version))) as session:
            self._call('ping', session.ping)

    def info(self) -> Json:
        """``GET /info``: the host as the engine sees it."""
        return self._repeatable('read its info', lambda: self._short.info())

    def version(self) -> Json:
        """``GET /version``: which engine it is, and of which components."""
        return self._repeatable('read its version', lambda: self._short.version())

    def events(self, labels: Mapping[str, str], since: int | None = None) -> EventStream:
        """Container events of containers with all these labels, as they come.

        :param since: a Unix time (seconds); events after it come first
        """
        filters = {'type': ['container'], 'label': containers.label_filter(labels)}
        return EventStream(self._call(
            'follow its events',
            lambda: self._endless.events(since=since, filters=filters, decode=True)))


def from_configuration(conf: ty.Any) -> Engine:
    """The engine of the group [docker], with a connection for every thread that
    Nova may send: builds, snapshots, power syncs and RPC workers.

    :param conf: Nova's configuration with the options of :mod:`nova_docker.conf`
    """
    docker = conf.docker
    security = tls.Security(docker.tls_ca_file, docker.tls_cert_file, docker.tls_key_file,
                            docker.insecure_tcp)
    pool = conf.max_concurrent_builds + conf.max_concurrent_snapshots + 64
    return Engine(docker.engine_url, security=security, timeout=docker.engine_timeout,
                  stream_timeout=docker.stream_timeout, pool_size=pool)
