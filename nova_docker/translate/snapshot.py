"""The commit of a container -> an image that boots as the original does.

The engine merges a container's own configuration into the image that it makes
of it: the instance's metadata would be in its environment, and the labels that
tell the driver's containers from others would be on the image.  Whatever a
commit is asked for, it can only add to them, so the archive is rewritten while
it streams to Glance.
"""

from collections.abc import Iterable
from collections.abc import Iterator
import hashlib
import json
import posixpath
import typing as ty

from nova_docker import exception
from nova_docker.translate import archive
from nova_docker.translate import tarstream

Json = dict[str, ty.Any]

# The layers' older description, which repeats the container's configuration,
# and what names the image.  manifest.json says all that a load needs.
_DROPPED_FROM_LAYERS = ('json', 'VERSION')
_DROPPED = ('repositories', 'index.json', 'oci-layout')
# Where Docker 25 and newer have everything else, by its digest: the layers, the
# configuration, and the same descriptions again, now under no name of their own.
_BLOBS = 'blobs/'
# What a commit tells of the container that it was made of.
_OF_CONTAINER = ('container', 'container_config')


def as_original(pieces: Iterable[bytes], commit: str, original: Json) -> Iterator[bytes]:
    """The archive of a commit with the configuration of the original image.

    :param pieces: the archive as the engine saves it
    :param commit: the commit's id, which is the digest of its configuration
    :param original: the ``Config`` of the image that the instance was booted from
    :raises InvalidArchive: while the result is read, when the engine's archive
        is cut off or of a layout that is not known
    """
    renamed: dict[str, str] = {}
    is_whole = False
    reader = tarstream.Reader(pieces)
    try:
        for entry in reader.entries():
            folder, name = posixpath.split(entry.name)
            if entry.name in _DROPPED or (folder and name in _DROPPED_FROM_LAYERS):
                continue
            if entry.kind is tarstream.Kind.LINK:
                yield tarstream.link(entry.name, entry.target)
            elif entry.kind is not tarstream.Kind.FILE:
                continue  # the engine needs no folders
            elif name.removesuffix('.json') == commit.removeprefix('sha256:'):
                content = _configuration(_json(reader), original)
                renamed[entry.name] = entry.name.replace(
                    commit.removeprefix('sha256:'), hashlib.sha256(content).hexdigest())
                yield archive.member(renamed[entry.name], content)
            elif entry.name == 'manifest.json':
                yield archive.member(entry.name, _manifest(_json(reader), renamed))
                is_whole = True
            else:
                yield from _copy(reader, entry)
    except (ValueError, KeyError) as e:
        raise exception.InvalidArchive(
            reason=f'the engine saved the snapshot in a layout that is not known ({e!r})') from e
    if not is_whole:
        raise exception.InvalidArchive(reason='the engine broke off while it saved the snapshot')
    yield archive.END


def _json(reader: tarstream.Reader) -> ty.Any:
    return json.loads(b''.join(reader.content()))


def _configuration(commit: Json, original: Json) -> bytes:
    kept = {key: value for key, value in commit.items() if key not in _OF_CONTAINER}
    return json.dumps({**kept, 'config': original}).encode()


def _manifest(manifest: list[Json], renamed: dict[str, str]) -> bytes:
    (image,) = manifest
    return json.dumps([{
        'Config': renamed[image['Config']], 'RepoTags': None, 'Layers': image['Layers'],
    }]).encode()


def _copy(reader: tarstream.Reader, entry: tarstream.Entry) -> Iterator[bytes]:
    """The file as it is, unless it is a description among the blobs."""
    begin, content = b'', reader.content()
    while len(begin) < tarstream.BLOCK and (piece := next(content, b'')):
        begin += piece
    if entry.name.startswith(_BLOBS) and _is_json(begin[:tarstream.BLOCK]):
        return
    yield tarstream.file_header(entry.name, entry.size)
    yield begin
    yield from content
    yield tarstream.padding(entry.size)


def _is_json(begin: bytes) -> bool:
    """Not a layer, compressed or not: in every header of a tar there are NULs."""
    return begin.startswith(b'{') and b'\0' not in begin
