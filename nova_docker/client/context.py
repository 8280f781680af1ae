"""The context of a build: a folder, a tar archive, or what the engine fetches.

A folder is streamed as the tar archive that the engine wants, file by file; the
SDK would write all of it to a temporary file first.
"""

from collections.abc import Iterator
import dataclasses
import os
from pathlib import Path
import re
import tarfile
import uuid

from osc_lib import exceptions

from nova_docker.client import engine

_PIECE = 1 << 18
_REMOTE = re.compile(r'(https?://|git://|git@|github\.com/)')


@dataclasses.dataclass(frozen=True)
class Context:
    """What a build is made of: ``pieces`` of a tar archive, or a ``remote``.

    :param name: what an image of it may be called
    :param dockerfile: its name in the context; None is Dockerfile
    """

    name: str
    dockerfile: str | None
    pieces: Iterator[bytes] | None = None
    remote: str | None = None


def context(given: str, dockerfile: str | None) -> Context:
    """What the user gave.

    :param given: a folder, a tar archive (plain or compressed), or the URL of a git
        repository or an archive
    :param dockerfile: what --file says
    :raises CommandError: it is nothing of these, or has no Dockerfile
    """
    if os.path.isdir(given):
        return _folder(Path(given).resolve(), dockerfile)
    if os.path.isfile(given):
        if not _is_tar(given):
            raise exceptions.CommandError(
                f'{given} is not a tar archive; CONTEXT is the folder that the Dockerfile is in.')
        return Context(Path(given).name.split('.')[0], dockerfile, pieces=_file(given))
    if _REMOTE.match(given):
        name = re.sub(r'(\.git|\.tar.*)?(#.*)?$', '', given.rstrip('/')).rpartition('/')[2]
        return Context(name, dockerfile, remote=given)
    raise exceptions.CommandError(
        f'{given} is neither a folder, nor a tar archive, nor the URL of a git repository.')


def _folder(folder: Path, dockerfile: str | None) -> Context:
    name, outside = _dockerfile(folder, dockerfile)
    return Context(folder.name or 'image', name, pieces=_tar(folder, name, outside))


def _dockerfile(folder: Path, given: str | None) -> tuple[str, Path | None]:
    """Its name in the context, and its path if it lies elsewhere.

    As the docker command has it, the path is relative to the working directory.
    One that is in the context alone is found, too.
    """
    path = Path(given) if given else folder / 'Dockerfile'
    if given and not path.is_file():
        path = folder / given
    if not path.is_file():
        raise exceptions.CommandError(
            f'There is no file {path}: name the Dockerfile with --file.')
    path = path.resolve()
    if path.is_relative_to(folder):
        return path.relative_to(folder).as_posix(), None
    return f'.dockerfile.{uuid.uuid4().hex}', path


def _tar(folder: Path, dockerfile: str, outside: Path | None) -> Iterator[bytes]:
    for name in engine.included(str(folder), _ignored(folder), dockerfile):
        yield from _member(folder / name, name)
    if outside is not None:
        yield from _member(outside, dockerfile)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _ignored(folder: Path) -> list[str]:
    """https://docs.docker.com/build/concepts/context/#dockerignore-files"""
    path = folder / '.dockerignore'
    if not path.is_file():
        return []
    lines = (line.strip() for line in path.read_text().splitlines())
    return [line for line in lines if line and not line.startswith('#')]


def _member(path: Path, name: str) -> Iterator[bytes]:
    """One file, folder or link; sockets and devices have no place in a context."""
    try:
        state = path.lstat()
        header = tarfile.TarInfo(name)
        header.mode, header.mtime = state.st_mode & 0o7777, int(state.st_mtime)
        if path.is_symlink():
            header.type, header.linkname = tarfile.SYMTYPE, os.readlink(path)
            yield header.tobuf(tarfile.PAX_FORMAT)
        elif path.is_dir():
            header.type = tarfile.DIRTYPE
            yield header.tobuf(tarfile.PAX_FORMAT)
        elif path.is_file():
            header.size = state.st_size
            yield header.tobuf(tarfile.PAX_FORMAT)
            yield from _content(path, header.size)
    except OSError as e:
        raise exceptions.CommandError(
            f'{path} cannot be read ({e.strerror}): make it readable, or name it in '
            f'.dockerignore.') from e


def _content(path: Path, size: int) -> Iterator[bytes]:
    left = size
    with path.open('rb') as file:
        while left and (piece := file.read(min(left, _PIECE))):
            left -= len(piece)
            yield piece
    if left:
        raise exceptions.CommandError(f'{path} became shorter while it was read; build again.')
    yield bytes(-size % tarfile.BLOCKSIZE)


def _is_tar(path: str) -> bool:
    try:
        return tarfile.is_tarfile(path)
    except OSError as e:
        raise exceptions.CommandError(f'{path} cannot be read: {e.strerror}.') from e


def _file(path: str) -> Iterator[bytes]:
    with open(path, 'rb') as file:
        while piece := file.read(_PIECE):
            yield piece
