"""Tar archives, and images in the layouts of every tool, made from files in memory."""

import bz2
from collections.abc import Callable
from collections.abc import Sequence
import gzip
import io
import json
import lzma
import tarfile
from typing import Any

from tests.archives import digest

Members = list[tuple[str, bytes | tarfile.TarInfo]]


def gzipped(content: bytes) -> bytes:
    """The same bytes each time: no clock in it."""
    return gzip.compress(content, mtime=0)


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes, "gzip": gzipped, "bzip2": bz2.compress, "xz": lzma.compress}


def tar(*members: tuple[str, bytes | tarfile.TarInfo], form: int = tarfile.PAX_FORMAT) -> bytes:
    """An archive of files, and of ready entries for everything else."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as target:
        for name, content in members:
            if isinstance(content, tarfile.TarInfo):
                target.addfile(content)
            else:
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                target.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tuple[str, tarfile.TarInfo]:
    """A member that is not a file."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return name, entry


def unpacked(content: bytes) -> dict[str, bytes]:
    """The files of an archive; it has nothing else."""
    with tarfile.open(fileobj=io.BytesIO(content)) as source:
        return {entry.name: source.extractfile(entry).read()  # type: ignore[union-attr]
                for entry in source}


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def configuration(layers: Sequence[bytes]) -> bytes:
    return as_json({"os": "linux", "config": {"Cmd": ["/x"]}, "rootfs": {
        "type": "layers", "diff_ids": [digest(layer) for layer in layers]}})


def hexdigest(content: bytes) -> str:
    return digest(content).removeprefix("sha256:")


def docker_layout(layers: Sequence[bytes], tags: Sequence[str] = ()) -> Members:
    """As docker save wrote it from 1.10 to 24; equal layers are links."""
    members: Members = []
    paths: dict[bytes, str] = {}
    names = []
    for number, layer in enumerate(layers):
        name = f"{number:064x}"
        names.append(f"{name}/layer.tar")
        members += [special(name, tarfile.DIRTYPE), (f"{name}/VERSION", b"1.0"),
                    (f"{name}/json", as_json({"id": name}))]
        if layer in paths:
            members.append(special(names[-1], tarfile.SYMTYPE, f"../{paths[layer]}"))
        else:
            members.append((names[-1], layer))
            paths[layer] = names[-1]
    config = configuration(layers)
    return [*members, (f"{hexdigest(config)}.json", config),
            ("manifest.json", as_json([{"Config": f"{hexdigest(config)}.json",
                                        "RepoTags": [*tags], "Layers": names}])),
            ("repositories", as_json({tag: {"latest": "0"} for tag in tags}))]


def podman_layout(layers: Sequence[bytes], tags: Sequence[str] = ()) -> Members:
    """As podman, skopeo and buildah write a docker-archive."""
    config = configuration(layers)
    files = {f"{hexdigest(layer)}.tar": layer for layer in layers}
    links = [special(f"{number:064x}/layer.tar", tarfile.SYMTYPE, f"../{hexdigest(layer)}.tar")
             for number, layer in enumerate(layers)]
    return [*files.items(), (f"{hexdigest(config)}.json", config), *links,
            ("manifest.json", as_json([{
                "Config": f"{hexdigest(config)}.json", "RepoTags": [*tags],
                "Layers": [f"{hexdigest(layer)}.tar" for layer in layers]}]))]


def oci_layout(layers: Sequence[bytes], tags: Sequence[str] = (),
               compress: Callable[[bytes], bytes] = gzipped, nested: bool = False) -> Members:
    """As podman, skopeo, buildah and buildx write an oci-archive.

    :param nested: with an index in the index, and an attestation, as buildx does it
    """
    blobs: dict[str, bytes] = {}

    def blob(content: bytes, **more: Any) -> dict[str, Any]:
        blobs[f"blobs/sha256/{hexdigest(content)}"] = content
        return {"digest": digest(content), "size": len(content), **more}

    manifest = blob(as_json({
        "schemaVersion": 2, "config": blob(configuration(layers)),
        "layers": [blob(compress(layer)) for layer in layers]}),
        annotations={"org.opencontainers.image.ref.name": (*tags, "latest")[0]})
    manifests = [manifest]
    if nested:
        proof = blob(as_json({"schemaVersion": 2, "config": blob(b"{}"), "layers": []}),
                     annotations={"vnd.docker.reference.type": "attestation-manifest"})
        manifests = [blob(as_json({"schemaVersion": 2, "manifests": [manifest, proof]}))]
    return [special("blobs", tarfile.DIRTYPE), *sorted(blobs.items()),
            ("index.json", as_json({"schemaVersion": 2, "manifests": manifests})),
            ("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')]


def new_docker_layout(layers: Sequence[bytes], tags: Sequence[str] = ()) -> Members:
    """As docker save writes it since 25: an OCI layout with a manifest.json."""
    config = configuration(layers)
    return [*oci_layout(layers, tags, compress=bytes), ("manifest.json", as_json([{
        "Config": f"blobs/sha256/{hexdigest(config)}", "RepoTags": [*tags],
        "Layers": [f"blobs/sha256/{hexdigest(layer)}" for layer in layers]}]))]


LAYOUTS: dict[str, Callable[[Sequence[bytes], Sequence[str]], Members]] = {
    "docker": docker_layout, "new docker": new_docker_layout, "podman": podman_layout,
    "oci": oci_layout,
    "plain oci": lambda layers, tags: oci_layout(layers, tags, compress=bytes),
    "xz oci": lambda layers, tags: oci_layout(layers, tags, compress=lzma.compress),
    "nested oci": lambda layers, tags: oci_layout(layers, tags, nested=True),
}
