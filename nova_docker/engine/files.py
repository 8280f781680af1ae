"""Files inside containers: ``/containers/{id}/archive`` of the Docker Remote API.

It works on a container in any state and needs no program in it.
"""

from collections.abc import Iterable
import dataclasses
import io
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
        action = f'write {path} of container {name}'
        folder, base = posixpath.split(path)
        try:
            self._repeatable(action, lambda: self._short.put_archive(
                name, folder, _pack(base, file)))
        except exception.EngineImageNotFound as e:
            raise exception.PathNotFound(action=action, reason=e.kwargs['reason']) from e

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


def _pack(name: str, file: File) -> bytes:
    member = tarfile.TarInfo(name)
    member.mode, member.uid, member.gid = file.mode, file.uid, file.gid
    member.size = len(file.content)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode='w') as tar:
        tar.addfile(member, io.BytesIO(file.content))
    return stream.getvalue()
