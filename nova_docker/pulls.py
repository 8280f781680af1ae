"""Images of registries: pulled when they are absent or asked for anew."""

from collections.abc import Callable
from concurrent import futures
import threading

import nova.conf
from oslo_log import log as logging

from nova_docker import exception
from nova_docker.engine import client

LOG = logging.getLogger(__name__)
CONF = nova.conf.CONF

_ALWAYS = 'always'


class Pulls:
    """Pulls images of registries."""

    def __init__(self, engine: client.Engine) -> None:
        self._engine = engine
        self._shared = _Shared()

    def ensure(self, reference: str, anew: bool = False) -> client.Json:
        """Have an image on the engine, and say which it is.

        :param reference: with its registry spelled out
        :param anew: ask the registry, whatever the engine has
        :returns: the image, inspected
        :raises EngineImageNotFound, EngineRejected: a reference that the
            registry does not have, or that is none
        :raises ImagePullFailed: the registry cannot be used, and
            [docker]/pull_policy does not let the image on the engine do
        """
        always = CONF.docker.pull_policy == _ALWAYS
        present = self._find(reference)
        if present and not (anew or always):
            return present
        try:
            return self._shared.once(reference, lambda: self._pull(reference))
        except exception.ImagePullFailed as e:
            if always or present is None:
                raise
            LOG.warning('Going on with image %s as the engine has it: %s', reference, e)
            return present

    def _find(self, reference: str) -> client.Json | None:
        try:
            return self._engine.inspect_image(reference)
        except exception.EngineImageNotFound:
            return None

    def _pull(self, reference: str) -> client.Json:
        LOG.info('Pulling image %s', reference)
        self._engine.pull_image(reference)
        return self._engine.inspect_image(reference)


class _Shared:
    """Work under a name, done once for all who ask for it while it is done."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._under_way: dict[str, futures.Future[client.Json]] = {}

    def once(self, name: str, work: Callable[[], client.Json]) -> client.Json:
        """Do the work, or wait for who does it; nothing is remembered after.

        :raises: whatever the work raised, for everybody who waited
        """
        mine: futures.Future[client.Json] = futures.Future()
        with self._guard:
            shared = self._under_way.setdefault(name, mine)
        if shared is not mine:
            return shared.result()
        try:
            mine.set_result(work())
        except BaseException as e:  # noqa: BLE001  raised again for all who wait
            mine.set_exception(e)
        finally:
            with self._guard:
                del self._under_way[name]
        return mine.result()
