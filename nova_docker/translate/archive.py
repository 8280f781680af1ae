"""Rewrite an image archive while it streams past.

A ``docker save`` archive names the tags that ``docker load`` will set.  A tenant
who chooses them could replace any image of the host, so the driver takes all of
them out and puts a private tag in.  One pass, constant memory: files are passed
on in pieces, and only small members that may be JSON are held.

What comes out is always one layout, that of Docker 1.10 and later with a single
image, whatever tool wrote what went in, and its manifest.json comes last: the
engine makes an image only of an archive that was checked to its end.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses
import hashlib
import json
import posixpath
import tarfile

from nova_docker import exception
from nova_docker.translate import compression
from nova_docker.translate import digests
from nova_docker.translate import layout
from nova_docker.translate import possession
from nova_docker.translate import tarstream

END = tarstream.END
# An image has at most 127 layers, and no tool writes more than four members for each.
_MAX_MEMBERS = 10_000
_MAX_NAME = 1024
_MAX_HELD = 8 << 20


@dataclasses.dataclass(frozen=True)
class Allowance:
    """How much an archive may unpack to.

    :param max_bytes: 0 is any number
    :param what: what allows it, for the message
    """

    max_bytes: int = 0
    what: str = ''


def rewrite(pieces: Iterable[bytes], tag: str, allowance: Allowance = Allowance(),
            hasher: Callable[[], digests.Hash] = hashlib.sha256) -> Iterator[bytes]:
    """The same image under the private tag alone.

    :param pieces: an archive of docker, podman, skopeo or buildah, or an OCI
        layout; plain or compressed with gzip, bzip2 or xz.  It is read to its end.
    :param tag: the tag that the image gets instead of those in the archive
    :param hasher: makes SHA-256 objects
    :returns: pieces of an uncompressed archive
    :raises InvalidArchive: saying what is wrong.  It is raised while the
        result is read, so whoever reads must drop what came before.
    :raises ImageTooLarge: it unpacks to more than is allowed
    """
    reader = tarstream.Reader(compression.decompressed(pieces))
    passage = _Passage(_Budget(allowance), hasher)
    for entry in reader.entries():
        yield from passage.admit(reader, entry)
    passage.pass_over(reader.drain())
    yield from passage.finish(tag)
    yield END


def member(name: str, content: bytes, mode: int = 0o644) -> bytes:
    """One file as it stands in an archive; END goes after the last."""
    header = tarfile.TarInfo(name)
    header.size, header.mode = len(content), mode
    return (header.tobuf(tarfile.PAX_FORMAT) + content + tarstream.padding(len(content)))


class _Budget:
    """Counts bytes down."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._left = allowance.max_bytes

    def take(self, size: int) -> None:
        """:raises ImageTooLarge: when there are not so many left"""
        if not self._allowance.max_bytes:
            return
        self._left -= size
        if self._left < 0:
            raise exception.ImageTooLarge(allowed=self._allowance.what)


class _Passage:
    """The members of one archive on their way."""

    def __init__(self, budget: _Budget, hasher: Callable[[], digests.Hash]) -> None:
        self._budget = budget
        self._hasher = hasher
        self._names: set[str] = set()
        self._found = layout.Found()
        self._held = 0

    def admit(self, reader: tarstream.Reader, entry: tarstream.Entry) -> Iterator[bytes]:
        """Check one member and pass its content on, if it has any."""
        name = self._checked_name(entry)
        if entry.kind is tarstream.Kind.LINK:
            self._found.links[name] = _link_target(entry, name)
        elif entry.kind is tarstream.Kind.FILE:
            self._budget.take(entry.size)
            content = reader.content()
            first = _beginning(content)
            if layout.may_be_json(name, first, entry.size):
                self._hold(name, first + b''.join(content))
            else:
                yield from self._pass_on(name, entry.size, first, content)

    def pass_over(self, pieces: Iterable[bytes]) -> None:
        """What follows the end of an archive: read, because checksums are
        compared at the end of the stream, and dropped."""
        for piece in pieces:
            self._budget.take(len(piece))

    def finish(self, tag: str) -> Iterator[bytes]:
        """The configuration and the manifest, if all is well."""
        image = layout.image_of(self._found)
        possession.check(image, self._found)
        for name in dict.fromkeys([image.config, *image.layers]):
            if name in self._found.texts:
                yield member(name, self._found.texts[name])
        yield member('manifest.json', json.dumps([{
            'Config': image.config, 'RepoTags': [tag], 'Layers': [*image.layers]}]).encode())

    def _hold(self, name: str, text: bytes) -> None:
        self._held += len(text)
        if self._held > _MAX_HELD:
            raise exception.InvalidArchive(
                reason=f'it holds more than {_MAX_HELD >> 20} MiB of JSON')
        self._found.texts[name] = text

    def _pass_on(self, name: str, size: int, first: bytes,
                 content: Iterator[bytes]) -> Iterator[bytes]:
        yield tarstream.file_header(name, size)
        sums = digests.Sums(name, self._hasher, self._budget.take)
        for piece in _chain(first, content):
            sums.update(piece)
            yield piece
        yield tarstream.padding(size)
        self._found.sums[name] = sums.finish()

    def _checked_name(self, entry: tarstream.Entry) -> str:
        """The member's plain relative name, or an error that names the trouble."""
        name = posixpath.normpath(entry.name)
        shown = entry.name[:100]
        if len(entry.name) > _MAX_NAME or len(entry.target) > _MAX_NAME:
            raise exception.InvalidArchive(reason=f'the name of its member {shown!r} is too long')
        if '\0' in entry.name + entry.target:
            # Written out again, manifest.json\0x would end at the NUL.
            raise exception.InvalidArchive(reason=f'the name of its member {shown!r} has a NUL')
        if entry.name.startswith('/') or name.split('/')[0] == '..':
            raise exception.InvalidArchive(reason=f'its member {shown!r} lies outside of it')
        if entry.kind is tarstream.Kind.OTHER:
            raise exception.InvalidArchive(
                reason=f'its member {shown!r} is not a file, directory or symbolic link')
        if any(parent in self._found.links for parent in _parents(name)):
            # Or x -> . and x/manifest.json would replace the manifest.
            raise exception.InvalidArchive(reason=f'its member {shown!r} is behind a link')
        if name in self._names and entry.kind is not tarstream.Kind.DIRECTORY:
            raise exception.InvalidArchive(reason=f'it has two members {shown!r}')
        if len(self._names) >= _MAX_MEMBERS:
            raise exception.InvalidArchive(reason=f'it has more than {_MAX_MEMBERS} members')
        self._names.add(name)
        return name


def _beginning(content: Iterator[bytes]) -> bytes:
    """Enough to tell what it is."""
    first = b''
    while len(first) < compression.LONGEST_MAGIC and (piece := next(content, b'')):
        first += piece
    return first


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _link_target(entry: tarstream.Entry, name: str) -> str:
    target = posixpath.normpath(posixpath.join(posixpath.dirname(name), entry.target))
    if entry.target.startswith('/') or target.split('/')[0] == '..':
        raise exception.InvalidArchive(reason=f'its link {entry.name!r} points out of it')
    return target


def _parents(name: str) -> Iterator[str]:
    while name := posixpath.dirname(name):
        yield name
