"""Images: from Glance or a registry onto the engine."""

import dataclasses

from nova import context as nova_context
import nova.conf
from nova.image import glance
from oslo_log import log as logging

from nova_docker import archives
from nova_docker import exception
from nova_docker import pulls
from nova_docker.engine import client
from nova_docker.translate import archive
from nova_docker.translate import image as image_translation
from nova_docker.translate import reference
from nova_docker.translate import sandbox

LOG = logging.getLogger(__name__)
CONF = nova.conf.CONF


@dataclasses.dataclass(frozen=True)
class ReadyImage:
    """An image on the engine.

    :param digest: its id there
    :param is_new: whether a boot that fails shall take it away again
    :param pinned: what the tag of a registry image was resolved to, as
        ``<registry>/<path>@sha256:...``; '' for any other image
    """

    digest: str
    is_new: bool
    pinned: str = ''


class Images:
    """Brings images onto the engine."""

    def __init__(self, engine: client.Engine) -> None:
        self._engine = engine
        self._archives = archives.Archives(engine)
        self._pulls = pulls.Pulls(engine)
        self._glance = glance.API()

    def ensure(self, context: nova_context.RequestContext,
               source: image_translation.ImageSource, root_gb: int = 0,
               certificates: archives.TrustedCerts = None, anew: bool = False) -> ReadyImage:
        """Have the image on the engine, fetching it at most once at a time.

        :param root_gb: the disk of the flavor; 0 is any size
        :param certificates: the certificates that may sign an image of Glance
        :param anew: ask the registry what a tag stands for, whatever the engine has
        :raises ImageTooLarge: for the flavor, or for [docker]/max_image_gb
        :raises InvalidInput: an image that [docker]/registry_allow does not
            allow, even if the engine has it
        :raises InvalidArchive, ImageLoadFailed: what Glance has is no image
        :raises EngineImageNotFound, EngineRejected: a reference that the
            registry does not have, or that is none
        :raises ImagePullFailed: the registry cannot be used
        """
        if not source.in_glance:
            reference.require_allowed(source.reference, CONF.docker.registry_allow)
            image = self._pulls.ensure(source.reference, anew)
            return ReadyImage(image['Id'], is_new=False, pinned=reference.pinned(
                source.reference, image['RepoDigests'] or ()))
        present = self._find(source, root_gb)
        if present:
            return ReadyImage(present, is_new=False)
        with pulls.exclusive(source.reference):
            present = self._find(source, root_gb)
            if present:
                return ReadyImage(present, is_new=False)
            self._fetch(context, source, root_gb, certificates)
            digest = self._engine.inspect_image(source.reference)['Id']
            return ReadyImage(digest, is_new=True)

    def describe(self, context: nova_context.RequestContext,
                 image_id: str) -> tuple[str | None, dict[str, str]]:
        """What Glance says of an image: its checksum and all of its properties.

        Nova's ImageMeta drops the properties that it does not know.

        :raises ImageNotFound: there is none, or the user may not see it
        """
        image = self._glance.get(context, image_id)
        return image['checksum'], image['properties']

    def _find(self, source: image_translation.ImageSource, root_gb: int) -> str | None:
        try:
            image = self._engine.inspect_image(source.reference)
        except exception.EngineImageNotFound:
            return None
        if root_gb and image['Size'] > root_gb << 30:
            raise exception.ImageTooLarge(allowed=_allowance(root_gb).what)
        return str(image['Id'])

    def _fetch(self, context: nova_context.RequestContext,
               source: image_translation.ImageSource, root_gb: int,
               certificates: archives.TrustedCerts) -> None:
        LOG.info('Loading image %s from Glance', source.image_id)
        self._archives.load(context, source.image_id, source.reference, _allowance(root_gb),
                            certificates)

    def forget(self, source: image_translation.ImageSource) -> None:
        """Take an image off the engine, unless an instance uses it."""
        try:
            self._engine.remove_image(source.reference)
        except exception.EngineConflict as e:
            LOG.debug('Image %s stays: %s', source.reference, e)

    def ensure_sandbox(self, architecture: str, configured: str | None) -> str:
        """Have the sandbox's image on the engine.

        :param architecture: machine name of the host
        :param configured: [docker]/sandbox_image
        :returns: its id on the engine
        :raises EngineImageNotFound: a configured image that is absent
        :raises EngineRejected: there is no program for the architecture
        """
        if configured:
            return str(self._engine.inspect_image(configured)['Id'])
        if architecture not in sandbox.supported_architectures():
            raise exception.EngineRejected(
                action='make the sandbox image',
                reason=f'there is no program for {architecture}; name an image that '
                       f'sleeps in [docker]/sandbox_image')
        tag, content = sandbox.image(architecture)
        try:
            return str(self._engine.inspect_image(tag)['Id'])
        except exception.EngineImageNotFound:
            self._engine.load_image([content])
            return str(self._engine.inspect_image(tag)['Id'])


def _allowance(root_gb: int) -> archive.Allowance:
    """How much an image may unpack to."""
    limits = {f"the flavor's disk of {root_gb} GiB": root_gb,
              f'the {CONF.docker.max_image_gb} GiB of [docker]/max_image_gb':
              CONF.docker.max_image_gb}
    what, size = min(((what, size) for what, size in limits.items() if size),
                     key=lambda limit: limit[1], default=('', 0))
    return archive.Allowance(size << 30, what)
