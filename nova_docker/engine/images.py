"""The engine's images: ``/images`` of the Docker Remote API."""

from collections.abc import Iterable

from oslo_log import log as logging

from nova_docker import exception
from nova_docker.engine import session

LOG = logging.getLogger(__name__)
Json = session.Json


class Images(session.Session):
    """The verbs of images, but for pulls."""

    def inspect_image(self, reference: str) -> Json:
        """:raises EngineImageNotFound: when the engine lacks it"""
        return self._repeatable(f'inspect image {reference}',
                                lambda: self._short.inspect_image(reference))

    def list_images(self, repository: str) -> list[Json]:
        """``GET /images/json``: images with a tag in that repository."""
        return self._repeatable(f'list images of {repository}',
                                lambda: self._short.images(name=repository))

    def load_image(self, archive: Iterable[bytes]) -> None:
        """``POST /images/load``: an archive as ``docker save`` writes it.

        :param archive: pieces of the archive; read once, as the engine takes
            them, so that memory does not grow with the image
        :raises ImageLoadFailed: when the engine refuses it
        """
        action = 'load an image archive'
        try:
            self._call(action, lambda: _finish(
                self._long.load_image(iter(archive), quiet=True), action))
        except (exception.EngineRejected, exception.EngineConflict) as e:
            raise exception.ImageLoadFailed(
                action=action, reason=e.kwargs['reason']) from e


    def remove_image(self, reference: str) -> None:
        """Remove a tag, and the image when it was its last; none is fine.

        :raises EngineConflict: when a container uses the image
        """
        try:
            self._repeatable(f'remove image {reference}',
                             lambda: self._short.remove_image(reference))
        except exception.EngineImageNotFound:
            LOG.debug('Image %s is gone already', reference)


def _finish(lines: Iterable[Json], action: str) -> None:
    """Read a progress stream to its end; its errors come inside a 200."""
    for line in lines:
        if 'error' in line:
            raise exception.ImageLoadFailed(action=action, reason=str(line['error']).strip())
