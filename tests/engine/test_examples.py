"""The examples that operators copy are ones that the engine takes."""

from pathlib import Path
import subprocess
import time

import docker
import pytest

from tests import machine

ROOT = Path(__file__).resolve().parents[2]


def test_the_engine_starts_with_the_example_of_its_configuration(tmp_path: Path) -> None:
    machine.require_program("dockerd", package="docker.io")
    # In a network of its own: without a bridge it would remove the machine's docker0.
    command = ["unshare", "--net", "dockerd", "--config-file",
               str(ROOT / "etc/nova-docker/daemon.json"), "--host", f"unix://{tmp_path}/s",
               "--data-root", str(tmp_path / "data"), "--exec-root", str(tmp_path / "exec"),
               "--pidfile", str(tmp_path / "pid"), "--exec-opt", "native.cgroupdriver=cgroupfs"]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(
            command, stdout=log, stderr=log) as dockerd:
        try:
            info = wait_for_info(f"unix://{tmp_path}/s", dockerd, tmp_path / "log")
        finally:
            dockerd.terminate()
    assert (info["LiveRestoreEnabled"], info["Driver"]) == (True, "overlay2")


def wait_for_info(url: str, dockerd: subprocess.Popen[bytes], log: Path) -> dict[str, object]:
    for _ in range(120):
        try:
            return docker.APIClient(url, version="auto").info()  # type: ignore[no-any-return]
        except docker.errors.DockerException:
            if dockerd.poll() is not None:
                break
            time.sleep(0.5)
    pytest.fail(log.read_text()[-1000:])
