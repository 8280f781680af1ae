"""What the packaging tests share: a clean source tree and what is built of it."""

from collections.abc import Callable
from pathlib import Path
import shutil
import sys

import pytest

from tests.packaging.environments import Environment
from tests.packaging.environments import run

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shallow clone, as CI makes it, brought up to the working tree.

    Building in the working tree itself would pick up what earlier builds left
    in build/.
    """
    clone = tmp_path_factory.mktemp("source") / "nova-docker"
    run(["git", "clone", "--quiet", "--depth", "1", f"file://{ROOT}", clone])
    listed = run(["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard"])
    for name in listed.splitlines():
        target = clone / name
        if (ROOT / name).is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
        else:
            target.unlink(missing_ok=True)
    run(["git", "-C", clone, "add", "--all"])
    return clone


@pytest.fixture(scope="session")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a clone."""
    return build("wheel", source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def sdist(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", source, tmp_path_factory.mktemp("sdist"))


def build(kind: str, source: Path, target: Path) -> Path:
    """Call the build backend that pyproject.toml names, as pip would.

    Without release notes: where reno is installed, pbr puts them into an sdist,
    and reno cannot read the history of a shallow clone.
    """
    call = f"import sys; from pbr import build; print(build.build_{kind}(sys.argv[1]))"
    name = run(["env", "SKIP_GENERATE_RENO=1", sys.executable, "-c", call, target],
               cwd=source).split()[-1]
    return target / name


@pytest.fixture
def new_environment(tmp_path: Path) -> Callable[[], Environment]:
    return lambda: Environment(tmp_path / "venv")
