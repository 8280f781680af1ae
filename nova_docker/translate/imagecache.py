"""Which of the engine's images are ours to remove, and since when nobody uses them.

The engine is the only state: an image that was pulled for us has a tag that says
so, and one that was seen in use has a tag with the time of it.  A tag with a new
name is the one clock that every image store of Docker keeps: tagging again with
the same name changes nothing in the store of containerd.
"""

from collections.abc import Mapping
import dataclasses
import hashlib
import typing as ty

from nova_docker.translate import naming
from nova_docker.translate import reference as reference_translation

_OURS = (naming.GLANCE_REPOSITORY, naming.PULLED_REPOSITORY, naming.USED_REPOSITORY)


@dataclasses.dataclass(frozen=True)
class CachedImage:
    """An image that nobody else has a name for.

    :param id: on the engine
    :param names: every name that it has there, in the order in which they are to
        be removed: what makes it ours goes last
    :param last_used: seconds since the epoch; None when it was never looked at
    """

    id: str
    names: tuple[str, ...]
    last_used: int | None

    @property
    def time_tags(self) -> list[str]:
        """The tags with the times at which it was in use."""
        return [name for name in self.names if _repository(name) == naming.USED_REPOSITORY]

    def is_of(self, image_id: str) -> bool:
        """Whether it was loaded from that image of Glance."""
        return any(name.startswith(f'{naming.GLANCE_REPOSITORY}:{image_id}-')
                   for name in self.names)


def pulled_tag(image: str, reference: str) -> str:
    """What says that we pulled an image under that name, which nobody else had given.

    It holds the repository, too, as an image whose tag moves keeps its digest there.

    :param image: its id on the engine; a tag is on one image only
    """
    name = reference_translation.canonical(reference)
    return (f'{naming.PULLED_REPOSITORY}:{image.rpartition(":")[2]}-'
            f'{_mark(name)}-{_mark(_repository(name))}')


def was_pulled(entry: Mapping[str, ty.Any], reference: str) -> bool:
    """Whether we pulled an image that the engine has under that name."""
    return pulled_tag(entry['Id'], reference) in (entry.get('RepoTags') or ())


def _mark(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def used_tag(image: str, when: int) -> str:
    """What says that an image was in use.

    :param image: its id on the engine; a tag is on one image only
    :param when: seconds since the epoch
    """
    return f'{naming.USED_REPOSITORY}:{image.rpartition(":")[2]}-{when}'


def cached_image(entry: Mapping[str, ty.Any]) -> CachedImage | None:
    """What the cache may do with an image.

    :param entry: of ``GET /images/json`` or ``GET /images/{name}/json``
    :returns: None when it is not ours, or somebody else gave it a name, too
    """
    tags = [tag for tag in entry.get('RepoTags') or () if not tag.startswith('<none>')]
    digests = [name for name in entry.get('RepoDigests') or ()
               if not name.startswith('<none>')]
    ours = [tag for tag in tags if _repository(tag) in _OURS]
    public = [tag for tag in tags if was_pulled(entry, tag)]
    public += [name for name in digests
               if _repository(name) in _OURS or _is_of_pulled_repository(name, ours)]
    if not ours or {*tags, *digests} - {*ours, *public}:
        return None
    times = sorted(tag for tag in ours if _repository(tag) == naming.USED_REPOSITORY)
    return CachedImage(
        id=str(entry['Id']),
        names=(*times, *public, *(tag for tag in ours if tag not in times)),
        last_used=max((int(tag.rpartition('-')[2]) for tag in times), default=None))


def _is_of_pulled_repository(name: str, ours: list[str]) -> bool:
    repository = _repository(reference_translation.canonical(name))
    return any(tag.startswith(f'{naming.PULLED_REPOSITORY}:')
               and tag.endswith(f'-{_mark(repository)}') for tag in ours)


def _repository(name: str) -> str:
    path, _, digest = name.partition('@')
    return path if digest else name.rpartition(':')[0]
