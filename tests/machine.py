"""What a test may ask of the machine it runs on.

A test that needs something the machine lacks must not pass for green on the
machine that guards the branch: there it fails.  On a developer's own machine
it skips, and says what to install.
"""

import os
import shutil
from typing import NoReturn

import pytest


def lacking(what: str, fix: str) -> NoReturn:
    """End the running test: the machine lacks ``what``, and ``fix`` supplies it."""
    reason = f"this machine lacks {what}: {fix}"
    if os.environ.get("CI", "").lower() in ("1", "true", "yes"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def require_program(name: str, package: str) -> str:
    """Return the path of a program, or end the test with the package to install."""
    return shutil.which(name) or lacking(name, f"apt-get install {package}")


def require_root() -> None:
    """End the test unless it runs as root, as network namespaces need."""
    if os.geteuid() != 0:
        lacking("root's privileges", "run tools/run-tests as root")
