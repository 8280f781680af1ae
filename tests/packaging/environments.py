"""Python environments that look like an operator's, made in a second.

Installing Nova takes minutes.  Here the site-packages of the environment that
runs the tests are linked into a new one, entry by entry; only ``nova`` is a
real copy, because the driver is installed into it and nothing may be written
to the original.
"""

from pathlib import Path
import shutil
import subprocess
import sys
import sysconfig
import venv

# The driver itself, and start-up hooks of the environment that runs the tests.
NOT_SHARED = ("nova_docker", "__editable__", "distutils-precedence")
# Most of Nova's size; nothing that is imported at run time.
NOT_COPIED = ("tests", "docker", "__pycache__", "locale")


class Environment:
    """A virtual environment with Nova installed from a wheel."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "bin" / "python"
        venv.create(folder, with_pip=False, symlinks=True)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        self.site_packages = folder / "lib" / version / "site-packages"
        self._furnish(Path(sysconfig.get_path("purelib")))

    def _furnish(self, source: Path) -> None:
        for entry in source.iterdir():
            name = entry.name.replace("-", "_")
            if entry.suffix == ".pth" or name.startswith(NOT_SHARED):
                continue
            target = self.site_packages / entry.name
            if entry.name == "nova":
                shutil.copytree(entry, target, ignore=self._unneeded)
            else:
                target.symlink_to(entry)

    @staticmethod
    def _unneeded(_folder: str, names: list[str]) -> set[str]:
        return set(names) & set(NOT_COPIED)

    def pip(self, *arguments: str | Path) -> None:
        """Run the pip of the tests' environment on this one; no index is asked."""
        run([sys.executable, "-m", "pip", "--python", self.python,
             "--disable-pip-version-check", *arguments])

    def install(self, *arguments: str | Path) -> None:
        self.pip("install", "--no-deps", "--no-index", "--no-build-isolation", *arguments)

    def uninstall(self) -> None:
        self.pip("uninstall", "--yes", "nova-docker")

    def evaluate(self, expression: str) -> str:
        """What Python prints for an expression, after the imports it names."""
        return run([self.python, "-c", expression], cwd=self.folder).strip()


def run(command: list[str | Path], cwd: Path | None = None) -> str:
    """Run a command.  :returns: its standard output"""
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}{done.stderr}"
    return done.stdout
