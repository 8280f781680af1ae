"""The Docker Remote API, as verbs the rest of the driver uses.

Each group of verbs has its module; :mod:`.session` is what they stand on.
"""

from collections.abc import Mapping

from nova_docker.engine import containers
from nova_docker.engine import images
from nova_docker.engine import session

EventStream = session.EventStream
Json = session.Json


class Engine(containers.Containers, images.Images):
    """One Docker engine."""

    def ping(self) -> None:
        """:raises EngineUnavailable: when the engine does not answer"""
        self._repeatable('ping', lambda: self._short.ping())

    def info(self) -> Json:
        """``GET /info``: the host as the engine sees it."""
        return self._repeatable('read its info', lambda: self._short.info())

    def events(self, labels: Mapping[str, str], since: int | None = None) -> EventStream:
        """Container events of containers with all these labels, as they come.

        :param since: a Unix time (seconds); events after it come first
        """
        filters = {'type': ['container'], 'label': containers.label_filter(labels)}
        return EventStream(self._call(
            'follow its events',
            lambda: self._endless.events(since=since, filters=filters, decode=True)))
