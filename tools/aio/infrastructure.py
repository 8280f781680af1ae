"""What OpenStack stands on: MariaDB, RabbitMQ, Open vSwitch, dockerd, the registry."""

import contextlib
from pathlib import Path
import shutil
import socket
import urllib.request

import docker
import docker.errors

from aio import accounts
from aio import external
from aio import program
from aio import wait
from aio.layout import DOCKER_SOCKET
from aio.layout import Layout
from aio.layout import OVS_RUN
from aio.layout import port
from aio.layout import PORTS
from aio.layout import REGISTRY
from aio.layout import SERVICE_USER
from aio.step import Failure
from aio.supervisor import ALIVE
from aio.supervisor import Supervisor

OVS_PROGRAMS = ('ovsdb-server', 'ovs-vswitchd')
OVSDB_REMOTE = f'ptcp:{port("ovsdb_port")}:127.0.0.1'
INTEGRATION_BRIDGE = 'br-int'
BRIDGES = (INTEGRATION_BRIDGE, 'br-tun', external.BRIDGE)


def engine(timeout: int = 60) -> docker.DockerClient:
    """A client of the engine that nova-compute uses, ours or the machine's."""
    return docker.DockerClient(base_url=f'unix://{DOCKER_SOCKET}', timeout=timeout)


def engine_answers() -> bool:
    if not DOCKER_SOCKET.exists():
        return False
    try:
        with contextlib.closing(engine(5)) as client:
            return bool(client.ping())
    except docker.errors.DockerException:
        return False


def ovs_answers() -> bool:
    """Whether both the database and the switch answer."""
    return program.succeeds(['ovs-vsctl', '--timeout=3', '--no-wait', 'show'], timeout=5) and \
        program.succeeds(['ovs-appctl', '--timeout=3', 'version'], timeout=5)


def has_integration_bridge() -> bool:
    """Whether the switch has the bridge that servers are plugged into."""
    return program.succeeds(['ovs-vsctl', '--timeout=10', 'br-exists', INTEGRATION_BRIDGE])


def foreign(supervisor: Supervisor) -> set[str]:
    """Programs that the machine runs already, so that we must not: ours are not counted."""
    states = supervisor.states()
    found: set[str] = set()
    if states['dockerd'][0] not in ALIVE and engine_answers():
        found.add('dockerd')
    if states['ovs-vswitchd'][0] not in ALIVE and ovs_answers():
        found.update(OVS_PROGRAMS)
    return found


def check_ports(supervisor: Supervisor, foreign_programs: set[str]) -> None:
    """Fail when somebody else has a port that a program of ours is about to take."""
    states = supervisor.states()
    for name, ports in PORTS.items():
        if name in foreign_programs or name not in states or states[name][0] in ALIVE:
            continue
        for number in ports.values():
            if _taken(number):
                raise Failure(
                    f'port {number} of 127.0.0.1, which {name} needs, is taken',
                    fix=f'see who has it with "ss -ltnp sport = :{number}", and stop that')


