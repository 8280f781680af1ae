"""The operator's check of a compute host, as the user of nova-compute runs it."""

from collections.abc import Iterator
from pathlib import Path
import re
import shutil
import subprocess
import tempfile
from typing import Any

import pytest

from nova_docker import status

# What is wrong with the host -> the check that fails, and the fix that it names.
BROKEN = {
    "the engine is not there": (
        "[docker]\nengine_url = unix:///run/nonexistent.sock",
        "Docker engine", "Check that dockerd runs"),
    "the engine is asked over plain TCP": (
        "[docker]\nengine_url = tcp://127.0.0.1:2375",
        "Docker engine", "tls_"),
    "the sandbox image is not there": (
        "[docker]\nsandbox_image = 127.0.0.1:1/pause:1",
        "Sandbox image", "docker pull 127.0.0.1:1/pause:1"),
    "the file of the registries' passwords is not there": (
        "[docker]\nregistry_auth_file = /nonexistent/config.json",
        "Files with secrets", "/nonexistent/config.json"),
    "sudo does not allow the privileged helper": (
        "[nova_docker_privileged]\nhelper_command = sudo -n /nonexistent/privsep-helper",
        "Privileged helper", "[nova_docker_privileged]/helper_command"),
    "Open vSwitch is not there": (
        "[os_vif_ovs]\novsdb_connection = tcp:127.0.0.1:1",
        "Open vSwitch", "ptcp:6640:127.0.0.1"),
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the user of nova-compute reaches, which pytest's own is not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def upgrade_check(facts: dict[str, Any], *more: Path) -> tuple[int, dict[str, tuple[str, str]]]:
    """Run it.  :returns: the exit code; per check its result and its details"""
    files = [f"--config-file={name}" for name in (f"{facts['etc']}/nova/nova-compute.conf", *more)]
    run = subprocess.run(
        ["sudo", "-u", "nova", f"{facts['venv']}/bin/nova-docker-status", *files,
         "upgrade", "check"], capture_output=True, text=True, check=False)
    text = re.sub(r"\s*\|\n\|\s*", " ", re.sub(r"\+-+\+\n", "", run.stdout))
    found = re.findall(r"Check: (.+?) Result: (\w+) Details: (.*?)(?= Check: |\s*\|?\s*$)", text)
    return run.returncode, {name: (result, details) for name, result, details in found}


def test_the_compute_host_of_the_cloud_has_no_failure(facts: dict[str, Any]) -> None:
    code, found = upgrade_check(facts)
    # 1: this machine's storage and clock may be worth a warning
    assert code in (0, 1), found
    assert len(found) == len(status.Checks._upgrade_checks)
    assert "Failure" not in {result for result, _ in found.values()}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_host_fails_with_the_fix(
        facts: dict[str, Any], folder: Path, broken: str) -> None:
    settings, check, fix = BROKEN[broken]
    path = folder / "broken.conf"
    path.write_text(settings)
    shutil.chown(path, group="nova")
    path.chmod(0o640)
    code, found = upgrade_check(facts, path)
    assert code == 2
    assert {name for name, (result, _) in found.items() if result == "Failure"} == {check}
    assert fix in found[check][1]
