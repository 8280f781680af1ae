"""Memory that one more instance costs, against one more ``docker run -d``.

Memory is PSS (proportional set size), summed over the containers' processes,
their shims, dockerd and containerd.
"""

from pathlib import Path
import re
import time

from aio import layout

from bench import docker_run
from bench import report
from bench import servers

COUNT = 10
ROUNDS = 3
_ENGINE = ('dockerd', 'containerd', 'containerd-shim', 'docker-proxy')


def _is_counted(process: Path) -> bool:
    name = (process / 'comm').read_text().strip()
    if name.startswith(_ENGINE):
        return True
    return bool(re.search(r'/docker/[0-9a-f]{64}', (process / 'cgroup').read_text()))


def _pss_mib() -> float:
    kib = 0
    for process in Path('/proc').glob('[0-9]*'):
        try:
            if _is_counted(process):
                found = re.search(r'^Pss:\s+(\d+)', (process / 'smaps_rollup').read_text(), re.M)
                kib += int(found[1]) if found else 0
        except (OSError, ValueError):
            continue  # it ended meanwhile
    return kib / 1024


def main(where: layout.Layout, folder: Path) -> None:
    mine = servers.Servers(where)
    ours, theirs = [], []
    with mine.running('bench-warm'):
        docker_run.docker('tag', docker_run.image_digest(mine, 'bench-warm'),
                          'nova-docker-bench:latest')
    try:
        for number in range(ROUNDS):
            time.sleep(2)
            empty = _pss_mib()
            with mine.running(f'bench-{number}', COUNT):
                time.sleep(2)
                ours.append((_pss_mib() - empty) / COUNT)
            time.sleep(2)
            empty = _pss_mib()
            for container in range(COUNT):
                docker_run.timed_run('nova-docker-bench:latest', f'bench-{container}')
            time.sleep(2)
            theirs.append((_pss_mib() - empty) / COUNT)
            docker_run.remove_all()
    finally:
        docker_run.remove_all()
        docker_run.docker('rmi', 'nova-docker-bench:latest')
    instance = report.Series('one more instance', ours, 'MiB')
    container_run = report.Series('one more docker run -d', theirs, 'MiB')
    report.report('density', [instance, container_run],
                  {'instance - docker run (MiB)': instance.median - container_run.median,
                   'instance / docker run': instance.median / container_run.median}, folder)
