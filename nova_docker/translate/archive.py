"""Rewrite an image archive while it streams past.

A ``docker save`` archive names the tags that ``docker load`` will set.  A tenant
who chooses them could replace any image of the host, so the driver takes all of
them out and puts a private tag in.  One pass, constant memory: members are
copied in pieces, and only the small JSON members are held whole.

Layouts: https://github.com/moby/moby/blob/master/image/spec/v1.2.md and
https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

from collections.abc import Iterable
from collections.abc import Iterator
import json
import posixpath
import tarfile
import typing as ty

from nova_docker import exception

PIECE = 1 << 20
_MAX_JSON = 4 << 20
_MAX_MEMBERS = 100_000
_BLOCK = tarfile.BLOCKSIZE


class _Reader:
    """The pieces of an iterator as a file that ``tarfile`` can read."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = b''

    def read(self, size: int) -> bytes:
        parts = []
        while size > 0:
            if not self._rest:
                self._rest = next(self._pieces, b'')
                if not self._rest:
                    break
            part, self._rest = self._rest[:size], self._rest[size:]
            parts.append(part)
            size -= len(part)
        return b''.join(parts)


def rewrite(pieces: Iterable[bytes], tag: str) -> Iterator[bytes]:
    """The same image under the private tag alone.

    :param pieces: a docker save archive, plain or compressed with gzip, bzip2
        or xz
    :param tag: the tag that the image gets instead of those in the archive
    :returns: pieces of an uncompressed archive
    :raises InvalidArchive: saying what is wrong.  It is raised while the
        result is read, so whoever reads must drop what came before.
    """
    try:
        with tarfile.open(fileobj=ty.cast(ty.Any, _Reader(pieces)), mode='r|*',
                          bufsize=PIECE) as tar:
            yield from _members(tar, tag)
    except (tarfile.TarError, EOFError) as e:
        raise exception.InvalidArchive(
            reason=f'it is not a tar archive, or it is damaged ({e})') from e
    yield b'\0' * (2 * _BLOCK)


def _members(tar: tarfile.TarFile, tag: str) -> Iterator[bytes]:
    seen: set[str] = set()
    for member in tar:
        # tarfile remembers every member; this archive may have many.
        tar.members = []
        name = _checked_name(member, seen)
        if name == 'repositories':
            continue
        if name == 'manifest.json':
            yield from _file(name, _manifest(_read_json(tar, member), tag))
        elif name == 'index.json':
            yield from _file(name, _index(_read_json(tar, member)))
        else:
            yield from _copy(tar, member, name)
    if 'manifest.json' not in seen:
        raise exception.InvalidArchive(
            reason='it has no manifest.json, so it was not made by docker save')


def _checked_name(member: tarfile.TarInfo, seen: set[str]) -> str:
    """The member's plain relative name, or an error that names the trouble."""
    name = posixpath.normpath(member.name)
    if member.name.startswith('/') or name.split('/')[0] == '..':
        raise exception.InvalidArchive(reason=f'its member {member.name!r} lies outside of it')
    if not (member.isdir() or member.issym() or member.isreg()) or member.issparse():
        raise exception.InvalidArchive(
            reason=f'its member {member.name!r} is not a file, directory or symbolic link')
    if member.issym():
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname))
        if member.linkname.startswith('/') or target.split('/')[0] == '..':
            raise exception.InvalidArchive(
                reason=f'its link {member.name!r} points out of it')
    if name in seen and not member.isdir():
        raise exception.InvalidArchive(reason=f'it has two members {member.name!r}')
    if len(seen) >= _MAX_MEMBERS:
        raise exception.InvalidArchive(reason=f'it has more than {_MAX_MEMBERS} members')
    seen.add(name)
    return name


def _read_json(tar: tarfile.TarFile, member: tarfile.TarInfo) -> ty.Any:
    content = tar.extractfile(member) if member.isreg() else None
    if content is None or member.size > _MAX_JSON:
        raise exception.InvalidArchive(
            reason=f'its {member.name} is not a file, or larger than {_MAX_JSON} bytes')
    try:
        return json.loads(content.read())
    except ValueError as e:
        raise exception.InvalidArchive(reason=f'its {member.name} is not JSON ({e})') from e


def _manifest(manifest: ty.Any, tag: str) -> ty.Any:
    """manifest.json with the private tag instead of its own."""
    if not isinstance(manifest, list) or not all(isinstance(m, dict) for m in manifest):
        raise exception.InvalidArchive(reason='its manifest.json is not a list of images')
    if len(manifest) != 1:
        raise exception.InvalidArchive(
            reason=f'it holds {len(manifest)} images; save exactly one')
    return [{**manifest[0], 'RepoTags': [tag]}]


_NAME_ANNOTATIONS = ('io.containerd.image.name', 'org.opencontainers.image.ref.name')


def _index(index: ty.Any) -> ty.Any:
    """An OCI index without the annotations that name images."""
    if not isinstance(index, dict):
        raise exception.InvalidArchive(reason='its index.json is not an OCI index')
    for manifest in index.get('manifests') or ():
        for annotation in _NAME_ANNOTATIONS:
            if isinstance(manifest, dict):
                (manifest.get('annotations') or {}).pop(annotation, None)
    return index


def _file(name: str, value: ty.Any) -> Iterator[bytes]:
    content = json.dumps(value).encode()
    header = tarfile.TarInfo(name)
    header.size, header.mode = len(content), 0o644
    yield header.tobuf(tarfile.PAX_FORMAT) + _padded(content)


def _copy(tar: tarfile.TarFile, member: tarfile.TarInfo, name: str) -> Iterator[bytes]:
    header = tarfile.TarInfo(name)
    header.type, header.linkname = member.type, member.linkname
    header.mode, header.mtime = member.mode & 0o777, member.mtime
    if not member.isreg():
        yield header.tobuf(tarfile.PAX_FORMAT)
        return
    header.size, header.type = member.size, tarfile.REGTYPE
    yield header.tobuf(tarfile.PAX_FORMAT)
    content = ty.cast(ty.IO[bytes], tar.extractfile(member))
    left = member.size
    while left:
        piece = content.read(min(PIECE, left))
        if not piece:
            raise exception.InvalidArchive(reason=f'it ends within {member.name!r}')
        left -= len(piece)
        yield piece
    yield b'\0' * (-member.size % _BLOCK)


def _padded(content: bytes) -> bytes:
    return content + b'\0' * (-len(content) % _BLOCK)