def _taken(number: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(('127.0.0.1', number))
        except OSError:
            return True
    return False


def check_engine(layout: Layout, foreign_programs: set[str]) -> None:
    """Fail when the cloud's servers are with an engine of its own, and another one answers."""
    ours = layout.data / 'docker'
    if 'dockerd' not in foreign_programs or not any((ours / 'containers').glob('*')):
        return
    with contextlib.closing(engine()) as client:
        root = client.info()['DockerRootDir']
    if root != str(ours):
        raise Failure(f'the servers of this cloud are in {ours}, but another dockerd, with its '
                      f'containers in {root}, has {DOCKER_SOCKET}',
                      fix='stop that dockerd and its socket (systemctl disable --now '
                          'docker.socket docker), or give the servers up: quickstart --clean')


def prepare(layout: Layout, *, cold: bool, foreign_programs: set[str]) -> None:
    """Make the data folders.

    :param cold: nothing of the cloud runs.  Then the queues and the switch's database
                 are begun anew: what a crash left in them could only harm.
    """
    for name in ('keystone', 'glance', 'neutron', 'nova-control', 'registry'):
        accounts.folder(layout.data / name, SERVICE_USER)
    for name in ('images', 'staging', 'tasks', 'lock'):
        accounts.folder(layout.data / 'glance' / name, SERVICE_USER)
    accounts.folder(layout.data / 'neutron' / 'lock', SERVICE_USER).chmod(0o777)
    for folder in ('nova', 'nova/instances', 'nova/lock'):
        accounts.folder(layout.data / folder, 'nova')
    if cold:
        shutil.rmtree(layout.data / 'rabbitmq', ignore_errors=True)
        shutil.rmtree(layout.data / 'openvswitch', ignore_errors=True)
    accounts.folder(layout.data / 'rabbitmq', 'rabbitmq')
    _prepare_mariadb(layout)
    if not foreign_programs.intersection(OVS_PROGRAMS):
        _prepare_ovs(layout)
    if 'dockerd' not in foreign_programs:
        _prepare_cgroups(layout)
    # A killed lxcfs leaves a mount whose folder cannot be looked at; it goes when lxcfs starts.
    with contextlib.suppress(FileExistsError):
        (layout.run / 'lxcfs').mkdir()


def _prepare_mariadb(layout: Layout) -> None:
    """Make the data folder.  It gets its name when it is complete."""
    target = layout.data / 'mysql'
    if target.exists():
        return
    draft = layout.data / 'mysql.new'
    shutil.rmtree(draft, ignore_errors=True)
    accounts.folder(draft, 'mysql')
    program.run(['mariadb-install-db', '--no-defaults', '--user=mysql', f'--datadir={draft}',
                 '--skip-test-db', '--auth-root-authentication-method=socket',
                 '--auth-root-socket-user=root'], log=layout.log / 'mariadb-install.log')
    draft.rename(target)


def _prepare_ovs(layout: Layout) -> None:
    database = layout.data / 'openvswitch' / 'conf.db'
    OVS_RUN.mkdir(exist_ok=True)
    if not database.exists():
        database.parent.mkdir(parents=True, exist_ok=True)
        program.run(['ovsdb-tool', 'create', database,
                     '/usr/share/openvswitch/vswitch.ovsschema'],
                    log=layout.program_log('ovsdb-server'))


def _prepare_cgroups(layout: Layout) -> None:
    """Mount the cgroup hierarchy where no init system has done it."""
    mounts = Path('/proc/self/mounts').read_text()
    if ' /sys/fs/cgroup' not in mounts:
        program.run(['mount', '-t', 'cgroup2', 'cgroup2', '/sys/fs/cgroup'],
                    log=layout.program_log('dockerd'),
                    fix='install cgroupfs-mount, or mount the cgroup hierarchies')


def wait_for_lxcfs(layout: Layout) -> None:
    wait.until(lambda: (layout.run / 'lxcfs/proc/cpuinfo').exists(), 'lxcfs does not mount',
               seconds=20, log=layout.program_log('lxcfs'),
               fix='check that /dev/fuse exists, or set no [docker]/lxcfs_root')


def wait_for_ovs(layout: Layout, *, ours: bool) -> None:
    """Wait for Open vSwitch, and let Neutron and os-vif reach its database over TCP."""
    log = layout.program_log('ovs-vswitchd')
    if ours:
        wait.until(lambda: (OVS_RUN / 'db.sock').exists() and program.succeeds(
            ['ovs-vsctl', '--timeout=2', '--no-wait', 'init', '--', 'set', 'Open_vSwitch', '.',
             'external_ids:system-id=nova-docker-aio']),
            'ovsdb-server does not answer', seconds=20, log=layout.program_log('ovsdb-server'))
    wait.until(ovs_answers, 'Open vSwitch does not answer', seconds=20, log=log)
    if not ours and not _taken(port('ovsdb_port')):
        program.output(['ovs-appctl', '-t', 'ovsdb-server', 'ovsdb-server/add-remote',
                        OVSDB_REMOTE])
        layout.marker('added-ovsdb-remote').touch()


def wait_for_engine(layout: Layout) -> None:
    wait.until(engine_answers, 'dockerd does not answer', seconds=60,
               log=layout.program_log('dockerd'))


def wait_for_registry(layout: Layout) -> None:
    def answers() -> bool:
        with urllib.request.urlopen(f'http://{REGISTRY}/v2/', timeout=2) as answer:
            return bool(answer.status == 200)
    wait.until(answers, 'the registry does not answer', seconds=20,
               log=layout.program_log('registry'))


def reference_prefix() -> str:
    """What to put before an image's name so that the engine asks our registry.

    Nothing, where our registry stands in for the public index.  An engine that the
    machine runs already does not know it, and is given the full name.
    """
    with contextlib.closing(engine()) as client:
        mirrors = client.info()['RegistryConfig']['Mirrors'] or []
    if any(REGISTRY in mirror for mirror in mirrors):
        return ''
    return f'{REGISTRY}/library/'
