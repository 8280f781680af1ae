"""The command line of tools/quickstart, and the order of the steps."""

import argparse
import fcntl
import os
from pathlib import Path
import sys
import time
import traceback

from aio import mechanism
from aio import packages
from aio import venv
from aio.layout import from_environment
from aio.layout import Layout
from aio.step import Failure
from aio.step import Steps

# When the whole run began, across the change of the interpreter.
STARTED = 'AIO_STARTED'


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='tools/quickstart',
        description='An OpenStack cloud on this machine whose instances are Docker containers.',
        epilog='The state is in /var/lib/nova-docker-aio, or where AIO_DIR says.')
    what = parser.add_mutually_exclusive_group()
    what.add_argument('--status', action='store_true',
                      help='show each service with a health check')
    what.add_argument('--down', action='store_true',
                      help='delete the servers and stop everything')
    what.add_argument('--clean', action='store_true', help='--down, and remove the state')
    parser.add_argument('--driver', choices=('docker', 'fake'), default='docker',
                        help='the compute driver; changing it deletes the servers')
    parser.add_argument('--backend', choices=('threading', 'eventlet'), default='threading',
                        help='the concurrency backend of nova-compute')
    parser.add_argument('--network', choices=tuple(mechanism.MECHANISMS),
                        help='how Neutron wires ports: ovs, its Open vSwitch agent, or ovn; '
                             'a cloud keeps what it was made with, which is ovs if not given')
    parser.add_argument('--no-demo', action='store_true', help='bring the cloud up, no more')
    parser.add_argument('--quiet', action='store_true', help='print nothing but failures')
    return parser.parse_args()


def main() -> int:
    options = arguments()
    layout = from_environment()
    steps = Steps(options.quiet, float(os.environ.get(STARTED) or time.time()))
    try:
        if options.status or options.down or options.clean:
            return _existing(layout, options, steps)
        with _Alone(layout):
            return _up(layout, options, steps)
    except Failure as failure:
        print(f'\n{failure.report()}', file=sys.stderr)
        if failure.__cause__ and layout.log.exists():
            trace = layout.log / 'quickstart.log'
            trace.write_text(''.join(traceback.format_exception(failure)))
            print(f'the whole traceback is in {trace}', file=sys.stderr)
        return 1


class _Alone:
    """Keeps two of us from working on the same state at once."""

    def __init__(self, layout: Layout) -> None:
        layout.make_folders()
        self.path = layout.run / 'lock'

    def __enter__(self) -> None:
        self.handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Failure('another tools/quickstart is at work on the same state',
                          fix='wait until it is done') from error

    def __exit__(self, *_: object) -> None:
        os.close(self.handle)


def _in_venv(environment: Path) -> bool:
    return Path(sys.prefix) == environment


def _continue_in(environment: Path, steps: Steps) -> None:
    """Go on in the environment's Python, where openstack and docker can be imported."""
    os.environ[STARTED] = str(steps.started)
    python = str(environment / 'bin/python')
    os.execv(python, [python, '-m', 'aio', *sys.argv[1:]])  # noqa: S606 - no shell is meant


def _existing(layout: Layout, options: argparse.Namespace, steps: Steps) -> int:
    """--status, --down and --clean, which need a cloud that was made before."""
    environment = venv.path(layout)
    if not (environment / 'complete').exists():
        former = sorted(layout.state.glob('venv-*/complete'))
        if not former and layout.state.exists():
            print(f'the cloud in {layout.state} lacks its Python packages; '
                  f'tools/quickstart --no-demo brings them back, and then this works')
            return 1
        if not former:
            print(f'there is no cloud in {layout.state}')
            return 1 if options.status else 0
        environment = former[0].parent
    if not _in_venv(environment):
        _continue_in(environment, steps)
    from aio import credentials
    from aio import down
    from aio import health
    from aio.supervisor import Supervisor
    supervisor = Supervisor(layout, environment)
    if options.status:
        lines, well = health.Health(layout, credentials.ensure(layout), supervisor,
                                    mechanism.chosen(layout, None)).table()
        print('\n'.join(lines))
        return 0 if well else 1
    with _Alone(layout):
        down.down(layout, supervisor, mechanism.chosen(layout, None), steps)
        if options.clean:
            down.clean(layout, steps)
    return 0


def _up(layout: Layout, options: argparse.Namespace, steps: Steps) -> int:
    environment = venv.path(layout)
    chosen = mechanism.chosen(layout, options.network)
    if not _in_venv(environment):
        with steps.step('Debian packages'):
            packages.install(layout.log / 'apt.log', chosen.packages)
        with steps.step('Python packages'):
            venv.ensure(layout)
        _continue_in(environment, steps)
    with steps.step('the driver from this repository'):
        version = venv.install_driver(layout, environment)
    from aio import cloud
    from aio import demo
    from aio import resources
    from aio import up
    from aio.configuration import Choices
    choices = Choices(options.driver, options.backend, chosen)
    mechanism.remember(layout, chosen)
    before = up.previous_choices(layout, chosen)
    if before and before.driver != choices.driver:
        # Only the driver that started the servers can end them.
        up.Up(layout, environment, before, version, steps).run()
        with steps.step(f'servers of the {before.driver} driver deleted'):
            resources.delete_servers(cloud.connect(layout, 'aio-admin'))
    cloud_up = up.Up(layout, environment, choices, version, steps)
    cloud_up.run()
    if not options.no_demo:
        demo.Demo(layout, cloud_up.credentials, environment, chosen, steps).run(
            cloud.connect(layout, 'aio-demo'), choices.driver)
    steps.say(f'\nThe cloud is up.  To go on:  . {layout.state}/openrc   (or: '
              f'. {layout.state}/openrc admin)\nTo stop it:  tools/quickstart --down')
    return 0


if __name__ == '__main__':
    sys.exit(main())
