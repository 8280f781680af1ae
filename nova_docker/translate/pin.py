"""What an instance's tag was resolved to, as Nova keeps it with the instance.

The label of the container says it, too, but a rebuild removes the container
before it makes the next, and an evacuation cannot reach it.  Nova's record of
the instance outlives both.
"""

from collections.abc import Mapping
import hashlib

from nova_docker.translate import image
from nova_docker.translate import reference

# In instance.system_metadata, whose values have at most 255 characters.
KEY = 'docker_image_pin'


def pin(source: image.ImageSource, pinned: str) -> str:
    """The value that keeps it.

    :param source: what was asked for
    :param pinned: what that was resolved to, ``<registry>/<path>@sha256:...``;
        '' for what cannot be pinned, which makes the value ''
    """
    return f'{_asked_for(source)} {pinned.rpartition("@")[2]}' if pinned else ''


def recall(system_metadata: Mapping[str, str], source: image.ImageSource) -> str:
    """The reference to boot for the same bytes again.

    :param source: what is asked for now
    :returns: ``<registry>/<path>@sha256:...``; '' when it was not the same
        image of Glance, with the same reference, that was asked for before
    """
    asked_for, _, digest = (system_metadata.get(KEY) or '').rpartition(' ')
    if asked_for != _asked_for(source):
        return ''
    return reference.at_digest(source.reference, digest)


def _asked_for(source: image.ImageSource) -> str:
    name = reference.canonical(source.reference)
    return f'{source.image_id} {hashlib.sha256(name.encode()).hexdigest()[:16]}'
