"""A flavor's root_gb limits the container where the engine's storage can.

On an engine of its own, whose data are on btrfs in a file.
"""

from collections.abc import Iterator
from pathlib import Path
import subprocess
import time

import docker
import pytest

from nova_docker import exception
from nova_docker import host as compute_host
from nova_docker import images
from nova_docker.engine import client
from nova_docker.translate import container
from tests import archives
from tests import machine

BUSYBOX = Path("/bin/busybox")
IDENTITY = container.Identity(
    uuid="11111111-2222-4333-8444-555555555555", name="n", host="quota", hostname="quota")


def run(*command: str | Path) -> None:
    subprocess.run([str(word) for word in command], check=True, capture_output=True)


def wait_for_engine(engine: client.Engine) -> None:
    for _ in range(60):
        try:
            engine.connect()
        except exception.EngineUnavailable:
            time.sleep(0.5)
        else:
            return
    raise AssertionError("the engine on btrfs does not answer")


@pytest.fixture(scope="module")
def on_btrfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an engine whose storage driver has quotas."""
    machine.require_root()
    for program, package in (("mkfs.btrfs", "btrfs-progs"), ("dockerd", "docker.io")):
        machine.require_program(program, package)
    folder = tmp_path_factory.mktemp("btrfs")
    disk, data = folder / "disk", folder / "data"
    data.mkdir()
    run("truncate", "--size", "3G", disk)
    run("mkfs.btrfs", "--quiet", disk)
    run("mount", "--options", "loop", disk, data)
    try:
        run("btrfs", "quota", "enable", data)
        # In a network of its own: an engine without a bridge removes docker0, which
        # may be that of the machine's engine.
        with (folder / "log").open("wb") as log, subprocess.Popen(
                ["unshare", "--net", "dockerd", "--host", f"unix://{folder}/s",
                 "--data-root", str(data), "--exec-root", str(folder / "exec"), "--pidfile",
                 str(folder / "pid"), "--bridge", "none", "--iptables=false",
                 "--storage-driver", "btrfs"],
                stdout=log, stderr=log) as dockerd:
            yield f"unix://{folder}/s"
            dockerd.terminate()
    finally:
        run("umount", data)


@pytest.fixture
def engine(on_btrfs: str) -> Iterator[client.Engine]:
    made = client.Engine(on_btrfs)
    wait_for_engine(made)
    yield made
    made.close()


@pytest.mark.usefixtures("settings")
def test_a_container_cannot_write_more_than_its_root_gb(
        engine: client.Engine, on_btrfs: str) -> None:
    sandbox = images.Images(engine).ensure_sandbox(compute_host.architecture(), None)
    assert compute_host.Host(engine, None, "quota").supports_disk_quota(sandbox)
    image = archives.Image(files={"bin/busybox": BUSYBOX.read_bytes()}, tags=["quota:1"],
                           command=["/bin/busybox", "dd", "if=/dev/zero", "of=/big", "bs=1M",
                                    "count=1500"])
    engine.load_image([image.archive()])
    config = container.workload_config(
        IDENTITY, image.id, container.Limits(1, "quota", 256, 0, 100, 1, False),
        engine.api_version)
    config["HostConfig"]["NetworkMode"] = "none"
    engine.create_container("limited", config)
    engine.start_container("limited")
    with docker.APIClient(on_btrfs, version="auto") as api:
        assert api.wait("limited", timeout=120)["StatusCode"] != 0
    assert b"quota exceeded" in engine.tail_logs("limited", lines=10, max_bytes=1000)
    engine.remove_container("limited")
