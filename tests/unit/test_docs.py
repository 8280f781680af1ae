"""The documentation builds without a warning."""

from pathlib import Path

from tests.unit.test_style import BIN
from tests.unit.test_style import check
from tests.unit.test_style import ROOT


def test_the_documentation_builds(tmp_path: Path):
    check(BIN / "sphinx-build", "-W", "--keep-going", "-q", "-b", "html",
          ROOT / "doc/source", tmp_path)


def test_release_notes_can_be_read():
    check(BIN / "reno", "lint")
