"""The engine's images: ``/images`` of the Docker Remote API."""

from collections.abc import Iterable
from collections.abc import Iterator

from oslo_log import log as logging

from nova_docker import exception
from nova_docker.engine import session

LOG = logging.getLogger(__name__)
Json = session.Json
# urllib3 copies every piece that it sends.  The copy of a small one is made in memory
# that the allocator has at hand, that of a mebibyte in pages that the kernel must clear
# first, which cost more CPU than all the rest of sending.
_SENT_AT_ONCE = 128 << 10


class Images(session.Session):
    """The verbs of images, but for pulls."""

    def inspect_image(self, reference: str) -> Json:
        """:raises EngineImageNotFound: when the engine lacks it"""
        return self._repeatable(f'inspect image {reference}',
                                lambda: self._short.inspect_image(reference))

    def list_images(self, repository: str | None = None) -> list[Json]:
        """``GET /images/json``: all images, or those with a tag in that repository."""
        return self._repeatable(f'list images of {repository or "every repository"}',
                                lambda: self._short.images(name=repository))

    def layers_size(self) -> int:
        """``GET /system/df``: bytes of all layers, where a shared one counts once.

        An engine whose API is older than 1.42 looks at its volumes and containers,
        too, which may take long.
        """
        answer = self._repeatable('measure the layers', lambda: self._long._result(
            self._long._get(self._long._url('/system/df'), params={'type': 'image'}), True))
        # Since API 1.52 the sizes are in an object for each type.
        return int(answer['LayersSize'] if 'LayersSize' in answer
                   else answer['ImageUsage']['TotalSize'])

    def tag_image(self, reference: str, name: str) -> None:
        """``POST /images/{reference}/tag``: give an image one name more.

        :param name: repository:tag; it leaves the image that had it
        :raises EngineImageNotFound: when the engine lacks the image
        """
        repository, _, tag = name.rpartition(':')
        self._repeatable(f'tag image {reference} as {name}',
                         lambda: self._short.tag(reference, repository, tag))

    def load_image(self, archive: Iterable[bytes]) -> None:
        """``POST /images/load``: an archive as ``docker save`` writes it.

        :param archive: pieces of the archive; read once, as the engine takes
            them, so that memory does not grow with the image
        :raises ImageLoadFailed: when the engine refuses it
        """
        action = 'load an image archive'
        try:
            self._call(action, lambda: _finish(
                self._long.load_image(_in_parts(archive), quiet=True), action))
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


def _in_parts(pieces: Iterable[bytes]) -> Iterator[memoryview]:
    """The same bytes, a few at a time."""
    for piece in pieces:
        view = memoryview(piece)
        for start in range(0, len(view), _SENT_AT_ONCE):
            yield view[start:start + _SENT_AT_ONCE]


def _finish(lines: Iterable[Json], action: str) -> None:
    """Read a progress stream to its end; its errors come inside a 200."""
    for line in lines:
        if 'error' in line:
            raise exception.ImageLoadFailed(action=action, reason=str(line['error']).strip())
