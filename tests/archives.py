"""Image archives as ``docker save`` writes them, made from files in memory.

Format: https://github.com/moby/docker-image-spec/blob/main/v1.2.md
"""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
import hashlib
import io
import json
import platform
import tarfile
from typing import Any

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True)
class Image:
    """One image: a single layer of files, and how to run it."""

    files: Mapping[str, bytes]
    links: Mapping[str, str] = field(default_factory=dict)
    command: Sequence[str] | None = None
    entrypoint: Sequence[str] | None = None
    env: Sequence[str] = ()
    tags: Sequence[str] = ()
    architecture: str = ARCHITECTURES.get(platform.machine(), platform.machine())
    volumes: Sequence[str] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    """More of the ``config``: User, WorkingDir, ExposedPorts, ..."""

    @property
    def layer(self) -> bytes:
        """The tar with the image's files; the same files give the same bytes."""
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as tar:
            for path, content in self.files.items():
                _add_file(tar, path, content, mode=0o755)
            for path, target in self.links.items():
                link = tarfile.TarInfo(path.lstrip("/"))
                link.type, link.linkname = tarfile.SYMTYPE, target
                tar.addfile(link)
        return stream.getvalue()

    @property
    def config(self) -> bytes:
        """The image's configuration; its digest is the image's id."""
        run: dict[str, Any] = {"Env": [*self.env], **self.settings}
        if self.command is not None:
            run["Cmd"] = [*self.command]
        if self.entrypoint is not None:
            run["Entrypoint"] = [*self.entrypoint]
        if self.volumes:
            run["Volumes"] = {path: {} for path in self.volumes}
        return json.dumps({
            "architecture": self.architecture,
            "os": "linux",
            "created": EPOCH,
            "config": run,
            "rootfs": {"type": "layers", "diff_ids": [digest(self.layer)]},
            "history": [{"created": EPOCH, "created_by": "nova-docker's tests"}],
        }).encode()

    @property
    def id(self) -> str:
        """What the engine calls the image: ``sha256:...``."""
        return digest(self.config)

    def archive(self) -> bytes:
        """The image as ``docker save`` would write it."""
        config_name = self.id.removeprefix("sha256:") + ".json"
        layer_name = digest(self.layer).removeprefix("sha256:") + "/layer.tar"
        manifest = [{
            "Config": config_name,
            "RepoTags": [*self.tags] or None,
            "Layers": [layer_name],
        }]
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as tar:
            _add_file(tar, layer_name, self.layer)
            _add_file(tar, config_name, self.config)
            _add_file(tar, "manifest.json", json.dumps(manifest).encode())
        return stream.getvalue()


def only_members(archive: bytes, *names: str) -> bytes:
    """The archive with these members alone."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(archive)) as whole, \
            tarfile.open(fileobj=stream, mode="w") as part:
        for name in names:
            part.addfile(whole.getmember(name), whole.extractfile(name))
    return stream.getvalue()


def stream(content: bytes) -> io.BytesIO:
    """The content as a file."""
    return io.BytesIO(content)


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def pieces(content: bytes, size: int = 65536) -> Iterator[bytes]:
    """The content as a stream would bring it."""
    yield from (content[start:start + size] for start in range(0, len(content), size))


def _add_file(tar: tarfile.TarFile, path: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(path.lstrip("/"))
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))
