"""Which members of an archive make up the image in it.

Two layouts: ``manifest.json`` of docker save, which podman, skopeo and buildah
write, too (docker-archive), and the index of an OCI layout (oci-archive).

https://github.com/moby/moby/blob/master/image/spec/v1.2.md and
https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

from collections.abc import Iterator
import dataclasses
import hashlib
import json
import posixpath
import re
import typing as ty

from nova_docker import exception
from nova_docker.translate import digests

# Of one member that may be JSON.
MAX_JSON = 1 << 20
_INDEXES = ('manifest.json', 'index.json')
_DIGEST = re.compile(r'sha256:[0-9a-f]{64}')
_MAX_LINKS = 8
# index.json may point to an index, and that to the manifest.
_MAX_DEPTH = 4


class Object(dict[str, ty.Any]):
    """A JSON object that knows whether the engine could read another one in it.

    The engine takes ``RootFS`` for ``rootfs`` and the last of two for both, so
    that a configuration could show it other layers than it shows us.
    """

    def __init__(self, pairs: list[tuple[str, ty.Any]]) -> None:
        super().__init__(pairs)
        self.is_ambiguous = len({key.casefold() for key, _ in pairs}) < len(pairs)


@dataclasses.dataclass
class Found:
    """What passed of an archive, by name.

    :param links: where symbolic links point
    :param texts: what may be JSON
    :param sums: the digests of the other files
    """

    links: dict[str, str] = dataclasses.field(default_factory=dict)
    texts: dict[str, bytes] = dataclasses.field(default_factory=dict)
    sums: dict[str, digests.Sum] = dataclasses.field(default_factory=dict)

    def resolved(self, name: ty.Any, what: str) -> str:
        """The file behind links: former engines wrote them for a layer that two
        images share.

        :param what: is behind the name, for the message
        :raises InvalidArchive: it is no name, or of nothing in the archive
        """
        found = posixpath.normpath(name) if isinstance(name, str) else ''
        for _ in range(_MAX_LINKS):
            if found not in self.links:
                break
            found = self.links[found]
        if found not in self.texts and found not in self.sums:
            raise exception.InvalidArchive(
                reason=f'its {what} {str(name)[:100]!r} is missing')
        return found

    def sum_of(self, name: str) -> digests.Sum:
        """The digests of a file, whether it was held or passed on."""
        if name in self.sums:
            return self.sums[name]
        digest = f'sha256:{hashlib.sha256(self.texts[name]).hexdigest()}'
        return digests.Sum(raw=digest, plain=digest)


@dataclasses.dataclass(frozen=True)
class Image:
    """Names of members: the configuration, and the layers from the lowest up."""

    config: str
    layers: tuple[str, ...]


def may_be_json(name: str, first: bytes, size: int) -> bool:
    """Whether a member has to be held, as it may tell what the image is.

    :param first: how its content begins
    """
    if name in _INDEXES and size > MAX_JSON:
        raise exception.InvalidArchive(reason=f'its {name} is larger than {MAX_JSON} bytes')
    return name in _INDEXES or (size <= MAX_JSON and first.lstrip()[:1] == b'{')


def image_of(found: Found) -> Image:
    """The only image of an archive.

    :raises InvalidArchive: there is none, or several, or a part is missing
    """
    for name in _INDEXES:
        if name in found.links:
            raise exception.InvalidArchive(reason=f'its {name} is not a file')
    if 'manifest.json' in found.texts:
        return _docker_image(found)
    if 'index.json' in found.texts:
        return _oci_image(found)
    raise exception.InvalidArchive(reason=_why_none(found))


def _why_none(found: Found) -> str:
    if any(name.rpartition('/')[2] == 'layer.tar' for name in found.sums):
        return ('it has no manifest.json, so it was written by a Docker before 1.10; save the '
                'image with a newer one')
    return ('it has no manifest.json, so it was not made by docker save (docker export does not '
            'keep how an image is run)')


def load_json(found: Found, name: str) -> ty.Any:
    """:raises InvalidArchive: when the member is not JSON"""
    try:
        return json.loads(found.texts[name].decode(), object_pairs_hook=Object)
    except (ValueError, RecursionError) as e:
        raise exception.InvalidArchive(reason=f'its {name} is not JSON ({e})') from e


def _docker_image(found: Found) -> Image:
    manifest = load_json(found, 'manifest.json')
    if not isinstance(manifest, list) or not all(isinstance(m, dict) for m in manifest):
        raise exception.InvalidArchive(reason='its manifest.json is not a list of images')
    if len(manifest) != 1:
        raise exception.InvalidArchive(
            reason=f'it holds {len(manifest)} images; save exactly one')
    layers = manifest[0].get('Layers') or []
    if not isinstance(layers, list):
        raise exception.InvalidArchive(reason='the Layers in its manifest.json are not a list')
    return Image(found.resolved(manifest[0].get('Config'), 'configuration'),
                 tuple(found.resolved(layer, 'layer') for layer in layers))


def _oci_image(found: Found) -> Image:
    manifests = list(_leaves(found, load_json(found, 'index.json'), 'index.json', _MAX_DEPTH))
    if len(manifests) != 1:
        raise exception.InvalidArchive(
            reason=f'it holds {len(manifests)} images or platforms; save exactly one')
    layers = manifests[0]['layers']
    if not isinstance(layers, list):
        raise exception.InvalidArchive(reason='the layers in its manifest are not a list')
    return Image(_blob(found, manifests[0].get('config')),
                 tuple(_blob(found, layer) for layer in layers))


def _leaves(found: Found, node: ty.Any, name: str, depth: int) -> Iterator[dict[str, ty.Any]]:
    """The manifests of images below an index."""
    if not isinstance(node, dict) or not depth:
        raise exception.InvalidArchive(reason=f'its {name} is not an OCI index or manifest')
    if 'layers' in node:
        yield node
        return
    descriptors = node.get('manifests')
    if not isinstance(descriptors, list):
        raise exception.InvalidArchive(reason=f'its {name} is not an OCI index')
    for descriptor in descriptors:
        if not _is_attestation(descriptor):
            blob = _blob(found, descriptor)
            if blob not in found.texts:
                raise exception.InvalidArchive(reason=f'its {blob} is not JSON')
            yield from _leaves(found, load_json(found, blob), blob, depth - 1)


def _is_attestation(descriptor: ty.Any) -> bool:
    """How buildx marks what it says about an image beside the image."""
    if not isinstance(descriptor, dict):
        return False
    annotations = descriptor.get('annotations')
    return isinstance(annotations, dict) and 'vnd.docker.reference.type' in annotations


def _blob(found: Found, descriptor: ty.Any) -> str:
    """The member that a descriptor points to; its content is what its name says."""
    digest = descriptor.get('digest') if isinstance(descriptor, dict) else None
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise exception.InvalidArchive(reason=f'its index names the digest {str(digest)[:100]!r}')
    name = found.resolved(f'blobs/sha256/{digest.removeprefix("sha256:")}', 'file')
    if found.sum_of(name).raw != digest:
        raise exception.InvalidArchive(reason=f'the content of its {name} has another digest')
    return name
