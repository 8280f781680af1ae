"""The house rules that a machine can check: lint, types, arrows, sizes, names."""

import ast
from collections.abc import Iterator
from pathlib import Path
import re
import subprocess
import sys

import pytest

from tests import machine

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PYTHON_FOLDERS = ("nova_docker", "nova_virt_docker", "tests", "tools")
LONGEST_FILE = 400
LONGEST_FUNCTION = 60
DRAWERS = re.compile(r"(^|_)(helpers?|utils?|common|managers?|misc)(_|$)")


def check(*command: str | Path) -> None:
    """Run a checker in the project's folder; its own words are the failure."""
    run = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if run.returncode:
        pytest.fail(f"{Path(command[0]).name} found:\n{run.stdout}", pytrace=False)


def tracked(*folders: str) -> list[Path]:
    """Every file below the folders that is not build output."""
    return [
        path
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]


def python_files(*folders: str) -> list[Path]:
    return [path for path in tracked(*folders) if path.suffix == ".py"]


def shell_scripts() -> list[Path]:
    return [path for path in tracked("tools", ".ci", "devstack") if is_shell(path)]


def is_shell(path: Path) -> bool:
    with path.open("rb") as stream:
        first_line = stream.readline(80)
    return path.suffix == ".sh" or bool(re.match(rb"#!.*\b(ba)?sh\b", first_line))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_ruff_has_nothing_to_say():
    check(BIN / "ruff", "check", "--no-cache", "--output-format", "concise")


def test_the_package_is_strictly_typed():
    check(BIN / "mypy", "--no-error-summary")


def test_imports_follow_the_arrows_of_the_architecture():
    check(BIN / "lint-imports", "--no-cache", "--no-logo")


def test_shell_scripts_pass_shellcheck():
    shellcheck = machine.require_program("shellcheck", package="shellcheck")
    scripts = shell_scripts()
    assert scripts, "no shell script was found: the search is broken"
    check(shellcheck, "--severity=style", *scripts)


def test_no_file_is_longer_than_one_idea():
    lengths = {
        path.relative_to(ROOT): len(path.read_text().splitlines())
        for path in python_files(*PYTHON_FOLDERS) + shell_scripts()
    }
    assert {path: n for path, n in lengths.items() if n > LONGEST_FILE} == {}


def test_every_function_of_the_package_fits_on_a_screen():
    too_long = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path in python_files("nova_docker", "nova_virt_docker")
        for node in functions(path)
        if node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION
    }
    assert too_long == {}


def test_no_module_is_a_drawer():
    """A module called 'utils' holds what nobody found the idea of."""
    drawers = [
        str(path.relative_to(ROOT))
        for path in python_files(*PYTHON_FOLDERS)
        if DRAWERS.search(path.stem)
    ]
    assert drawers == []
