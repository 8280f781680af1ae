"""Files inside containers: ``/containers/{id}/archive`` of the Docker Remote API.

It works on a container in any state and needs no program in it.
"""

import base64
from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import enum
import io
import json
import posixpath
import tarfile
import typing as ty

from nova_docker import exception
from nova_docker.engine import session

# What the driver reads are configuration files; an image can hold anything.
_MAX_BYTES = 4 << 20


@dataclasses.dataclass(frozen=True)
class File:
    """A regular file of a container.

    :param content: all of it
    :param mode: permission bits
    :param uid: the owner, as the container sees it
    :param gid: the group, as the container sees it
    """

    content: bytes
    mode: int
    uid: int
    gid: int


@dataclasses.dataclass(frozen=True)
class Folder:
    """A folder of a container; the fields are those of a file."""

    mode: int
    uid: int
    gid: int


class Kind(enum.Enum):
    """What is at a path."""

    FILE = 'a file'
    FOLDER = 'a folder'
    OTHER = 'no file'


@dataclasses.dataclass(frozen=True)
class Found:
    """What is at a path of a container.

    :param path: where it is after its own symbolic links, which stay inside of
        the container
    """

    path: str
    kind: Kind


# Of the bits with which Go describes a file: https://pkg.go.dev/io/fs#FileMode
_GO_FOLDER = 1 << 31
_GO_NEITHER = 0x0f280000  # link, device, pipe, socket, character device, irregular


class Files(session.Session):
    """The verbs of files."""

    def read_file(self, name: str, path: str) -> File:
        """``GET /containers/{id}/archive``

        :raises ContainerNotFound: when there is no container of that name
        :raises PathNotFound: when it has no regular file there
        :raises EngineError: when the file is larger than 4 MiB
        """
        action = f'read {path} of container {name}'
        try:
            return self._repeatable(action, lambda: self._read(name, path, action))
        except exception.EngineImageNotFound as e:
            raise exception.PathNotFound(action=action, reason=e.kwargs['reason']) from e

    def write_file(self, name: str, path: str, file: File) -> None:
        """``PUT /containers/{id}/archive``: make or replace a file.

        :raises ContainerNotFound: when there is no container of that name
        :raises PathNotFound: when it has no such folder
        """
        folder, base = posixpath.split(path)
        self.write_files(name, folder, {base: file})

    def write_files(self, name: str, folder: str,
                    entries: Mapping[str, File | Folder]) -> None:
        """``PUT /containers/{id}/archive``: make or replace files and folders.

        :param folder: a folder that there is
        :param entries: by the path below it, folders before what is in them.  A
            folder that there is keeps its content and gets the mode and owner.
        :raises ContainerNotFound: when there is no container of that name
        :raises PathNotFound: when it has no such folder
        """
        action = f'write files below {folder} of container {name}'
        try:
            self._repeatable(action, lambda: self._short.put_archive(
                name, folder, _archive(entries)))
        except exception.EngineImageNotFound as e:
            raise exception.PathNotFound(action=action, reason=e.kwargs['reason']) from e

    def find_path(self, name: str, path: str) -> Found | None:
        """``HEAD /containers/{id}/archive``

        :returns: None when there is no such container or nothing at the path
        :raises EngineError: when it is below a file
        """
        try:
            found = self._repeatable(f'look for {path} in container {name}',
                                     lambda: self._stat(name, path))
        except exception.EngineImageNotFound:
            # What a 404 without a text is taken for.
            return None
        if found['linkTarget'] and found['linkTarget'] != path:
            return self.find_path(name, found['linkTarget'])
        if found['mode'] & _GO_FOLDER:
            return Found(path, Kind.FOLDER)
        return Found(path, Kind.OTHER if found['mode'] & _GO_NEITHER else Kind.FILE)

    def _stat(self, name: str, path: str) -> session.Json:
        url = self._short._url('/containers/{0}/archive', name)
        response = self._short.head(url, params={'path': path}, timeout=self._timeout)
        self._short._raise_for_status(response)
        text = base64.b64decode(response.headers['X-Docker-Container-Path-Stat'])
        return ty.cast(session.Json, json.loads(text))

    def _read(self, name: str, path: str, action: str) -> File:
        response = self._short._get(
            self._short._url('/containers/{0}/archive', name), stream=True,
            params={'path': path})
        with response:
            self._short._raise_for_status(response)
            data = _at_most(response.iter_content(65536), _MAX_BYTES, action)
        return _unpack(data, action)


def _at_most(chunks: Iterable[bytes], limit: int, action: str) -> bytes:
    kept = bytearray()
    for chunk in chunks:
        kept += chunk
        if len(kept) > limit:
            raise exception.EngineError(
                action=action, reason=f'it is larger than {limit >> 20} MiB')
    return bytes(kept)


def _unpack(data: bytes, action: str) -> File:
    """The one file of a tar.  A folder or a link is not followed."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        member = tar.next()
        if member is None or not member.isreg():
            raise exception.PathNotFound(action=action, reason='it is not a regular file')
        content = ty.cast(ty.IO[bytes], tar.extractfile(member)).read()
    # The engine puts the type of the file into its mode, too.
    return File(content, member.mode & 0o7777, member.uid, member.gid)


def _archive(entries: Mapping[str, File | Folder]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode='w') as tar:
        for name, entry in entries.items():
            member = tarfile.TarInfo(name)
            member.mode, member.uid, member.gid = entry.mode, entry.uid, entry.gid
            content = b''
            if isinstance(entry, Folder):
                member.type = tarfile.DIRTYPE
            else:
                content = entry.content
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()
