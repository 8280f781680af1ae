"""Makes what the tests run in, and prints where its virtual environment is.

The all-in-one cloud and the tests share one environment, so the work is done by
the cloud's own code; this runs before there is any, on Debian's bare Python.
"""

import fcntl
from pathlib import Path
import shutil
import subprocess
import sys
from typing import IO

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

from aio import packages
from aio import venv
from aio.layout import from_environment
from aio.layout import Layout
from aio.step import Failure

# What only the tests need of Debian: package -> a program of it.
ONLY_FOR_TESTS = {"git": "git", "shellcheck": "shellcheck", "btrfs-progs": "mkfs.btrfs",
                  "podman": "podman", "skopeo": "skopeo", "buildah": "buildah"}


def install_test_packages(log: Path) -> None:
    absent = [package for package, name in ONLY_FOR_TESTS.items() if not shutil.which(name)]
    if not absent:
        return
    with log.open("ab") as output:
        subprocess.run(
            ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300", "install",
             "--no-install-recommends", *absent],
            stdout=output, stderr=output, check=True)


def wait_for(lock: IO[str]) -> None:
    """Let a quickstart that is at work on the same state end first."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("waiting for a quickstart that is at work on the same state ...", file=sys.stderr)
        fcntl.flock(lock, fcntl.LOCK_EX)


def ensure(layout: Layout) -> Path:
    """Make what is missing.  :returns: the virtual environment"""
    layout.make_folders()
    with (layout.run / "lock").open("a") as lock:
        wait_for(lock)
        packages.install(layout.log / "apt.log")
        install_test_packages(layout.log / "apt.log")
        environment = venv.ensure(layout)
        venv.install_driver(layout, environment)
    return environment


if __name__ == "__main__":
    try:
        print(ensure(from_environment()))
    except Failure as failure:
        sys.exit(failure.report())
