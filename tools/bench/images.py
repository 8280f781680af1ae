"""Large images: Glance to engine and back, against pipes of command line tools.

* *boot from Glance*: the driver's image step (which also creates the container) of
  a boot from an archive of 1 GiB that the engine does not have, against ``curl`` of
  the same URL piped to ``docker load``.
* *snapshot*: from the request to the active image, of a server of the same image,
  against ``docker commit``, and ``docker save`` piped to ``openstack image create``.
* *memory*: by how much the peak of nova-compute's resident memory during either
  exceeds what it had before.
* *cached*: the image step of a boot whose image is there; it creates the container.
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import json
import os
from pathlib import Path
import re
import subprocess
import tempfile
import time
from typing import Any

from aio import layout

from bench import docker_run
from bench import report
from bench import servers

ROUNDS = 3
CACHED_ROUNDS = 10
MIB = 1 << 20
SIZE_MIB = 1024
_NAME = 'nova-docker-bench'
_IMAGE_STEP = re.compile(r'Spawned container \S+ in .*\bimage (?P<seconds>[\d.]+)')


class Compute:
    """The nova-compute process of the cloud."""

    def __init__(self, where: layout.Layout) -> None:
        facts = json.loads(where.facts.read_text())
        self._log = Path(facts['logs']) / 'nova-compute.log'
        self._pid = subprocess.run(
            [*facts['supervisorctl'], 'pid', facts['nova_compute']], check=True,
            capture_output=True, text=True).stdout.strip()

    def image_step(self, boot: Callable[[], Any]) -> float:
        """Seconds of the image step of the boot that happens in the call."""
        offset = self._log.stat().st_size
        boot()
        with self._log.open(errors='replace') as log:
            log.seek(offset)
            found = [float(m['seconds']) for m in map(_IMAGE_STEP.search, log) if m]
        return found[-1]

    @contextlib.contextmanager
    def growth(self, series: list[float]) -> Iterator[None]:
        """Append the MiB by which the peak in the body exceeds the memory before."""
        process = Path('/proc', self._pid)
        (process / 'clear_refs').write_text('5')  # the peak begins anew
        before = self._status('VmRSS')
        yield
        series.append((self._status('VmHWM') - before) / 1024)

    def _status(self, key: str) -> int:
        text = Path('/proc', self._pid, 'status').read_text()
        return int(re.findall(rf'^{key}:\s+(\d+) kB', text, re.MULTILINE)[0])


class Shell:
    """A shell with the log-in of the demo project."""

    def __init__(self, where: layout.Layout, api: Any) -> None:
        facts = json.loads(where.facts.read_text())
        self._environment = {
            **os.environ, 'OS_CLOUD': 'aio-demo', 'OS_CLIENT_CONFIG_FILE': facts['clouds'],
            'PATH': f'{facts["venv"]}/bin:{os.environ["PATH"]}', 'TOKEN': api.auth_token,
            'GLANCE': api.image.get_endpoint().rstrip('/')}

    def __call__(self, command: str) -> str:
        """Its output; a failure of any part of a pipe is one."""
        return subprocess.run(['bash', '-o', 'pipefail', '-ec', command], check=True,
                              env=self._environment, capture_output=True, text=True).stdout

    def timed(self, command: str) -> float:
        begin = time.monotonic()
        self(command)
        return time.monotonic() - begin


def _large_image(shell: Shell) -> str:
    """Build it into Glance.  :returns: its id there"""
    with tempfile.TemporaryDirectory(prefix='nova-docker-bench-') as folder:
        Path(folder, 'Dockerfile').write_text('FROM busybox\nCOPY large /\nCMD ["idle"]\n')
        with Path(folder, 'large').open('wb') as large:
            for _ in range(SIZE_MIB):
                large.write(os.urandom(MIB))
        return shell(f'openstack docker image build {folder} --name {_NAME} '
                     f'-f value -c id').strip()


def _forget(image: str) -> None:
    """Take an image of Glance off the engine."""
    tags = docker_run.docker('images', '--format', '{{.Repository}}:{{.Tag}}').split()
    for tag in tags:
        if image in tag:
            docker_run.docker('rmi', tag)


def _load_with_curl(shell: Shell, image: str) -> float:
    begin = time.monotonic()
    said = shell(f'curl -sSf -H "X-Auth-Token: $TOKEN" $GLANCE/images/{image}/file | docker load')
    seconds = time.monotonic() - begin
    docker_run.docker('rmi', said.split()[-1])
    return seconds


def _snapshot(mine: servers.Servers, server: Any) -> float:
    """From the request to the active image, which is deleted then."""
    begin = time.monotonic()
    made = mine.cloud.compute.create_server_image(server, _NAME)
    try:
        while mine.cloud.image.get_image(made.id).status != 'active':
            time.sleep(servers.POLL)
        return time.monotonic() - begin
    finally:
        mine.cloud.image.delete_image(made.id)


def _snapshot_by_hand(mine: servers.Servers, shell: Shell, server: Any) -> float:
    begin = time.monotonic()
    try:
        made = shell(
            f'docker commit nova-{server.id} {_NAME}:commit >/dev/null; '
            f'docker save {_NAME}:commit | openstack image create {_NAME} -f value -c id '
            f'--container-format docker --disk-format raw')
        seconds = time.monotonic() - begin
        mine.cloud.image.delete_image(made.strip())
        return seconds
    finally:
        docker_run.docker('rmi', f'{_NAME}:commit')


def _cached(where: layout.Layout, compute: Compute) -> list[float]:
    mine = servers.Servers(where)

    def boot(number: int) -> None:
        with mine.running(f'bench-cached-{number}'):
            pass

    return [compute.image_step(lambda n=number: boot(n))  # type: ignore[misc]
            for number in range(CACHED_ROUNDS)]


def main(where: layout.Layout, folder: Path) -> None:
    compute = Compute(where)
    api = servers.Servers(where).cloud
    shell = Shell(where, api)
    image = _large_image(shell)
    boots, loads, snapshots, by_hand = [], [], [], []
    boot_growth: list[float] = []
    snapshot_growth: list[float] = []
    try:
        mine = servers.Servers(where, image, flavor='m1.medium')
        for number in range(ROUNDS):
            loads.append(_load_with_curl(shell, image))
            with contextlib.ExitStack() as running:
                with compute.growth(boot_growth):
                    boots.append(compute.image_step(
                        lambda n=number: running.enter_context(mine.running(f'bench-{n}'))))
                server = mine.named(f'bench-{number}')[0]
                with compute.growth(snapshot_growth):
                    snapshots.append(_snapshot(mine, server))
                by_hand.append(_snapshot_by_hand(mine, shell, server))
            _forget(image)
    finally:
        _forget(image)
        api.image.delete_image(image)
    cached = _cached(where, compute)
    _report(boots, loads, snapshots, by_hand, boot_growth, snapshot_growth, cached, folder)


def _report(boots: list[float], loads: list[float], snapshots: list[float], by_hand: list[float],
            boot_growth: list[float], snapshot_growth: list[float], cached: list[float],
            folder: Path) -> None:
    boot = report.Series('boot from Glance: image step', boots)
    load = report.Series('curl | docker load', loads)
    snapshot = report.Series('snapshot: request to active', snapshots)
    pipe = report.Series('commit, save | openstack image create', by_hand)
    report.report('images', [
        boot, load, snapshot, pipe,
        report.Series('memory of a boot', boot_growth, 'MiB'),
        report.Series('memory of a snapshot', snapshot_growth, 'MiB'),
        report.Series('cached: image step', cached),
    ], {'boot / curl': boot.median / load.median, 'snapshot / pipe': snapshot.median / pipe.median},
        folder, size_mib=SIZE_MIB)
