"""A real registry on loopback, for as long as a test needs it.

Debian's ``docker-registry``; engines take registries on 127.0.0.0/8 without
TLS.  Images go in through its API, so that no engine has to push them.

API: https://distribution.github.io/distribution/spec/api/
"""

from collections.abc import Iterator
import contextlib
import json
from pathlib import Path
import socket
import subprocess
import tempfile
import time

import requests

from tests.archives import digest
from tests.archives import Image

MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
START_SECONDS = 15


class Registry:
    """What a test does with a registry: put images in."""

    def __init__(self, address: str) -> None:
        self.address = address

    def publish(self, repository: str, tag: str, image: Image) -> str:
        """Push the image.  :returns: its reference, registry included"""
        layer, config = image.layer, image.config
        for blob in (layer, config):
            self._push_blob(repository, blob)
        manifest = {
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
        }
        requests.put(
            f"http://{self.address}/v2/{repository}/manifests/{tag}",
            data=json.dumps(manifest),
            headers={"Content-Type": MANIFEST_TYPE},
            timeout=30,
        ).raise_for_status()
        return f"{self.address}/{repository}:{tag}"

    def _push_blob(self, repository: str, blob: bytes) -> None:
        base = f"http://{self.address}/v2/{repository}/blobs/uploads/"
        upload = requests.post(base, timeout=30)
        upload.raise_for_status()
        requests.put(
            upload.headers["Location"],
            params={"digest": digest(blob)},
            data=blob,
            headers={"Content-Type": "application/octet-stream"},
            timeout=30,
        ).raise_for_status()

    def answers(self) -> bool:
        try:
            return requests.get(f"http://{self.address}/v2/", timeout=1).ok
        except requests.ConnectionError:
            return False


@contextlib.contextmanager
def running(program: str) -> Iterator[Registry]:
    """Run a registry with an empty store of its own.

    :param program: the path of the ``docker-registry`` executable
    """
    with tempfile.TemporaryDirectory(prefix="nova-docker-registry-") as folder:
        registry = Registry(f"127.0.0.1:{_free_port()}")
        config = Path(folder, "config.json")
        config.write_text(json.dumps({  # JSON is YAML too
            "version": 0.1,
            "storage": {"filesystem": {"rootdirectory": f"{folder}/store"}},
            "http": {"addr": registry.address},
            "log": {"level": "error", "accesslog": {"disabled": True}},
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
