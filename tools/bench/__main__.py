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
    parser.add_argument('--size', type=int, metavar='MIB', default=images.SIZE_MIB,
                        help='of "images": of the image that is measured (default: %(default)s)')
    parser.add_argument('--rounds', type=int, default=images.ROUNDS,
                        help='of "images": how often it is (default: %(default)s)')
    arguments = parser.parse_args()
    if arguments.benchmark == 'images':
        images.main(where, arguments.output, arguments.size, arguments.rounds)
    else:
        _BENCHMARKS[arguments.benchmark](where, arguments.output)


main()
