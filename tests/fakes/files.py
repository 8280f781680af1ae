"""The files of the fake engine's containers, and the volumes they share."""

from collections.abc import Mapping
import posixpath
from typing import Any

from nova_docker import exception
from nova_docker.engine.client import File
from nova_docker.engine.client import Folder
from nova_docker.engine.client import Found
from nova_docker.engine.client import Kind
from tests.fakes.containers import Container
from tests.fakes.containers import mount_point
from tests.fakes.verbs import verb

Files = dict[str, File | Folder]


class FileVerbs:
    """A part of the fake engine."""

    def __init__(self) -> None:
        # What is in volumes, by the path on the engine's host.
        self.host_files: Files = {}
        self.volumes: dict[str, dict[str, str]] = {}  # labels by name

    containers: dict[str, Container]
    _find: Any

    @verb
    def read_file(self, name: str, path: str) -> File:
        action = f"read {path} of container {name}"
        files, where = self._locate(self._find(name, action), path)
        file = files.get(where)
        if not isinstance(file, File):
            raise exception.PathNotFound(action=action, reason=f"Could not find the file {path}")
        return file

    @verb
    def write_file(self, name: str, path: str, file: File) -> None:
        folder, base = posixpath.split(path)
        self._write(name, folder, {base: file})

    @verb
    def write_files(self, name: str, folder: str, entries: Mapping[str, File | Folder]) -> None:
        self._write(name, folder, entries)

    @verb
    def find_path(self, name: str, path: str) -> Found | None:
        try:
            container = self._find(name, "look")
        except exception.ContainerNotFound:
            return None
        files, where = self._locate(container, path)
        if isinstance(files.get(where), File):
            return Found(path, Kind.FILE)
        return Found(path, Kind.FOLDER) if self._is_folder(container, path) else None

    def _write(self, name: str, folder: str, entries: Mapping[str, File | Folder]) -> None:
        action = f"write files below {folder} of container {name}"
        container = self._find(name, action)
        if not self._is_folder(container, folder):
            raise exception.PathNotFound(action=action, reason=f"Could not find the file {folder}")
        for path, entry in entries.items():
            files, where = self._locate(container, posixpath.join(folder, path))
            files[where] = entry

    def _is_folder(self, container: Container, path: str) -> bool:
        files, where = self._locate(container, path)
        inside = where.rstrip("/") + "/"
        return (path in ("/", *(target for _, target in container.mounts))
                or isinstance(files.get(where), Folder)
                or any(other.startswith(inside) for other in files))

    def _locate(self, container: Container, path: str) -> tuple[Files, str]:
        """The files that the path is among, and its name there."""
        for source, target in container.mounts:
            if path == target or path.startswith(target + "/"):
                return self.host_files, source + path.removeprefix(target)
        return container.files, path

    # Volumes -----------------------------------------------------------------

    @verb
    def list_volumes(self, labels: Mapping[str, str]) -> list[dict[str, Any]]:
        return [{"Name": name, "Labels": own, "Mountpoint": mount_point(name)}
                for name, own in self.volumes.items() if labels.items() <= own.items()]

    @verb
    def remove_volume(self, name: str) -> None:
        if any(name in container.volumes.values() for container in self.containers.values()):
            raise exception.EngineConflict(
                action=f"remove volume {name}", reason=f"remove {name}: volume is in use")
        self._drop_volume(name)

    def _make_volumes(self, container: Container) -> None:
        for mount in container.host_config.get("Mounts") or ():
            if mount["Type"] == "volume":
                labels = mount.get("VolumeOptions", {}).get("Labels", {})
                self.volumes.setdefault(container.volumes[mount["Target"]], labels)

    def _drop_unnamed_volumes(self, container: Container) -> None:
        for mount in container.host_config.get("Mounts") or ():
            if mount["Type"] == "volume" and not mount.get("Source"):
                self._drop_volume(container.volumes[mount["Target"]])

    def _drop_volume(self, name: str) -> None:
        self.volumes.pop(name, None)
        self.host_files = {path: entry for path, entry in self.host_files.items()
                           if not path.startswith(mount_point(name) + "/")}

