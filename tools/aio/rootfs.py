"""Makes the file system of an image: busybox, some programs, their libraries, some texts."""

import io
from pathlib import Path
from pathlib import PurePosixPath
import tarfile

from aio import program
from aio.catalogue import BUSYBOX
from aio.catalogue import GROUPS
from aio.catalogue import Image
from aio.catalogue import USERS

FOLDERS = {'dev': 0o755, 'proc': 0o755, 'root': 0o755, 'sys': 0o755, 'tmp': 0o1777,
           'usr/sbin': 0o755, 'var/run': 0o755, 'var/log/nginx': 0o755, 'var/lib/nginx': 0o755}


def rootfs(image: Image) -> bytes:
    """What is in the image, as a tar."""
    files = _files(image)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w') as tar:
        for folder in _folders([*files, *(f'{folder}/x' for folder in FOLDERS)]):
            _add(tar, folder, tarfile.DIRTYPE, FOLDERS.get(folder, 0o755))
        for path, content in files.items():
            executable = path.startswith(('bin/', 'usr/sbin/', 'usr/bin/', 'lib'))
            _add(tar, path, tarfile.REGTYPE, 0o755 if executable else 0o644, content)
        for applet in program.output([BUSYBOX, '--list']).split():
            if applet != 'busybox' and f'bin/{applet}' not in files:
                _add(tar, f'bin/{applet}', tarfile.SYMTYPE, 0o777, target='busybox')
    return buffer.getvalue()


def context(image: Image) -> io.BytesIO:
    """What a ``docker build`` is given: a Dockerfile and what it adds."""
    dockerfile = '\n'.join(['FROM scratch', 'ADD rootfs.tar /', *image.config, ''])
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w') as tar:
        for name, content in (('Dockerfile', dockerfile.encode()), ('rootfs.tar', rootfs(image))):
            _add(tar, name, tarfile.REGTYPE, 0o644, content)
    buffer.seek(0)
    return buffer


def _files(image: Image) -> dict[str, bytes]:
    """Path in the image -> content."""
    texts = {'etc/passwd': USERS, 'etc/group': GROUPS, **image.files}
    files = {path: text.encode() for path, text in texts.items()}
    files['bin/busybox'] = BUSYBOX.read_bytes()
    for path in _with_libraries(image.programs):
        files[str(path).lstrip('/')] = path.read_bytes()
    return files


def _with_libraries(programs: tuple[Path, ...]) -> list[Path]:
    """The programs and every library that the loader would open for them."""
    wanted = dict.fromkeys(programs)
    for path in programs:
        for word in program.output(['ldd', path]).split():
            if word.startswith('/'):
                wanted[Path(word)] = None
    return list(wanted)


def _folders(paths: list[str]) -> list[str]:
    """The folders that hold ``paths``, outer ones first."""
    found = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
    return sorted(found - {'.'})


def _add(tar: tarfile.TarFile, path: str, kind: bytes, mode: int, content: bytes = b'',
         target: str = '') -> None:
    info = tarfile.TarInfo(path)
    info.type, info.mode, info.size, info.linkname = kind, mode, len(content), target
    tar.addfile(info, io.BytesIO(content))
