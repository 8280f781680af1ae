"""Images: Glance to engine and back, and a registry, against command line tools.

* *boot from Glance*: the image step of a boot from an archive that the engine does
  not have, against ``curl`` of the same URL piped to ``docker load``.  The server has
  no NIC, as Neutron would work on the same CPUs meanwhile.
* *snapshot*: from the request to the active image, of a server of the same image,
  against ``docker commit``, and ``docker save`` piped to ``openstack image create``.
* *memory*: by how much the peak of nova-compute's resident memory during either
  exceeds what it had before.
* *registry*: bytes that it sends for ten boots at once of an image that the engine
  does not have, against one ``docker pull``.
* *cached*: the image step of a boot whose image is there, and how long the boot had
  to wait for it.
"""

from collections.abc import Callable
import contextlib
import dataclasses
import json
import os
from pathlib import Path
import subprocess
import tempfile
import time
from typing import Any

from aio import layout

from bench import compute_process
from bench import docker_run
from bench import pulled_once
from bench import report
from bench import servers

ROUNDS = 3
CACHED_ROUNDS = 10
MIB = 1 << 20
SIZE_MIB = 1024
FLAVOR = 'm1.medium'
# Seconds between the looks at a server that boots; the log says how long its steps took.
POLL = 2.0
_NAME = 'nova-docker-bench'


class Shell:
    """A shell with the log-in of the demo project."""

    def __init__(self, where: layout.Layout, api: Any) -> None:
        facts = json.loads(where.facts.read_text())
        self._environment = {
            **os.environ, 'OS_CLOUD': 'aio-demo', 'OS_CLIENT_CONFIG_FILE': facts['clouds'],
            'PATH': f'{facts["venv"]}/bin:{os.environ["PATH"]}', 'TOKEN': api.auth_token,
            'GLANCE': api.image.get_endpoint().rstrip('/')}

    def __call__(self, command: str) -> str:
        """Its output.

        :raises RuntimeError: a part of it failed; with what was said
        """
        done = subprocess.run(['bash', '-o', 'pipefail', '-ec', command], check=False,
                              env=self._environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f'{command}: {done.stderr}')
        return done.stdout


@dataclasses.dataclass
class Figures:
    """What the rounds give; seconds and MiB."""

    boots: list[float] = dataclasses.field(default_factory=list)
    loads: list[float] = dataclasses.field(default_factory=list)
    snapshots: list[float] = dataclasses.field(default_factory=list)
    by_hand: list[float] = dataclasses.field(default_factory=list)
    boot_growth: list[float] = dataclasses.field(default_factory=list)
    snapshot_growth: list[float] = dataclasses.field(default_factory=list)


def large_layer(folder: Path, size_mib: int) -> None:
    """A Dockerfile and a file of that size, which nothing compresses."""
    (folder / 'Dockerfile').write_text('FROM busybox\nCOPY large /\nCMD ["idle"]\n')
    with (folder / 'large').open('wb') as large:
        for _ in range(size_mib):
            large.write(os.urandom(MIB))


def _large_image(shell: Shell, size_mib: int) -> str:
    """Build it into Glance.  :returns: its id there"""
    with tempfile.TemporaryDirectory(prefix='nova-docker-bench-') as folder:
        large_layer(Path(folder), size_mib)
        return shell(f'openstack docker image build {folder} --name {_NAME} '
                     f'-f value -c id').strip()


def _forget(image: str) -> None:
    """Take an image of Glance off the engine, under every name."""
    for line in docker_run.docker(
            'images', '--no-trunc', '--format', '{{.ID}} {{.Repository}}:{{.Tag}}').splitlines():
        digest, _, tag = line.partition(' ')
        if image in tag:
            docker_run.docker('rmi', '--force', digest)


def _load_with_curl(shell: Shell, image: str) -> float:
    os.sync()  # nobody pays for what was written or removed before
    begin = time.monotonic()
    said = shell(f'curl -sSf -H "X-Auth-Token: $TOKEN" $GLANCE/images/{image}/file | docker load')
    seconds = time.monotonic() - begin
    docker_run.docker('rmi', said.split()[-1])
    return seconds


