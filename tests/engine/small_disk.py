"""An engine of its own, whose data are on a small disk that can be filled."""

from collections.abc import Iterator
import contextlib
import os
from pathlib import Path
import subprocess

import docker

from tests import machine
from tests.engine import waiting

MIB = 1 << 20


class Disk:
    """A file system in memory.

    :param folder: where it is mounted
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    @property
    def free(self) -> int:
        """Bytes, with what the filler holds."""
        status = os.statvfs(self.folder)
        filler = self._filler.stat().st_size if self._filler.exists() else 0
        return status.f_bavail * status.f_frsize + filler

    @contextlib.contextmanager
    def full_but_for(self, mib: int) -> Iterator[None]:
        """During the body there is no more room than that."""
        try:
            with self._filler.open("wb") as filler:
                os.posix_fallocate(filler.fileno(), 0, self.free - mib * MIB)
            yield
        finally:
            self._filler.unlink()


@contextlib.contextmanager
def mounted(folder: Path, mib: int) -> Iterator[Disk]:
    """A disk of that size."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", folder], check=True)
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextlib.contextmanager
def engine(folder: Path, disk: Disk) -> Iterator[str]:
    """Run an engine in the network of the tests, so that it reaches their registry.

    :yields: its URL
    """
    machine.require_program("dockerd", package="docker.io")
    url = f"unix://{folder}/s"
    command = ["dockerd", "--host", url, "--data-root", str(disk.folder / "docker"),
               "--exec-root", str(folder / "exec"), "--pidfile", str(folder / "pid"),
               "--exec-opt", "native.cgroupdriver=cgroupfs", "--storage-driver", "overlay2",
               "--bridge", "none", "--iptables=false"]
    with (folder / "log").open("wb") as log, subprocess.Popen(
            command, stdout=log, stderr=log) as process:
        try:
            waiting.until(lambda: _answers(url), seconds=30)
            yield url
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    try:
        with docker.APIClient(url, version="auto") as api:
            return bool(api.ping())
    except docker.errors.DockerException:
        return False
