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
from nova_docker.translate import compression
from nova_docker.translate import possession

PIECE = compression.PIECE
_MAX_JSON = 4 << 20
_MAX_MEMBERS = 100_000
_MAX_EXTENDED_HEADER = 64 << 10
_BLOCK = tarfile.BLOCKSIZE
END = b'\0' * (2 * _BLOCK)
# What tarfile lets escape when a header is damaged or made to harm.
_DAMAGED = (EOFError, ValueError, TypeError, OverflowError, RecursionError)


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


class _Entry(tarfile.TarInfo):
    """A header that is refused where ``tarfile`` would hold all it announces."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> '_Entry':
        """Called by ``tarfile`` with each block of 512 bytes that is a header."""
        entry = super().frombuf(buf, encoding, errors)
        if entry.type in (tarfile.XGLTYPE, tarfile.GNUTYPE_SPARSE):
            raise tarfile.ReadError(f'a member of type {entry.type!r} has no place in it')
        is_extended = entry.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE,
                                     tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
        if is_extended and entry.size > _MAX_EXTENDED_HEADER:
            raise tarfile.ReadError('the extended header of a member is too long')
        return entry


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
        plain = _Reader(compression.decompressed(pieces))
        with tarfile.open(fileobj=ty.cast(ty.Any, plain), mode='r|', bufsize=PIECE,
                          tarinfo=_Entry) as tar:
            yield from _members(tar, tag)
    except (tarfile.TarError, *_DAMAGED) as e:
        raise exception.InvalidArchive(
            reason=f'it is not a tar archive, or it is damaged ({e})') from e
    yield END


def member(name: str, content: bytes, mode: int = 0o644) -> bytes:
    """One file as it stands in an archive; END goes after the last."""
    header = tarfile.TarInfo(name)
    header.size, header.mode = len(content), mode
    return header.tobuf(tarfile.PAX_FORMAT) + content + b'\0' * (-len(content) % _BLOCK)


# Beside manifest.json they would name the image, or another one, a second time.
_LEFT_OUT = frozenset({'repositories', 'index.json', 'oci-layout'})


def _members(tar: tarfile.TarFile, tag: str) -> Iterator[bytes]:
    seen: set[str] = set()
    links: dict[str, str] = {}
    witness = possession.Witness(links)
    manifest: ty.Any = None
    for entry in tar:
        # tarfile remembers every member; this archive may have many.
        ty.cast(ty.Any, tar).members = []
        name = _checked_name(entry, seen, links)
        if name in _LEFT_OUT:
            continue
        if name == 'manifest.json':
            manifest = _manifest(_read_json(tar, entry), tag)
            yield _json_member(name, manifest)
        else:
            yield from _copy(tar, entry, name, witness)
    if manifest is None:
        raise exception.InvalidArchive(
            reason='it has no manifest.json, so it was not made by docker save')
    witness.check(manifest[0])


def _checked_name(entry: tarfile.TarInfo, seen: set[str], links: dict[str, str]) -> str:
    """The member's plain relative name, or an error that names the trouble."""
    name = posixpath.normpath(entry.name)
    if '\0' in entry.name + entry.linkname:
        # Written out again, manifest.json\0x would end at the NUL.
        raise exception.InvalidArchive(reason=f'the name of its member {entry.name!r} has a NUL')
    if entry.name.startswith('/') or name.split('/')[0] == '..':
        raise exception.InvalidArchive(reason=f'its member {entry.name!r} lies outside of it')
    if not (entry.isdir() or entry.issym() or entry.isreg()) or entry.issparse():
        raise exception.InvalidArchive(
            reason=f'its member {entry.name!r} is not a file, directory or symbolic link')
    if any(parent in links for parent in _parents(name)):
        # Or x -> . and x/manifest.json would replace the manifest.
        raise exception.InvalidArchive(reason=f'its member {entry.name!r} is behind a link')
    if entry.issym():
        links[name] = _link_target(entry, name)
    if name in seen and not entry.isdir():
        raise exception.InvalidArchive(reason=f'it has two members {entry.name!r}')
    if len(seen) >= _MAX_MEMBERS:
        raise exception.InvalidArchive(reason=f'it has more than {_MAX_MEMBERS} members')
    seen.add(name)
    return name


def _link_target(entry: tarfile.TarInfo, name: str) -> str:
    target = posixpath.normpath(posixpath.join(posixpath.dirname(name), entry.linkname))
    if entry.linkname.startswith('/') or target.split('/')[0] == '..':
        raise exception.InvalidArchive(reason=f'its link {entry.name!r} points out of it')
    return target


def _parents(name: str) -> Iterator[str]:
    while name := posixpath.dirname(name):
        yield name


def _read_json(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> ty.Any:
    content = tar.extractfile(entry) if entry.isreg() else None
    if content is None or entry.size > _MAX_JSON:
        raise exception.InvalidArchive(
            reason=f'its {entry.name} is not a file, or larger than {_MAX_JSON} bytes')
    try:
        return json.loads(content.read())
    except (ValueError, RecursionError) as e:
        raise exception.InvalidArchive(reason=f'its {entry.name} is not JSON ({e})') from e


def _manifest(manifest: ty.Any, tag: str) -> ty.Any:
    """manifest.json with the private tag instead of its own."""
    if not isinstance(manifest, list) or not all(isinstance(m, dict) for m in manifest):
        raise exception.InvalidArchive(reason='its manifest.json is not a list of images')
    if len(manifest) != 1:
        raise exception.InvalidArchive(
            reason=f'it holds {len(manifest)} images; save exactly one')
    return [{**manifest[0], 'RepoTags': [tag]}]


def _json_member(name: str, value: ty.Any) -> bytes:
    return member(name, json.dumps(value).encode())


def _copy(tar: tarfile.TarFile, entry: tarfile.TarInfo, name: str,
          witness: possession.Witness) -> Iterator[bytes]:
    header = tarfile.TarInfo(name)
    header.type, header.linkname = entry.type, entry.linkname
    header.mode, header.mtime = entry.mode & 0o777, entry.mtime
    if not entry.isreg():
        yield header.tobuf(tarfile.PAX_FORMAT)
        return
    header.size, header.type = entry.size, tarfile.REGTYPE
    yield header.tobuf(tarfile.PAX_FORMAT)
    content = ty.cast(ty.IO[bytes], tar.extractfile(entry))
    left = entry.size
    seen = witness.member(name, entry.size)
    while left:
        piece = content.read(min(PIECE, left))
        if not piece:
            raise exception.InvalidArchive(reason=f'it ends within {entry.name!r}')
        left -= len(piece)
        seen.update(piece)
        yield piece
    yield b'\0' * (-entry.size % _BLOCK)

