"""The driver's own share of a boot, against ``docker run``.

Each boot logs how long its steps took.  Two figures come out of it:

* *beyond Neutron*: what the driver adds to the time that Neutron takes anyway.
  The sandbox starts while Neutron allocates, so when the driver then still had
  to wait for the allocation, the sandbox cost nothing; when it had not to, the
  whole sandbox is counted.
* *all own work*: the boot minus the waiting, with the sandbox always counted.
"""

import json
from pathlib import Path

from aio import layout

from bench import docker_run
from bench import report
from bench import servers
from bench import spawn_log

ROUNDS = 20
# A wait for the allocation that is longer than this was a real wait.
_WAITED = 0.005


def _beyond_neutron(boot: dict[str, float]) -> float:
    hidden = boot['sandbox'] if boot['allocation'] > _WAITED else 0.0
    return _own_work(boot) - hidden


def _own_work(boot: dict[str, float]) -> float:
    return boot['total'] - boot['allocation'] - boot['vif event']


def main(where: layout.Layout, folder: Path) -> None:
    log = Path(json.loads(where.facts.read_text())['logs']) / 'nova-compute.log'
    mine = servers.Servers(where)
    with mine.running('bench-warm'):
        image = docker_run.image_digest(mine, 'bench-warm')
        docker_run.docker('tag', image, 'nova-docker-bench:latest')
    offset = log.stat().st_size
    runs = []
    try:
        for number in range(ROUNDS):
            with mine.running(f'bench-{number}'):
                pass
            runs.append(docker_run.timed_run('nova-docker-bench:latest', f'bench-{number}'))
            docker_run.remove_all()
    finally:
        docker_run.remove_all()
        docker_run.docker('rmi', 'nova-docker-bench:latest')
    boots = spawn_log.boots(log, offset)
    peer = report.Series('docker run -d', runs)
    beyond = report.Series('spawn, beyond Neutron', [_beyond_neutron(b) for b in boots])
    own = report.Series('spawn, all own work', [_own_work(b) for b in boots])
    steps = [report.Series(f'  step: {name}', [b[name] for b in boots])
             for name in boots[0] if name != 'total']
    report.report('spawn', [peer, beyond, own, *steps],
                  {'beyond Neutron / docker run': beyond.median / peer.median,
                   'all own work / docker run': own.median / peer.median}, folder)
