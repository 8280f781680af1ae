"""What an image archive says of itself, without its layers.

``manifest.json`` of docker save, or the index of an OCI layout:
https://github.com/moby/moby/blob/master/image/spec/v1.2.md and
https://github.com/opencontainers/image-spec/blob/main/image-layout.md

The driver checks an archive whole before a boot; this only shows it.
"""

import json
import posixpath
import tarfile
import typing as ty

from osc_lib import exceptions

from nova_docker.client import content as client_content

Json = dict[str, ty.Any]

_MAX_JSON = 1 << 20
_MAX_HELD = 8 << 20
_MAX_MEMBERS = 10_000
_MAX_DEPTH = 4
_COMPRESSED = (b'\x1f\x8b', b'BZh', b'\xfd7zXZ\0')


def configuration(source: client_content.Stream) -> Json:
    """The configuration of the image in an archive, plain or compressed.

    :param source: is sought in if it is plain
    :returns: https://github.com/opencontainers/image-spec/blob/main/config.md
    :raises CommandError: it is no image archive, or holds several images
    """
    held: dict[str, bytes] = {}
    members = 0
    try:
        with _opened(source) as tar:
            for entry in tar:
                ty.cast(ty.Any, tar).members = []  # tarfile remembers every member
                members += 1
                text = _text(tar, entry)
                if text:
                    held[posixpath.normpath(entry.name)] = text
                if members > _MAX_MEMBERS or sum(map(len, held.values())) > _MAX_HELD:
                    raise _unfit('it has too many members')
                if text and (found := _found(held)) is not None:
                    return found
    except (tarfile.TarError, OSError, EOFError, RecursionError) as e:
        raise _unfit(f'it is not a tar archive, or it is damaged ({e})') from e
    raise _unfit('it has no manifest.json of "docker save", or parts are missing')


def _opened(source: client_content.Stream) -> tarfile.TarFile:
    is_compressed = source.read(max(map(len, _COMPRESSED))).startswith(_COMPRESSED)
    source.seek(0)
    if is_compressed:
        return tarfile.open(fileobj=ty.cast(ty.Any, _Passing(source)), mode='r|*')
    return tarfile.open(fileobj=ty.cast(ty.Any, source), mode='r:')


class _Passing:
    """A compressed archive, which can only be read from one end to the other."""

    def __init__(self, source: client_content.Stream) -> None:
        self._source = source
        self._is_over = False

    def read(self, size: int) -> bytes:
        """That many bytes; none at the end, once.

        :raises EOFError: at a second read there.  ``tarfile`` would go on to skip
            what a header announces, for hours.
        """
        if self._is_over:
            raise EOFError('it ends too early')
        taken = self._source.read(size)
        self._is_over = not taken
        return taken


def _text(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes | None:
    """The content of a member that may be JSON."""
    if not entry.isreg() or entry.size > _MAX_JSON:
        return None
    content = ty.cast(ty.IO[bytes], tar.extractfile(entry))
    first = content.read(1)
    return first + content.read() if first in (b'{', b'[') else None


def _found(held: dict[str, bytes]) -> Json | None:
    """The configuration, when enough of the archive has passed."""
    name: ty.Any = None
    if 'manifest.json' in held:
        manifest = _json(held, 'manifest.json')
        if not isinstance(manifest, list) or len(manifest) != 1:
            raise _unfit('it holds several images; save exactly one')
        name = _at(manifest[0], 'Config')
    elif 'index.json' in held:
        name = _oci_config(held, _json(held, 'index.json'), _MAX_DEPTH)
    if not isinstance(name, str) or name not in held:
        return None
    found = _json(held, name)
    return found if isinstance(found, dict) else None


def _oci_config(held: dict[str, bytes], node: ty.Any, depth: int) -> str | None:
    """The name of the only image's configuration below an index."""
    if _at(node, 'layers') is not None:
        return _blob(_at(node, 'config'))
    descriptors = _at(node, 'manifests')
    images = [descriptor for descriptor in (descriptors if isinstance(descriptors, list) else ())
              if 'vnd.docker.reference.type' not in (_at(descriptor, 'annotations') or {})]
    if len(images) != 1 or not depth:
        raise _unfit(f'it holds {len(images)} images or platforms; save exactly one')
    name = _blob(images[0])
    return _oci_config(held, _json(held, name), depth - 1) if name in held else None


def _blob(descriptor: ty.Any) -> str:
    return f'blobs/{str(_at(descriptor, "digest")).replace(":", "/")}'


def _at(node: ty.Any, key: str) -> ty.Any:
    return node.get(key) if isinstance(node, dict) else None


def _json(held: dict[str, bytes], name: str) -> ty.Any:
    try:
        return json.loads(held[name])
    except (ValueError, RecursionError) as e:
        raise _unfit(f'its {name} is not JSON') from e


def _unfit(why: str) -> exceptions.CommandError:
    return exceptions.CommandError(
        f'The image cannot be booted by Docker: {why}. Upload what "docker save" writes, or use '
        f'"openstack docker image import".')
