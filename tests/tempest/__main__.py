"""Runs Tempest, OpenStack's own judge, against the all-in-one cloud.

    python -m tests.tempest [--junit FILE] [--smoke] [REGEX]

Tempest's folder, with its log and the history of its runs, is ``tempest`` in the
state of the cloud.
"""

import argparse
import json
import os
from pathlib import Path
import shutil
import subprocess
import sys
from typing import Any

from tests.cloud import machine_state
from tests.cloud import user
from tests.tempest import configuration
from tests.tempest import report

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
EXCLUSIONS = HERE / 'exclusions.txt'
ALONE = HERE / 'alone.txt'
SMOKE = HERE / 'smoke.txt'
# More than there are CPUs: most of a test is waiting.
WORKERS = '3'
UUID_LENGTH = 36


class Workspace:
    """The folder that Tempest runs in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self, facts: dict[str, Any]) -> None:
        """From nothing, or from whatever an earlier run left."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700)
        self.tempest('init', '.', quiet=True)
        target = self.folder / 'etc/tempest.conf'
        configuration.write(target, configuration.options(facts, self.folder))

    def tempest(self, *arguments: str, quiet: bool = False) -> int:
        return subprocess.run([BIN / 'tempest', *arguments], cwd=self.folder,
                              env=self.environment(), check=False,
                              stdout=subprocess.DEVNULL if quiet else None,
                              stderr=subprocess.DEVNULL if quiet else None).returncode

    def listed(self, *choice: str) -> set[str]:
        """The tests that a choice selects."""
        said = subprocess.check_output(
            [BIN / 'tempest', 'run', '--list-tests', *choice], cwd=self.folder, text=True,
            env=self.environment())
        return {line for line in said.splitlines() if line.startswith('tempest.')}

    def run(self, tests: set[str]) -> list[report.Outcome]:
        """Run these and no others."""
        if not tests:
            return []
        chosen = self.folder / 'chosen.txt'
        chosen.write_text(''.join(f'{test}\n' for test in sorted(tests)))
        self.tempest('run', '--concurrency', WORKERS, '--load-list', str(chosen))
        return report.outcomes(self.last())

    def last(self) -> bytes:
        """The subunit stream of the last run."""
        return subprocess.run([BIN / 'stestr', 'last', '--subunit'], cwd=self.folder,
                              env=self.environment(), check=False, capture_output=True).stdout

    def environment(self) -> dict[str, str]:
        return {**os.environ, 'PATH': f'{BIN}:{os.environ["PATH"]}', 'PYTHONPATH': ''}


def leavings(facts: dict[str, Any]) -> tuple[machine_state.Leavings, frozenset[str]]:
    admin = user.User(facts['clouds'], 'aio-admin')
    known = frozenset(image.id for image in admin.api.image.images())
    return machine_state.leavings(known), known


def cached_since(before: machine_state.Leavings) -> frozenset[str]:
    """Glance ids of what was fetched since: snapshots that tests booted and deleted are in
    the cache until they age, as with any driver."""
    now = machine_state.leavings(frozenset()).private_tags - before.private_tags
    return frozenset(tag.partition(':')[2][:UUID_LENGTH] for tag in now if '/glance:' in tag)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='tests.tempest')
    parser.add_argument('--junit', type=Path, help='where to write a report')
    parser.add_argument('--smoke', action='store_true', help='only what smoke.txt names')
    parser.add_argument('regex', nargs='?', default=r'tempest\.(api\.compute|scenario)')
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    state = Path(os.environ.get('AIO_DIR', '/var/lib/nova-docker-aio'))
    facts = json.loads((state / 'run/aio.json').read_text())
    workspace = Workspace(state / 'tempest')
    workspace.prepare(facts)
    before, known = leavings(facts)
    choice = ['--include-list', str(SMOKE)] if arguments.smoke else ['--regex', arguments.regex]
    chosen = workspace.listed(*choice)
    tests = chosen & workspace.listed('--exclude-list', str(EXCLUSIONS))
    alone = tests & workspace.listed('--include-list', str(ALONE))
    found = workspace.run(tests - alone) + workspace.run(alone)
    print(report.in_words(found, len(chosen - tests)))
    if arguments.junit:
        report.write_junit(found, arguments.junit)
    machine_state.assert_nothing_left(before, known | cached_since(before))
    return 1 if report.failed(found) or not found else 0


if __name__ == '__main__':
    sys.exit(main())