def _snapshot(mine: servers.Servers, compute: compute_process.Compute, server: Any) -> float:
    """From the request to the active image, which is deleted then.

    Glance is asked only when it must be about done: it would answer with the CPU that
    the upload needs, which its peer has for itself.
    """
    os.sync()
    begin, logged = time.monotonic(), compute.logged()
    made = mine.cloud.compute.create_server_image(server, _NAME)
    try:
        compute.wait_until_logged(f'Uploaded snapshot {made.id} ', logged)
        while mine.cloud.image.get_image(made.id).status != 'active':
            time.sleep(servers.POLL)
        return time.monotonic() - begin
    finally:
        mine.cloud.image.delete_image(made.id)
        _wait_until_idle(mine, server)


def _wait_until_idle(mine: servers.Servers, server: Any) -> None:
    while mine.cloud.compute.get_server(server.id).task_state:
        time.sleep(servers.POLL_MANY)


def _snapshot_by_hand(mine: servers.Servers, shell: Shell, server: Any) -> float:
    os.sync()
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


def _rounds(where: layout.Layout, compute: compute_process.Compute, shell: Shell, image: str,
            rounds: int) -> Figures:
    figures = Figures()
    # The peers have the CPU for themselves: so no work of Neutron's beside the image
    # step, and few questions, as the log says how long the step took.
    mine = servers.Servers(where, image, flavor=FLAVOR, poll=POLL, has_nic=False)
    for number in range(rounds):
        figures.loads.append(_load_with_curl(shell, image))
        os.sync()
        with contextlib.ExitStack() as running:
            with compute.growth(figures.boot_growth):
                figures.boots.append(compute.steps(lambda n=number: running.enter_context(
                    mine.running(f'bench-{n}')))['image'])  # type: ignore[misc]
            server = mine.named(f'bench-{number}')[0]
            _take_snapshots(figures, mine, compute, shell, server, by_hand_first=number % 2 == 1)
        _forget(image)
    return figures


def _take_snapshots(figures: Figures, mine: servers.Servers, compute: compute_process.Compute,
                    shell: Shell, server: Any, *, by_hand_first: bool) -> None:
    """One of each, in either order: the second finds the layers in memory."""
    def ours() -> None:
        with compute.growth(figures.snapshot_growth):
            figures.snapshots.append(_snapshot(mine, compute, server))

    def by_hand() -> None:
        figures.by_hand.append(_snapshot_by_hand(mine, shell, server))

    for take in (by_hand, ours) if by_hand_first else (ours, by_hand):
        take()


def _cached(where: layout.Layout, compute: compute_process.Compute) -> list[dict[str, float]]:
    mine = servers.Servers(where)

    def boot(number: int) -> Callable[[], None]:
        def run() -> None:
            with mine.running(f'bench-cached-{number}'):
                pass
        return run

    boot(CACHED_ROUNDS)()  # so that the image is there
    return [compute.steps(boot(number)) for number in range(CACHED_ROUNDS)]


def main(where: layout.Layout, folder: Path, size_mib: int = SIZE_MIB,
         rounds: int = ROUNDS) -> None:
    compute = compute_process.Compute(where)
    cached = _cached(where, compute)
    reads = pulled_once.measure(where, large_layer)
    api = servers.Servers(where).cloud
    shell = Shell(where, api)
    image = _large_image(shell, size_mib)
    try:
        figures = _rounds(where, compute, shell, image, rounds)
    finally:
        _forget(image)
        api.image.delete_image(image)
    _report(figures, reads, cached, folder, size_mib)


def _report(figures: Figures, reads: pulled_once.Reads, cached: list[dict[str, float]],
            folder: Path, size_mib: int) -> None:
    boot = report.Series('boot from Glance: image step', figures.boots)
    load = report.Series('curl | docker load', figures.loads)
    snapshot = report.Series('snapshot: request to active', figures.snapshots)
    pipe = report.Series('commit, save | openstack image create', figures.by_hand)
    read = report.Series(f'registry: {pulled_once.BOOTS} boots at once', [reads.boots / MIB], 'MiB')
    pulled = report.Series('registry: one docker pull', [reads.pull / MIB], 'MiB')
    report.report('images', [
        boot, load, snapshot, pipe,
        report.Series('memory of a boot', figures.boot_growth, 'MiB'),
        report.Series('memory of a snapshot', figures.snapshot_growth, 'MiB'), read, pulled,
        report.Series('cached: image step', [each['image'] for each in cached]),
        report.Series('cached: waited for it', [each['image wait'] for each in cached]),
    ], {'boot / curl': boot.median / load.median, 'snapshot / pipe': snapshot.median / pipe.median,
        'boots / pull, bytes': read.median / pulled.median},
        folder, size_mib=size_mib)
