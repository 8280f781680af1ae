"""Snapshots: from a stream into Glance."""

from collections.abc import Iterable

from nova import context as nova_context
from nova import exception as nova_exception
from nova.image import glance
from oslo_log import log as logging

from nova_docker import exception
from nova_docker.translate import image as image_translation

LOG = logging.getLogger(__name__)

_CHUNK = 256 << 10


class _Stream:
    """Pieces as the file that Glance's client reads, counted."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._held = b''
        self.size = 0

    def read(self, size: int) -> bytes:
        """As many of the next pieces as fit; one that is longer by itself.

        Each read is a chunk of the upload. The engine's own pieces of 32 KiB would
        cost many, and those of 1 MiB that are asked for cost both sides more again.
        """
        size = min(size, _CHUNK)
        parts, total, self._held = [self._held], len(self._held), b''
        while total < size and (piece := next(self._pieces, None)) is not None:
            if total and total + len(piece) > size:
                self._held = piece
                break
            parts.append(piece)
            total += len(piece)
        self.size += total
        return b''.join(parts)


class Uploads:
    """Puts archives into Glance."""

    def __init__(self) -> None:
        self._glance = glance.API()

    def upload(self, context: nova_context.RequestContext, image_id: str,
               properties: dict[str, str], pieces: Iterable[bytes]) -> int:
        """Fill an image that Nova has made; on failure delete it.

        :param properties: what to set beside the properties that it has
        :returns: bytes
        :raises ImageNotFound: somebody deleted the image
        :raises UploadFailed: Glance has fewer bytes than were sent
        """
        stream = _Stream(pieces)
        try:
            self._glance.update(context, image_id, {
                'disk_format': 'raw', 'container_format': 'docker',
                'properties': {**self._without_reference(context, image_id), **properties},
            }, data=stream)
            self._check_size(context, image_id, stream.size)
        except Exception:
            self._delete(context, image_id)
            raise
        return stream.size

    def _without_reference(self, context: nova_context.RequestContext,
                           image_id: str) -> dict[str, str]:
        """Nova copies the properties of the instance's image; what is in
        Glance is booted, and no longer what the registry has."""
        key = image_translation.REFERENCE_PROPERTY
        image = self._glance.get(context, image_id)
        return {key: ''} if key in image.get('properties', ()) else {}

    def _check_size(self, context: nova_context.RequestContext, image_id: str,
                    sent: int) -> None:
        """Nova's client repeats an upload that broke, with the rest of the
        stream: Glance takes it for the whole."""
        stored = self._glance.get(context, image_id)['size']
        if stored != sent:
            raise exception.UploadFailed(image_id=image_id, sent=sent, stored=stored)

    def _delete(self, context: nova_context.RequestContext, image_id: str) -> None:
        try:
            self._glance.delete(context, image_id)
        except nova_exception.ImageNotFound:
            LOG.debug('Image %s is gone already', image_id)
        except nova_exception.NovaException:
            LOG.exception('Could not delete image %s, whose upload failed', image_id)
