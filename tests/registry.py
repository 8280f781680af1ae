"""A real registry on loopback, for as long as a test needs it.

Debian's ``docker-registry``; engines take registries on 127.0.0.0/8 without
TLS.  Images go in through its API, so that no engine has to push them.

API: https://distribution.github.io/distribution/spec/api/
"""

from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import json
from pathlib import Path
import socket
import subprocess
import tempfile
import time
from typing import Any

import bcrypt
import requests

from tests.archives import digest
from tests.archives import Image

LIST_TYPE = "application/vnd.docker.distribution.manifest.list.v2+json"
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
START_SECONDS = 15


class Registry:
    """What a test does with a registry: put images in."""

    def __init__(self, address: str, users: Mapping[str, str] | None = None) -> None:
        self.address = address
        self.users = dict(users or {})
        self._session = requests.Session()
        self._session.auth = next(iter(self.users.items()), None)

    def publish(self, repository: str, tag: str, image: Image) -> str:
        """Push the image.  :returns: its reference, registry included"""
        layer, config = image.layer, image.config
        for blob in (layer, config):
            self._push_blob(repository, blob)
        return self._push_manifest(repository, tag, MANIFEST_TYPE, {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "size": len(config),
                "digest": digest(config),
            },
            "layers": [{
                "mediaType": "application/vnd.docker.image.rootfs.diff.tar",
                "size": len(layer),
                "digest": digest(layer),
            }],
        })

    def publish_list(self, repository: str, tag: str, image: Image, *platforms: str) -> str:
        """Offer the image for these platforms, ``os/architecture[/variant]``, and no other."""
        self.publish(repository, tag, image)
        manifest = self._session.get(
            f"http://{self.address}/v2/{repository}/manifests/{tag}",
            headers={"Accept": MANIFEST_TYPE}, timeout=30)
        return self._push_manifest(repository, tag, LIST_TYPE, {
            "schemaVersion": 2,
            "mediaType": LIST_TYPE,
            "manifests": [{
                "mediaType": MANIFEST_TYPE,
                "size": len(manifest.content),
                "digest": manifest.headers["Docker-Content-Digest"],
                "platform": dict(zip(("os", "architecture", "variant"), name.split("/"),
                                     strict=False)),
            } for name in platforms],
        })

    def _push_manifest(self, repository: str, tag: str, kind: str,
                       manifest: dict[str, Any]) -> str:
        self._session.put(
            f"http://{self.address}/v2/{repository}/manifests/{tag}",
            data=json.dumps(manifest),
            headers={"Content-Type": kind},
            timeout=30,
        ).raise_for_status()
        return f"{self.address}/{repository}:{tag}"

    def _push_blob(self, repository: str, blob: bytes) -> None:
        base = f"http://{self.address}/v2/{repository}/blobs/uploads/"
        upload = self._session.post(base, timeout=30)
        upload.raise_for_status()
        self._session.put(
            upload.headers["Location"],
            params={"digest": digest(blob)},
            data=blob,
            headers={"Content-Type": "application/octet-stream"},
            timeout=30,
        ).raise_for_status()

    def answers(self) -> bool:
        try:
            return self._session.get(f"http://{self.address}/v2/", timeout=1).ok
        except requests.ConnectionError:
            return False


@contextlib.contextmanager
def running(program: str, users: Mapping[str, str] | None = None) -> Iterator[Registry]:
    """Run a registry with an empty store of its own.

    :param program: the path of the ``docker-registry`` executable
    :param users: who may use it, by password; by default everybody
    """
    with tempfile.TemporaryDirectory(prefix="nova-docker-registry-") as folder:
        registry = Registry(f"127.0.0.1:{_free_port()}", users)
        config = Path(folder, "config.json")
        config.write_text(json.dumps({  # JSON is YAML too
            "version": 0.1,
            "storage": {"filesystem": {"rootdirectory": f"{folder}/store"}},
            "http": {"addr": registry.address},
            "log": {"level": "error", "accesslog": {"disabled": True}},
            **_auth(folder, registry.users),
        }))
        log = Path(folder, "log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                [program, "serve", str(config)], stdout=output, stderr=output)
            try:
                _wait_until_it_answers(registry, process, log)
                yield registry
            finally:
                process.kill()
                process.wait()


def _auth(folder: str, users: Mapping[str, str]) -> dict[str, Any]:
    """The registry takes bcrypt's hashes alone."""
    if not users:
        return {}
    path = Path(folder, "htpasswd")
    path.write_text("".join(
        f"{name}:{bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()}\n"
        for name, password in users.items()))
    return {"auth": {"htpasswd": {"realm": "tests", "path": str(path)}}}


def _wait_until_it_answers(registry: Registry, process: subprocess.Popen[bytes],
                           log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not registry.answers():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the registry did not start: {log.read_text()}")
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
