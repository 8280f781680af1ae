"""Image properties -> what to boot."""

from collections.abc import Mapping
import dataclasses
import shlex

from nova import exception as nova_exception

from nova_docker.translate import naming
from nova_docker.translate import reference as references

# Glance property that names an image of a registry.
REFERENCE_PROPERTY = 'docker_image'


@dataclasses.dataclass(frozen=True)
class ImageSource:
    """Where an instance's image comes from.

    :param image_id: the Glance image's id
    :param reference: what the engine calls the image: a registry reference, or
        the private tag of an archive kept in Glance
    :param in_glance: whether the archive itself is in Glance
    """

    image_id: str
    reference: str
    in_glance: bool


def image_source(image_id: str, checksum: str | None,
                 properties: Mapping[str, str]) -> ImageSource:
    """Decide whether an image is an archive or a registry reference.

    :param properties: the image's properties, as strings
    :raises InvalidInput: a reference to what the driver itself keeps
    """
    reference = (properties.get(REFERENCE_PROPERTY) or '').strip()
    if reference:
        return ImageSource(image_id, _of_registry(reference), in_glance=False)
    return ImageSource(image_id, naming.private_tag(image_id, checksum), in_glance=True)


def _of_registry(reference: str) -> str:
    """The reference in full.

    :raises InvalidInput: when it names what the driver itself keeps
    """
    first = reference.partition('/')[0]
    if first.lower() == naming.PRIVATE_REGISTRY:
        raise nova_exception.InvalidInput(
            reason=f'the image property {REFERENCE_PROPERTY} names {first}, where images of '
                   f'Glance are kept; name an image of a registry')
    return references.with_registry(reference)


def image_properties(system_metadata: Mapping[str, str]) -> dict[str, str]:
    """The image's properties that Nova copied to the instance.

    Nova's ImageMeta drops the properties it does not know; the copy in
    ``instance.system_metadata`` keeps them all, prefixed with ``image_``.
    """
    return {key.removeprefix('image_'): value
            for key, value in system_metadata.items() if key.startswith('image_')}


def command(line: str | None) -> list[str] | None:
    """The words of ``os_command_line``, or None when it is unset.

    :raises InvalidInput: when its quotes do not match
    """
    if not line or not line.strip():
        return None
    try:
        return shlex.split(line)
    except ValueError as e:
        raise nova_exception.InvalidInput(
            reason=f'the image property os_command_line cannot be split into words: {e}') from e
