"""The operator's check of a compute host, as the user of nova-compute runs it."""

import subprocess
from typing import Any


def test_the_compute_host_of_the_cloud_has_no_failure(facts: dict[str, Any]) -> None:
    run = subprocess.run(
        ["sudo", "-u", "nova", f"{facts['venv']}/bin/nova-docker-status",
         "--config-file", f"{facts['etc']}/nova/nova-compute.conf", "upgrade", "check"],
        capture_output=True, text=True, check=False)
    # 1: this machine's storage and clock may be worth a warning
    assert run.returncode in (0, 1), run.stdout + run.stderr
    assert run.stdout.count("Check: ") == 10
    assert "Failure" not in run.stdout
