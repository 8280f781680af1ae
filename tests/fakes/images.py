"""The fake engine's images: loaded from archives or pulled, tagged, removed."""

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
import io
import json
import re
import tarfile
from typing import Any

from nova_docker import exception
from nova_docker.engine.client import File
from tests.archives import digest
from tests.archives import Image

REFERENCE = re.compile(
    r"(?P<repository>[a-z0-9]+(?:[._:/-]+[a-z0-9]+)*?)"
    r"(?::(?P<tag>[A-Za-z0-9_][\w.-]*))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?")
IMAGE_ID = re.compile(r"(sha256:)?[0-9a-f]{64}")


@dataclass
class StoredImage:
    """An image as the engine keeps it."""

    id: str
    config: dict[str, Any]
    paths: frozenset[str]
    layers: tuple[bytes, ...]
    tags: set[str] = field(default_factory=set)
    digests: set[str] = field(default_factory=set)
    files: dict[str, File] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return sum(map(len, self.layers))

    def committed(self, run: dict[str, Any], tag: str) -> "StoredImage":
        """The image of a container of it that has changed no file.

        :param run: the container's configuration, which is merged into the image's
        """
        own = self.config.get("config", {})
        added = {key: run[key] for key in ("Cmd", "Entrypoint") if run.get(key)}
        config = {**self.config, "config": {
            **own, **added, "Env": [*(own.get("Env") or ()), *(run.get("Env") or ())],
            "Labels": {**(own.get("Labels") or {}), **(run.get("Labels") or {})}}}
        return StoredImage(id=digest(json.dumps(config).encode()), config=config,
                           paths=self.paths, layers=self.layers, files=self.files,
                           tags={tag})

    def archive(self) -> bytes:
        """``GET /images/{name}/get``"""
        stream = io.BytesIO()
        config_name = self.id.removeprefix("sha256:") + ".json"
        names = [f"{digest(layer).removeprefix('sha256:')}/layer.tar" for layer in self.layers]
        manifest = [{"Config": config_name, "RepoTags": sorted(self.tags), "Layers": names}]
        with tarfile.open(fileobj=stream, mode="w") as tar:
            for name, content in (*zip(names, self.layers, strict=True),
                                  (config_name, json.dumps(self.config).encode()),
                                  ("manifest.json", json.dumps(manifest).encode())):
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        return stream.getvalue()

    def inspect(self) -> dict[str, Any]:
        return {
            "Id": self.id,
            "RepoTags": sorted(self.tags),
            "RepoDigests": sorted(self.digests),
            "Created": self.config.get("created", ""),
            "Config": {"Env": [], "Cmd": None, "Entrypoint": None, "Labels": None,
                       "WorkingDir": "", "User": "", "Volumes": None, "ExposedPorts": None,
                       **self.config.get("config", {})},
            "Architecture": self.config.get("architecture", ""),
            "Os": self.config.get("os", ""),
            "Size": self.size,
            "VirtualSize": self.size,
            "RootFS": {"Type": "layers", "Layers": self.config["rootfs"]["diff_ids"]},
        }

    def summary(self) -> dict[str, Any]:
        return {
            "Id": self.id,
            "RepoTags": sorted(self.tags) or None,
            "RepoDigests": sorted(self.digests) or None,
            "Labels": self.config.get("config", {}).get("Labels"),
            "Created": 0,
            "Size": self.size,
            "Containers": -1,
        }


