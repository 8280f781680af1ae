"""``python -m bench NAME``: one benchmark on the running all-in-one cloud."""

import argparse
from pathlib import Path

from aio import layout

from bench import boot
from bench import density
from bench import images
from bench import network
from bench import ping
from bench import spawn

_BENCHMARKS = {'spawn': spawn.main, 'boot': boot.main, 'density': density.main,
               'images': images.main, 'network': network.main, 'ping': ping.main}


def main() -> None:
    parser = argparse.ArgumentParser(prog='tools/bench/run', description=__doc__)
    parser.add_argument('benchmark', choices=sorted(_BENCHMARKS))
    where = layout.from_environment()
    parser.add_argument('--output', type=Path, default=where.state / 'bench',
                        help='folder for the JSON files')
    arguments = parser.parse_args()
    _BENCHMARKS[arguments.benchmark](where, arguments.output)


main()
