"""However the driver is installed, Nova finds it, and stays whole without it.

Nova imports ``nova.virt.docker`` and nothing else, so the driver's distribution
puts a package inside Nova's own.  That works as long as it brings neither
``nova/__init__.py`` nor ``nova/virt/__init__.py``.
"""

from collections.abc import Callable
from pathlib import Path
import tarfile
import zipfile

from tests.packaging.conftest import build
from tests.packaging.conftest import ROOT
from tests.packaging.environments import Environment

LOAD = """
from nova import config
from nova.virt import driver
config.parse_args(['nova-compute', '--config-file', '/dev/null'])
loaded = driver.load_compute_driver(None, 'docker.DockerDriver')
print(type(loaded).__module__, type(loaded).__name__)
"""
LOADED = "nova_docker.driver DockerDriver"


def names_in(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def sources_of(package: str) -> set[str]:
    return {str(path.relative_to(ROOT)) for path in (ROOT / package).rglob("*.py")}


def assert_nova_is_whole(environment: Environment) -> None:
    home = environment.evaluate("import nova.virt.driver; print(nova.__file__)")
    assert home == str(environment.site_packages / "nova" / "__init__.py")
    assert not (environment.site_packages / "nova" / "virt" / "docker").exists()
    assert not (environment.folder / "etc" / "nova-docker").exists()
    assert not (environment.folder / "bin" / "nova-docker-status").exists()
    assert environment.evaluate(
        "from importlib import util; print(util.find_spec('nova.virt.docker'),"
        " util.find_spec('nova_docker'))") == "None None"


def test_the_wheel_brings_no_package_file_of_nova(wheel: Path):
    assert names_in(wheel) & {"nova/__init__.py", "nova/virt/__init__.py"} == set()
    assert {name for name in names_in(wheel) if name.startswith("nova/")} == {
        "nova/virt/docker/__init__.py"}


def test_the_wheel_brings_every_module_of_the_driver(wheel: Path):
    """The list of packages in pyproject.toml is kept by hand."""
    assert sources_of("nova_docker") - names_in(wheel) == set()


def test_the_wheel_brings_nothing_but_the_driver_and_its_examples(wheel: Path):
    tops = {name.split("/")[0] for name in names_in(wheel)}
    assert {top for top in tops if not top.endswith((".dist-info", ".data"))} == {
        "nova", "nova_docker"}


def test_the_wheel_brings_what_an_operator_copies_from(wheel: Path):
    """config-generator.conf is for those who have the sources."""
    installed = {name.partition(".data/data/")[2] for name in names_in(wheel)} - {""}
    examples = {str(path.relative_to(ROOT)) for path in (ROOT / "etc").rglob("*")
                if path.is_file()}
    assert examples - installed == {"etc/nova-docker/config-generator.conf"}
    assert installed - examples == set()


def test_an_sdist_builds_the_same_wheel(wheel: Path, sdist: Path, tmp_path: Path):
    """An sdist has no git to take its version from."""
    with tarfile.open(sdist) as tar:
        tar.extractall(tmp_path)
    (unpacked,) = tmp_path.iterdir()
    rebuilt = build("wheel", unpacked, tmp_path)
    assert rebuilt.name == wheel.name

    def modules(path: Path) -> set[str]:
        return {name for name in names_in(path) if name.endswith(".py")}

    assert modules(rebuilt) == modules(wheel)


def test_a_wheel_beside_a_wheel_of_nova(
        wheel: Path, new_environment: Callable[[], Environment]):
    environment = new_environment()
    environment.install(wheel)
    assert environment.evaluate(LOAD).splitlines()[-1] == LOADED
    environment.uninstall()
    assert_nova_is_whole(environment)


def test_an_editable_driver_beside_a_wheel_of_nova(
        source: Path, new_environment: Callable[[], Environment]):
    """setuptools' default editable mode maps nova.virt.docker by an import
    hook; ``editable_mode=compat`` is a path on sys.path and cannot.
    """
    environment = new_environment()
    environment.install("--editable", source)
    assert environment.evaluate(LOAD).splitlines()[-1] == LOADED
    environment.uninstall()
    assert_nova_is_whole(environment)
