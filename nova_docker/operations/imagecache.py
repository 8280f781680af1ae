"""The image cache: what no instance has used for long is removed."""

from collections.abc import Sequence
import time
import typing as ty

from nova import context as nova_context
import nova.conf
from nova.objects import instance as nova_instance
from oslo_log import log as logging

from nova_docker import exception
from nova_docker import images
from nova_docker import pulls
from nova_docker.engine import client
from nova_docker.translate import container
from nova_docker.translate import image as image_translation
from nova_docker.translate import imagecache

LOG = logging.getLogger(__name__)
CONF = nova.conf.CONF


class ImageCache:
    """The images that the driver brought onto the engine."""

    def __init__(self, engine: client.Engine, image_store: images.Images) -> None:
        self._engine = engine
        self._images = image_store

    def fetch(self, context: nova_context.RequestContext, image_id: str) -> bool:
        """Have an image of Glance, or what it names in a registry, before a boot.

        :returns: whether it was absent, or is another than it was
        :raises: what :meth:`nova_docker.images.Images.ensure` raises, and
            ImageNotFound or ImageNotAuthorized of Nova
        """
        checksum, properties = self._images.describe(context, image_id)
        source = image_translation.image_source(image_id, checksum, properties)
        present = self._find(source.reference)
        ready = self._images.ensure(context, source)
        found = imagecache.cached_image(self._engine.inspect_image(ready.digest))
        if found:
            self._note_use(found)
        is_new = ready.digest != present
        LOG.info('Image %s is %s', image_id, 'cached' if is_new else 'here already')
        return is_new

    def _find(self, reference: str) -> str | None:
        try:
            return str(self._engine.inspect_image(reference)['Id'])
        except exception.EngineImageNotFound:
            return None

    def age(self, instances: Sequence[nova_instance.Instance]) -> None:
        """Remove the images that were not in use for as long as Nova's options say.

        Options: [image_cache]/remove_unused_base_images and
        remove_unused_original_minimum_age_seconds.  The age of an image begins when
        it is first seen unused.

        :param instances: of this host; a container that is still to be made does
            not show yet whose image it needs
        """
        cached = [found for found in map(imagecache.cached_image, self._engine.list_images())
                  if found]
        unused = self._unused(cached, instances)
        for image in cached:
            if image not in unused or image.last_used is None:
                self._note_use(image)
        freed = self._remove([image for image in unused if _is_old(image)])
        LOG.info('Image cache: %d images, %d unused; %s', len(cached), len(unused), freed)

    def _unused(self, cached: Sequence[imagecache.CachedImage],
                instances: Sequence[nova_instance.Instance]) -> list[imagecache.CachedImage]:
        """By no container, whosever it is, and by no instance of this host."""
        used = {image for entry in self._engine.list_containers({})
                for image in (entry['ImageID'], container.listed_origin(entry))}
        booted = {instance.image_ref for instance in instances
                  if instance.image_ref and instance.host == CONF.host}
        return [image for image in cached if image.id not in used
                and not any(map(image.is_of, booted))]

    def _note_use(self, image: imagecache.CachedImage) -> None:
        """Killed in between it leaves two times, of which the later counts."""
        now = imagecache.used_tag(image.id, int(time.time()))
        try:
            self._engine.tag_image(image.id, now)
        except exception.EngineImageNotFound:
            LOG.debug('Image %s was removed meanwhile', image.id)
            return
        for tag in image.time_tags:
            if tag != now:
                self._engine.remove_image(tag)

    # Removal -----------------------------------------------------------------------

    def _remove(self, old: list[imagecache.CachedImage]) -> str:
        """:returns: what was done, for the log"""
        if not old:
            return 'none is old enough to be removed'
        before = self._engine.layers_size()
        removed = [image for image in old if self._remove_one(image)]
        freed = before - self._engine.layers_size()
        return f'removed {len(removed)} and with them {freed >> 20} MiB of layers'

    def _remove_one(self, image: imagecache.CachedImage) -> bool:
        """Remove an image, unless a boot has begun to use it.

        A boot that was told that the image is here and finds it gone fetches it
        anew; one that has made its container keeps the image, because the engine
        refuses to remove its last name.
        """
        with pulls.exclusive(*image.names):
            try:
                now = imagecache.cached_image(self._engine.inspect_image(image.id))
                if now is None or now.names != image.names:
                    return False
                for name in image.names:
                    self._engine.remove_image(name)
            except exception.EngineImageNotFound:
                return False
            except exception.EngineConflict as e:
                LOG.debug('Image %s stays: %s', image.names[-1], e)
                self._restore(image)
                return False
        LOG.info('Removed image %s, unused since %d s', image.names[-1],
                 int(time.time()) - ty.cast(int, image.last_used))
        return True

    def _restore(self, image: imagecache.CachedImage) -> None:
        """Give it back its names; a digest is no name that can be given."""
        for name in image.names:
            if '@' not in name and name not in image.time_tags:
                self._engine.tag_image(image.id, name)
        self._note_use(image)


def _is_old(image: imagecache.CachedImage) -> bool:
    options = CONF.image_cache
    return (options.remove_unused_base_images and image.last_used is not None
            and time.time() - image.last_used
            > options.remove_unused_original_minimum_age_seconds)
