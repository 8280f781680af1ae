"""What plugging costs: all NICs of an instance, from Neutron's word to the switch.

It is the step ``plug`` of a boot: the veth pairs, addresses and routes in the
sandbox, and os-vif's work on Open vSwitch.  The ports are made before and serve
for all rounds, because Neutron takes seconds to make four.
"""

import json
from pathlib import Path

from aio import layout

from bench import report
from bench import servers
from bench import spawn_log

ROUNDS = 10
NICS = (1, 4)


def main(where: layout.Layout, folder: Path) -> None:
    log = Path(json.loads(where.facts.read_text())['logs']) / 'nova-compute.log'
    mine = servers.Servers(where)
    with mine.running('bench-warm'):
        pass
    series = []
    for nics in NICS:
        offset = log.stat().st_size
        with mine.ports(nics) as ports:
            for number in range(ROUNDS):
                with mine.running(f'bench-{number}', ports=ports):
                    pass
        plugs = [boot['plug'] * 1000 for boot in spawn_log.boots(log, offset)]
        series.append(report.Series(f'plug, NICs: {nics}', plugs, 'ms'))
    one, four = series
    report.report('network', series, {'four NICs / one': four.median / one.median}, folder)
