"""Where everything is: folders, ports, and who may read what.

All of it is below one folder, ``/var/lib/nova-docker-aio`` or ``$AIO_DIR``, and
the ports of MariaDB, RabbitMQ and the registry are not the usual ones, so that
those which the machine already runs are neither used nor disturbed.
"""

from dataclasses import dataclass
import os
from pathlib import Path

from aio.step import Failure

DEFAULT_STATE = Path('/var/lib/nova-docker-aio')
REPOSITORY = Path(__file__).resolve().parents[2]
TEMPLATES = Path(__file__).resolve().parent / 'templates'

DOCKER_SOCKET = Path('/run/docker.sock')
# Not below the state: what is noted of running containers must not outlive a power cut.
ENGINE_RUN = Path('/run/nova-docker-aio')
OVS_RUN = Path('/run/openvswitch')
SUDOERS = Path('/etc/sudoers.d/nova-docker-aio')
SERVICE_USER = 'nova-docker-aio'
COMPUTE_USER = 'nova'

# Program (as in supervisord.conf) -> the TCP ports it listens on, on 127.0.0.1.
PORTS: dict[str, dict[str, int]] = {
    'epmd': {'epmd_port': 14369},
    'rabbitmq': {'rabbitmq_port': 15673, 'rabbitmq_dist_port': 15674},
    'mariadb': {'mariadb_port': 13306},
    'ovsdb-server': {'ovsdb_port': 6640},
    'ovn-nb': {'ovn_nb_port': 16641},
    'ovn-sb': {'ovn_sb_port': 16642},
    'registry': {'registry_port': 15000},
    'keystone': {'keystone_port': 5000},
    'placement': {'placement_port': 8778},
    'glance': {'glance_port': 9292},
    'neutron-api': {'neutron_port': 9696},
    'nova-api': {'nova_port': 8774},
    'nova-metadata': {'nova_metadata_port': 8775},
    'nova-serialproxy': {'serialproxy_port': 6083},
    'neutron-ovs-agent': {'openflow_port': 6633},
}


def port(name: str) -> int:
    """The port of that name, for example ``registry_port``."""
    return {key: number for ports in PORTS.values() for key, number in ports.items()}[name]


REGISTRY = f'127.0.0.1:{port("registry_port")}'


@dataclass(frozen=True)
class Layout:
    """The folders of one cloud."""

    state: Path

    @property
    def etc(self) -> Path:
        return self.state / 'etc'

    @property
    def log(self) -> Path:
        return self.state / 'log'

    @property
    def data(self) -> Path:
        return self.state / 'data'

    @property
    def run(self) -> Path:
        return self.state / 'run'

    @property
    def facts(self) -> Path:
        """A JSON file for whoever drives the cloud from outside, such as the tests."""
        return self.run / 'aio.json'

    def program_log(self, program: str) -> Path:
        return self.log / f'{program}.log'

    def marker(self, name: str) -> Path:
        """A file whose presence says that something is done and need not be repeated."""
        return self.data / 'done' / name

    def make_folders(self) -> None:
        """Make them, and refuse a place that the unprivileged users could not reach."""
        for folder in (self.etc, self.log, self.data, self.run, self.marker('x').parent):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o755)
        self.state.chmod(0o755)
        for folder in self.state.parents:
            if not folder.stat().st_mode & 0o001:
                raise Failure(
                    f'{folder} may not be entered by other users, and the services of the cloud '
                    f'are other users',
                    fix=f'chmod o+x {folder}, or set AIO_DIR to another folder')


def from_environment() -> Layout:
    """The layout that ``AIO_DIR`` or the default says."""
    return Layout(Path(os.environ.get('AIO_DIR') or DEFAULT_STATE).resolve())
