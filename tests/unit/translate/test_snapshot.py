"""A commit's archive becomes an image that boots as the original."""

import io
import json
import tarfile
from typing import Any

import pytest

from nova_docker import exception
from nova_docker.translate import archive
from nova_docker.translate import snapshot
from tests.archives import digest
from tests.archives import pieces

COMMIT = "sha256:" + "c" * 64
ORIGINAL = {"Env": ["A=b"], "Cmd": ["/serve"], "Labels": None}
CONFIG = {"config": {"Env": ["A=b", "SECRET=x"], "Labels": {"ours": "1"}},
          "container": "1234", "container_config": {"Env": ["SECRET=x"]},
          "rootfs": {"type": "layers", "diff_ids": [digest(b"layer")]}}


LAYER = archive.member("{file", b"layer") + archive.END
DESCRIPTION = b'{"config": {"Env": ["SECRET=x"]}}'


def saved(config_name: str = "c" * 64 + ".json") -> list[tuple[str, bytes]]:
    """As Docker 20.10 names its members."""
    return [("l1/VERSION", b"1.0"), ("l1/json", DESCRIPTION), ("l1/layer.tar", LAYER),
            *described(config_name, "l1/layer.tar")]


def saved_as_blobs() -> list[tuple[str, bytes]]:
    """As Docker 25 does: whatever a member is, its name does not tell."""
    return [(f"blobs/sha256/{'a' * 64}", DESCRIPTION), (f"blobs/sha256/{'b' * 64}", LAYER),
            *described(f"blobs/sha256/{'c' * 64}", f"blobs/sha256/{'b' * 64}"),
            (f"blobs/sha256/{'d' * 64}", b'{"schemaVersion": 2}')]


def described(config_name: str, layer_name: str) -> list[tuple[str, bytes]]:
    manifest = [{"Config": config_name, "RepoTags": ["private:tag"], "Layers": [layer_name]}]
    return [(config_name, json.dumps(CONFIG).encode()), ("index.json", b"{}"),
            ("manifest.json", json.dumps(manifest).encode()), ("repositories", b"{}")]


def rewritten(members: list[tuple[str, bytes]], size: int = 65536) -> dict[str, bytes]:
    content = b"".join(archive.member(*member) for member in members) + archive.END
    result = b"".join(snapshot.as_original(pieces(content, size), COMMIT, ORIGINAL))
    with tarfile.open(fileobj=io.BytesIO(result)) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar}


@pytest.mark.parametrize("size", [1, 100, 65536])
@pytest.mark.parametrize("archived", [saved(), saved_as_blobs()], ids=["20.10", "25"])
def test_the_configuration_is_the_originals_and_nothing_of_the_container_is_left(archived, size):
    members = rewritten(archived, size)
    manifest: list[dict[str, Any]] = json.loads(members["manifest.json"])
    assert manifest[0]["RepoTags"] is None
    layer, = manifest[0]["Layers"]
    assert members[layer] == LAYER
    content = members[manifest[0]["Config"]]
    assert json.loads(content) == {"config": ORIGINAL, "rootfs": CONFIG["rootfs"]}
    assert digest(content).removeprefix("sha256:") in manifest[0]["Config"]
    assert sorted(members) == sorted([manifest[0]["Config"], layer, "manifest.json"])


@pytest.mark.parametrize("kept", range(6))
def test_an_archive_that_ends_early_is_no_snapshot(kept):
    with pytest.raises(exception.InvalidArchive):
        rewritten([member for member in saved() if member[0] != "manifest.json"][:kept])


def test_an_archive_that_is_cut_within_a_layer_is_no_snapshot():
    content = archive.member("l1/layer.tar", b"x" * 5000)[:2000]
    with pytest.raises(exception.InvalidArchive):
        list(snapshot.as_original([content], COMMIT, ORIGINAL))


def test_a_layout_that_is_not_known_is_an_error():
    with pytest.raises(exception.InvalidArchive, match="layout"):
        rewritten(saved("config"))
