"""Images of registries: pulled when they are absent or asked for anew."""

from collections.abc import Callable
from collections.abc import Iterator
from concurrent import futures
import contextlib
import itertools
import platform
import threading
import time

import nova.conf
from oslo_concurrency import lockutils
from oslo_log import log as logging

from nova_docker import credentials
from nova_docker import exception
from nova_docker.engine import client
from nova_docker.translate import imagecache
from nova_docker.translate import platforms
from nova_docker.translate import reference as references

LOG = logging.getLogger(__name__)
CONF = nova.conf.CONF

_ALWAYS = 'always'
# Seconds between the attempts to pull one image.  Where nobody answers at all,
# a mistake in the reference is likelier than a registry that comes back.
_PAUSES = (1, 2, 4, 8, 16)
_PAUSES_FOR_NOBODY = _PAUSES[:2]


@contextlib.contextmanager
def exclusive(*names: str) -> Iterator[None]:
    """Let nobody else fetch or remove the image of these names."""
    with contextlib.ExitStack() as locks:
        for name in sorted({*map(references.canonical, names)}):
            locks.enter_context(lockutils.lock(f'nova-docker-image-{name}'))
        yield


class Pulls:
    """Pulls images of registries."""

    def __init__(self, engine: client.Engine) -> None:
        self._engine = engine
        self._shared = _Shared()
        self._platform = platforms.of_machine(platform.machine())

    def ensure(self, reference: str, anew: bool = False) -> client.Json:
        """Have an image on the engine, and say which it is.

        :param reference: with its registry spelled out
        :param anew: ask the registry, whatever the engine has
        :returns: the image, inspected
        :raises EngineImageNotFound, EngineRejected: a reference that the
            registry does not have, or that is none
        :raises PlatformNotFound: it is for other machines than this host
        :raises ImagePullFailed: the registry cannot be used, and
            [docker]/pull_policy does not let the image on the engine do
        :raises CredentialsUnusable: [docker]/registry_auth_file cannot be used
        """
        always = CONF.docker.pull_policy == _ALWAYS
        present = self._find(reference)
        if present and not (anew or always):
            return self._suited(reference, present)
        try:
            return self._shared.once(
                reference, lambda: self._pull_as_ours(reference, present))
        except exception.RegistryUnavailable as e:
            if always or present is None:
                raise
            LOG.warning('Going on with image %s as the engine has it: %s', reference, e)
            return self._suited(reference, present)

    def _find(self, reference: str) -> client.Json | None:
        try:
            return self._engine.inspect_image(reference)
        except exception.EngineImageNotFound:
            return None

    def _pull_as_ours(self, reference: str, before: client.Json | None) -> client.Json:
        """Pull, and let the image cache know the image from those of others.

        :param before: what the engine has under that name
        """
        with exclusive(reference):
            image = self._pull(reference, before)
            if before is None or imagecache.was_pulled(before, reference):
                self._engine.tag_image(image['Id'],
                                       imagecache.pulled_tag(image['Id'], reference))
        return image

    def _pull(self, reference: str, before: client.Json | None) -> client.Json:
        """:param before: what the engine has under that name"""
        LOG.info('Pulling image %s', reference)
        access = credentials.for_image(reference)
        try:
            self._pull_patiently(reference, access)
        except exception.PlatformNotFound as e:
            # Docker 26 refuses one that says only in its configuration what it is
            # for, and keeps it.
            self._remove_unless(before, reference)
            raise self._unsuited(reference, self._offered(reference, access)) from e
        image = self._engine.inspect_image(reference)
        try:
            return self._suited(reference, image)
        except exception.PlatformNotFound:
            self._remove_unless(before, reference)
            raise

    def _pull_patiently(self, reference: str, access: dict[str, str]) -> None:
        """Pull; try again while the registry may recover and there is time."""
        deadline = time.monotonic() + CONF.docker.pull_timeout
        for attempt in itertools.count():
            try:
                self._engine.pull_image(reference, credentials=access, platform=self._platform,
                                        seconds=max(deadline - time.monotonic(), 1))
                return
            except exception.RegistryUnavailable as e:
                pause = _pause(e, attempt)
                if pause is None or time.monotonic() + pause >= deadline:
                    raise
                LOG.warning('Trying image %s again in %d s: %s', reference, pause, e)
                time.sleep(pause)

    # Platforms -----------------------------------------------------------------

    def _suited(self, reference: str, image: client.Json) -> client.Json:
        """:raises PlatformNotFound: an image that cannot run here"""
        if not platforms.runs(self._platform, image):
            offered = platforms.spelled([{'os': image['Os'],
                                          'architecture': image['Architecture']}])
            raise self._unsuited(reference, offered)
        return image

    def _unsuited(self, reference: str, offered: str) -> exception.PlatformNotFound:
        return exception.PlatformNotFound(
            action=f'pull image {reference}',
            reason=f'it is for {offered} and not for {self._platform}')

    def _offered(self, reference: str, access: dict[str, str]) -> str:
        try:
            return platforms.spelled(
                self._engine.image_platforms(reference, credentials=access))
        except exception.EngineError as e:
            LOG.warning('The registry does not say what image %s is for: %s', reference, e)
            return 'other platforms'

    def _remove_unless(self, before: client.Json | None, reference: str) -> None:
        """Remove what a pull left under the name, unless it was there before."""
        image = self._find(reference)
        if image is None or (before is not None and before['Id'] == image['Id']):
            return
        try:
            self._engine.remove_image(reference)
        except exception.EngineConflict as e:
            LOG.debug('Image %s stays: %s', reference, e)


def _pause(error: exception.RegistryUnavailable, attempt: int) -> int | None:
    """Seconds to wait after a failed attempt; None is to give up."""
    nobody = isinstance(error, exception.RegistryUnreachable)
    pauses = _PAUSES_FOR_NOBODY if nobody else _PAUSES
    return pauses[attempt] if attempt < len(pauses) else None


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
