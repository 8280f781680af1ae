"""Image properties and user data -> what to boot."""

from collections.abc import Mapping
import dataclasses
import shlex

from nova import exception as nova_exception

from nova_docker.translate import naming
from nova_docker.translate import reference as references
from nova_docker.translate import userdata

# Glance property that names an image of a registry.
REFERENCE_PROPERTY = 'docker_image'
# Its value where the user says in the user data what to run.
OPEN = '*'


@dataclasses.dataclass(frozen=True)
class ImageSource:
    """Where an instance's image comes from, and what is run of it.

    :param image_id: the Glance image's id
    :param reference: what the engine calls the image: a registry reference, or
        the private tag of an archive kept in Glance
    :param in_glance: whether the archive itself is in Glance
    :param is_open: whether the user data name it
    :param process: what the user data say of how it is run; None is nothing
    """

    image_id: str
    reference: str
    in_glance: bool
    is_open: bool = False
    process: userdata.Process | None = None

    @property
    def named_in(self) -> str:
        """Where a reference can be corrected, for people."""
        return ('image of the user data' if self.is_open
                else f"the image's property {REFERENCE_PROPERTY}")

    @property
    def command_in(self) -> str:
        """Where a command can be corrected, for people."""
        return ('cmd or entrypoint of the user data' if self.is_open
                else f'the property os_command_line of image {self.image_id}')


def is_open(properties: Mapping[str, str]) -> bool:
    """Whether an image leaves to the user what to run."""
    return (properties.get(REFERENCE_PROPERTY) or '').strip() == OPEN


def image_source(image_id: str, checksum: str | None,
                 properties: Mapping[str, str], user_data: str | None = None) -> ImageSource:
    """Decide whether an image is an archive or a registry reference.

    :param properties: the image's properties, as strings
    :param user_data: of the instance, in base64; read for an open image alone
    :raises InvalidInput: a reference to what the driver itself keeps; mistakes
        in the user data
    """
    if is_open(properties):
        wanted, process = userdata.parse(user_data)
        return ImageSource(image_id, _of_registry(wanted), in_glance=False, is_open=True,
                           process=process)
    reference = (properties.get(REFERENCE_PROPERTY) or '').strip()
    if reference:
        return ImageSource(image_id, _of_registry(reference), in_glance=False)
    return ImageSource(image_id, naming.private_tag(image_id, checksum), in_glance=True)


def snapshot_source(image_id: str, checksum: str | None, origin: ImageSource) -> ImageSource:
    """The snapshot of an instance that was booted from ``origin``: its files are in
    Glance, wherever those of the origin are; how it is run stays.
    """
    return dataclasses.replace(image_source(image_id, checksum, {}),
                               is_open=origin.is_open, process=origin.process)


def _of_registry(reference: str) -> str:
    """The reference in full.

    :raises InvalidInput: when it names what the driver itself keeps
    """
    first = reference.partition('/')[0]
    if first.lower() == naming.PRIVATE_REGISTRY:
        raise nova_exception.InvalidInput(
            reason=f'{REFERENCE_PROPERTY} names {first}, where images of Glance are kept; name '
                   f'an image of a registry')
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