class FakeRegistry:
    """A registry that the fake engine can pull from."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.images: dict[str, tuple[str, Image]] = {}
        self.users: dict[str, str] = {}
        self._platforms: dict[str, tuple[str, ...]] = {}

    def publish(self, repository: str, tag: str, image: Image) -> str:
        """Offer the image.  :returns: its reference, registry included"""
        name = f"{self.address}/{repository}"
        by_digest = f"{name}@{digest(image.config + image.layer)}"
        self.images[f"{name}:{tag}"] = self.images[by_digest] = (by_digest, image)
        return f"{name}:{tag}"

    def publish_list(self, repository: str, tag: str, image: Image, *platforms: str) -> str:
        """Offer the image for these platforms and no other."""
        reference = self.publish(repository, tag, image)
        self._platforms[reference] = platforms
        return reference

    def platforms(self, reference: str) -> list[dict[str, str]]:
        image = json.loads(self.images[reference][1].config)
        own = f"{image['os']}/{image['architecture']}"
        return [dict(zip(("os", "architecture", "variant"), name.split("/"), strict=False))
                for name in self._platforms.get(reference, (own,))]

    def find(self, reference: str, action: str, credentials: Mapping[str, str]) -> str:
        """The full name of what is asked for, if the registry has it and gives it."""
        wanted = full_name(reference, action)
        if not wanted.startswith(self.address + "/"):
            raise exception.RegistryUnreachable(
                action=action, reason=f"dial tcp {wanted.split('/')[0]}: connection refused")
        if self.users and not credentials:
            raise exception.RegistryRefused(action=action, reason="no basic auth credentials")
        if self.users and self.users.get(credentials["username"]) != credentials["password"]:
            raise exception.RegistryRefused(
                action=action, reason="unauthorized: authentication required")
        if wanted not in self.images:
            raise exception.EngineImageNotFound(
                action=action, reason=f"manifest for {wanted} not found: manifest unknown")
        return wanted

    def pulled(self, reference: str, platform: str, action: str) -> "StoredImage":
        """The image as the engine keeps it after pulling that tag or digest."""
        if platform not in self._platforms.get(reference, (platform,)):
            raise exception.PlatformNotFound(
                action=action, reason=f"no matching manifest for {platform} in the manifest "
                                      "list entries")
        by_digest, image = self.images[reference]
        (result,) = read_archive([image.archive()], "pull")
        result.tags = {reference} - {by_digest}
        result.digests = {by_digest}
        return result


class ImageStore:
    """Images by id, by tag and by digest."""

    def __init__(self) -> None:
        self.images: dict[str, StoredImage] = {}

    def find(self, reference: str, action: str) -> StoredImage:
        """:raises EngineImageNotFound, EngineRejected: as the engine answers"""
        if IMAGE_ID.fullmatch(reference):
            wanted = "sha256:" + reference.removeprefix("sha256:")
            found = self.images.get(wanted)
        else:
            wanted = full_name(reference, action)
            found = next((image for image in self.images.values()
                          if wanted in image.tags | image.digests), None)
        if found is None:
            raise exception.EngineImageNotFound(
                action=action, reason=f"No such image: {wanted}")
        return found

    def add(self, image: StoredImage) -> StoredImage:
        """Keep it; its tags leave the images that had them."""
        kept = self.images.setdefault(image.id, image)
        for other in self.images.values():
            other.tags -= image.tags - (kept.tags if other is kept else set())
        kept.tags |= image.tags
        kept.digests |= image.digests
        return kept

    def tag(self, reference: str, name: str, action: str) -> None:
        """Give an image one name more, which leaves the image that had it."""
        image = self.find(reference, action)
        wanted = full_name(name, action)
        for other in self.images.values():
            other.tags.discard(wanted)
        image.tags.add(wanted)

    def in_repository(self, repository: str | None) -> list[StoredImage]:
        """The images with a tag in it; all images when none is named."""
        return [image for image in self.images.values() if repository is None
                or any(tag.rpartition(":")[0] == repository for tag in image.tags)]

    def remove(self, reference: str, user: str | None, action: str) -> None:
        """Remove a name, and the image with its last one.

        The digests of a repository go with its last tag.

        :param user: a container that uses the image, which forbids its removal
        """
        image = self.find(reference, action)
        by_id = bool(IMAGE_ID.fullmatch(reference))
        gone = image.tags | image.digests if by_id else {full_name(reference, action)}
        tags, digests = image.tags - gone, image.digests - gone
        emptied = {*map(repository_of, gone & image.tags)} - {*map(repository_of, tags)}
        digests = {name for name in digests if repository_of(name) not in emptied}
        if user and not tags | digests:
            raise exception.EngineConflict(
                action=action, reason=f"conflict: container {user} is using its referenced image")
        if by_id and len(image.tags) > 1:
            raise exception.EngineConflict(
                action=action, reason="conflict: image is referenced in multiple repositories")
        image.tags, image.digests = tags, digests
        if not tags | digests:
            del self.images[image.id]


def full_name(reference: str, action: str) -> str:
    """The reference with the tag that is meant when none is named."""
    match = REFERENCE.fullmatch(reference)
    if not match:
        raise exception.EngineRejected(
            action=action, reason=f"invalid reference format: {reference}")
    if match["digest"]:
        return f"{match['repository']}@{match['digest']}"
    return f"{match['repository']}:{match['tag'] or 'latest'}"


def repository_of(name: str) -> str:
    """Of a tag or a digest in full."""
    return name.partition("@")[0] if "@" in name else name.rpartition(":")[0]


def read_archive(pieces: Iterable[bytes], action: str) -> list[StoredImage]:
    """The images of a ``docker save`` archive.

    :raises ImageLoadFailed: when it is none
    """
    content = b"".join(pieces)
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            members = {entry.name: _read(tar, entry) for entry in tar if entry.isfile()}
        return [_image(members, entry) for entry in json.loads(members["manifest.json"])]
    except (tarfile.TarError, KeyError, ValueError, TypeError, EOFError) as e:
        raise exception.ImageLoadFailed(
            action=action, reason=f"Error processing tar file: {e}") from e


def _read(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    stream = tar.extractfile(entry)
    assert stream is not None
    return stream.read()


def _image(members: dict[str, bytes], entry: dict[str, Any]) -> StoredImage:
    raw = members[entry["Config"]]
    config = json.loads(raw)
    layers = [members[name] for name in entry["Layers"]]
    if [digest(layer) for layer in layers] != config["rootfs"]["diff_ids"]:
        raise ValueError("invalid diffID for a layer")
    paths: set[str] = set()
    files: dict[str, File] = {}
    for layer in layers:
        with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
            paths.update("/" + name.lstrip("./") for name in tar.getnames())
            files.update({"/" + member.name.lstrip("./"): File(
                _read(tar, member), member.mode, member.uid, member.gid)
                for member in tar if member.isfile()})
    return StoredImage(id=digest(raw), config=config, paths=frozenset(paths), files=files,
                       layers=tuple(layers), tags=set(entry.get("RepoTags") or ()))
