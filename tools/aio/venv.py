"""What PyPI provides, in a virtual environment, and the driver from this repository.

The environment's name carries the hash of what is in it, so a changed
constraints.txt makes a new one and an unchanged one costs nothing.  It is made
with Debian's own Python: another one may sit in a home folder that the
unprivileged users of the cloud cannot enter.
"""

import hashlib
from pathlib import Path
import shutil
import tempfile

from aio import program
from aio.layout import Layout
from aio.layout import REPOSITORY

PYTHON = '/usr/bin/python3'
DEBIAN_MODULES = Path('/usr/lib/python3/dist-packages')
HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / 'requirements.txt'
CONSTRAINTS = HERE / 'constraints.txt'
DRIVER_SOURCES = ('pyproject.toml', 'setup.py', 'setup.cfg', 'README.rst', 'LICENSE',
                  'nova_docker', 'nova_virt_docker', 'etc')


def digest(paths: list[Path]) -> str:
    """A short hash of files, by name and content."""
    summary = hashlib.sha256()
    for path in sorted(paths):
        summary.update(f'{path.name}\0'.encode() + path.read_bytes() + b'\0')
    return summary.hexdigest()[:12]


def path(layout: Layout) -> Path:
    """Where the environment for the present requirements is, or will be."""
    return layout.state / f'venv-{digest([REQUIREMENTS, CONSTRAINTS])}'


def ensure(layout: Layout) -> Path:
    """Make the environment unless it is there; remove those of former requirements."""
    venv = path(layout)
    if not (venv / 'complete').exists():
        _make(layout, venv)
    _take_json_parser(venv)
    return venv


def _make(layout: Layout, venv: Path) -> None:
    if venv.exists():
        shutil.rmtree(venv)
    log = layout.log / 'pip.log'
    program.run([PYTHON, '-m', 'venv', venv], log=log, fix='apt-get install python3-venv')
    program.run([venv / 'bin/pip', 'install', '-r', REQUIREMENTS, '-c', CONSTRAINTS], log=log,
                fix='check that pip can reach PyPI or the index it is configured for')
    program.run([venv / 'bin/pip', 'check'], log=log,
                fix=f'make the versions in {CONSTRAINTS} agree')
    (venv / 'complete').touch()
    for former in layout.state.glob('venv-*'):
        if former != venv:
            shutil.rmtree(former)


def _take_json_parser(venv: Path) -> None:
    """Nova and Neutron as packages read Open vSwitch's database with a parser in C.

    PyPI's ovs has it only where Open vSwitch's library, which Debian has no package
    of, was there to build with.  The one in Debian's package is for the same Python.
    """
    for ovs in venv.glob('lib/python3*/site-packages/ovs'):
        for parser in (DEBIAN_MODULES / 'ovs').glob('_json.*.so'):
            link = ovs / parser.name
            link.unlink(missing_ok=True)
            link.symlink_to(parser)


def driver_files() -> list[Path]:
    """The files that the driver's wheel is made of."""
    found: list[Path] = []
    for name in DRIVER_SOURCES:
        source = REPOSITORY / name
        found += sorted(source.rglob('*')) if source.is_dir() else [source]
    return [path for path in found if path.is_file() and '__pycache__' not in path.parts]


def install_driver(layout: Layout, venv: Path) -> str:
    """Install the driver unless the same sources are installed.  The sources' hash.

    The wheel is built from a copy: a build in place would pick up what a former
    one left in build/, and leave files in the repository.
    """
    sources = driver_files()
    version = digest(sources)
    marker = venv / 'driver'
    if marker.exists() and marker.read_text() == version:
        return version
    log = layout.log / 'pip.log'
    with tempfile.TemporaryDirectory(prefix='nova-docker-') as folder:
        for source in sources:
            copy = Path(folder, source.relative_to(REPOSITORY))
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy)
        program.run([venv / 'bin/pip', 'install', '--no-deps', '--no-build-isolation',
                     '--force-reinstall', folder], log=log,
                    env={'PBR_VERSION': '0.0.0'},
                    fix='the driver does not build: see the log')
    marker.write_text(version)
    return version
