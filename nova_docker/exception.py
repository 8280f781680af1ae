"""What can go wrong, one small class per failure.

The classes derive from Nova's, so that the compute manager's own handling
(abort, reschedule, fault text) applies to them unchanged.
"""

from nova import exception


class EngineError(exception.NovaException):
    """The Docker engine answered a request with an error."""

    msg_fmt = 'The Docker engine failed to %(action)s: %(reason)s'


class EngineUnavailable(EngineError):
    """The Docker engine cannot be reached, or did not answer in time."""

    msg_fmt = ('The Docker engine at %(url)s is not available (could not '
               '%(action)s): %(reason)s')


class EngineUntrusted(EngineUnavailable):
    """The engine's certificate, or ours to the engine, does not hold."""

    msg_fmt = 'The Docker engine at %(url)s cannot be spoken to under TLS: %(reason)s'


class EngineMisconfigured(EngineError):
    """The configuration says how to reach the engine in a way that cannot be."""

    msg_fmt = '[docker]: %(reason)s'


class EngineTooOld(EngineError):
    """The Docker engine speaks an API older than the driver needs."""

    msg_fmt = ('The Docker engine at %(url)s speaks API %(version)s; '
               'nova-docker needs %(minimum)s or newer. Upgrade the engine.')


class EngineUnsupported(EngineError):
    """What answers is another engine than Docker."""

    msg_fmt = 'The engine at %(url)s cannot be used: %(reason)s'


class EngineRejected(EngineError):
    """The engine calls the request itself wrong (HTTP 400): the same request
    fails on every host.
    """


class EngineConflict(EngineError):
    """The object is in a state that does not allow the request (HTTP 409)."""


class NotRescuable(exception.NovaException):
    """The files of an instance cannot be shown to a rescue container."""

    msg_fmt = '%(reason)s'


class ContainerNotFound(EngineError):
    """The engine does not know the container."""


class PathNotFound(EngineError):
    """The container has no such file or folder."""


class EngineImageNotFound(EngineError):
    """The engine does not have the image, or the registry does not."""


class CommandNotRunnable(EngineError):
    """The image's command cannot be executed: absent, not executable, or for
    another architecture.
    """


class ImageLoadFailed(EngineError):
    """The engine refused an image archive."""


class ImagePullFailed(EngineError):
    """A pull from a registry failed."""


class RegistryUnavailable(ImagePullFailed):
    """The registry cannot be reached, is busy, or broke off: it may work later."""


class RegistryUnreachable(RegistryUnavailable):
    """Nobody answers at the registry's address, or there is no such host."""


class RegistryRefused(ImagePullFailed):
    """The registry wants credentials, or others than it got."""


class PlatformNotFound(ImagePullFailed):
    """The registry has the image, but not for this kind of machine."""


class MalformedCredentials(exception.NovaException):
    """A file of credentials is not in Docker's format; quotes nothing of it."""

    msg_fmt = '%(reason)s'


class CredentialsUnusable(exception.NovaException):
    """The operator's file of credentials cannot be used."""

    msg_fmt = ('[docker]/registry_auth_file of the compute host cannot be used: %(reason)s. The '
               'operator has to correct %(path)s; it is Docker\'s config.json.')


class UploadFailed(exception.NovaException):
    """Glance does not have all of a snapshot."""

    msg_fmt = ('Glance stored %(stored)s of the %(sent)d bytes of image %(image_id)s: the upload '
               'broke, and the image was deleted. Make the snapshot again.')


class InvalidArchive(exception.NovaException):
    """The bytes are not an image archive in the format of docker save."""

    msg_fmt = '%(reason)s'


class InvalidExtraSpec(exception.InvalidInput):
    """A ``docker:`` extra spec of the flavor means nothing.

    Nova's kind, because it aborts a build at once: it fails on every host.
    """

    msg_fmt = ('The flavor\'s extra spec %(name)s=%(value)s is wrong. %(reason)s Ask the '
               'operator of the cloud to correct the flavor.')


class ImageTooLarge(exception.NovaException):
    """An image unpacks to more than is allowed."""

    msg_fmt = 'It unpacks to more than %(allowed)s'


class ImageDownloadFailed(exception.NovaException):
    """Glance broke off the download of an image, or does not go on with it."""

    msg_fmt = 'The download of image %(image_id)s from Glance failed: %(reason)s'


class NetnsError(exception.VirtualInterfacePlugException):
    """A change in a network namespace failed.

    Nova's kind, because at its start nova-compute survives no other failure of
    plug_vifs: this one ends in the instance's error state.
    """

    msg_fmt = 'Network namespace: %(reason)s'


class SandboxLost(exception.NovaException):
    """The sandbox that a container was made with is gone, and with it what the
    container joins or mounts.  Other than that of a rescue, a workload finds its
    sandbox by name, so that a new one serves it.
    """

    msg_fmt = ('Unrescue instance %(instance_uuid)s, or boot it anew: its sandbox was removed '
               'from the Docker engine by somebody else.')
