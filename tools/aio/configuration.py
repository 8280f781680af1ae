"""Fills in the templates.

Each file belongs to the one user whose service reads it, because nearly all of
them hold a password.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import hashlib
from pathlib import Path
import socket
from string import Template

from aio import accounts
from aio import external
from aio.credentials import Credentials
from aio.layout import COMPUTE_USER
from aio.layout import DOCKER_SOCKET
from aio.layout import ENGINE_RUN
from aio.layout import Layout
from aio.layout import port
from aio.layout import PORTS
from aio.layout import REPOSITORY
from aio.layout import SERVICE_USER
from aio.layout import TEMPLATES
from aio.mechanism import Mechanism

COMPUTE_DRIVERS = {'docker': 'docker.DockerDriver', 'fake': 'fake.FakeDriverWithoutFakeNodes'}

# What there is one template of for each mechanism.
ML2 = 'neutron/plugins/ml2/ml2_conf.ini'
# Template -> the user whose group may read it.
OWNERS = {
    'mariadb.cnf': 'mysql',
    'rabbitmq.conf': 'rabbitmq',
    'registry.yml': SERVICE_USER,
    'daemon.json': 'root',
    'uwsgi.ini': SERVICE_USER,
    'keystone/keystone.conf': SERVICE_USER,
    'placement/placement.conf': SERVICE_USER,
    'glance/glance-api.conf': SERVICE_USER,
    'neutron/neutron.conf': SERVICE_USER,
    ML2: SERVICE_USER,
    'neutron/openvswitch_agent.ini': 'root',
    'neutron/dhcp_agent.ini': 'root',
    'neutron/metadata_agent.ini': 'root',
    'neutron/l3_agent.ini': 'root',
    'neutron/ovn_agent.ini': 'root',
    'nova/nova.conf': SERVICE_USER,
    'nova/nova-compute.conf': COMPUTE_USER,
}

# What a program has to be restarted for.  supervisord.conf calls them ${digest_<name>}.
READS = {
    'mariadb': ('mariadb.cnf',),
    'rabbitmq': ('rabbitmq.conf',),
    'registry': ('registry.yml',),
    'dockerd': ('daemon.json',),
    'keystone': ('keystone/keystone.conf', 'uwsgi.ini'),
    'placement': ('placement/placement.conf', 'uwsgi.ini'),
    'glance': ('glance/glance-api.conf', 'uwsgi.ini'),
    'neutron_server': ('neutron/neutron.conf', ML2, 'uwsgi.ini'),
    'neutron_ovs_agent': ('neutron/neutron.conf', 'neutron/openvswitch_agent.ini'),
    'neutron_dhcp_agent': ('neutron/neutron.conf', 'neutron/dhcp_agent.ini'),
    'neutron_metadata_agent': ('neutron/neutron.conf', 'neutron/metadata_agent.ini'),
    'neutron_l3_agent': ('neutron/neutron.conf', 'neutron/l3_agent.ini'),
    'neutron_ovn_agent': ('neutron/neutron.conf', 'neutron/ovn_agent.ini'),
    'nova': ('nova/nova.conf', 'uwsgi.ini', 'extra specs'),
    'nova_compute': ('nova/nova-compute.conf',),
}


# What nova-api loads of the driver.
EXTRA_SPECS = ('nova_docker/extra_specs.py', 'nova_docker/translate/flavor.py')


@dataclass(frozen=True)
class Choices:
    """What the command line decides."""

    driver: str
    backend: str
    mechanism: Mechanism


def host(layout: Layout) -> str:
    """The name under which this machine is known to Nova and Neutron.

    It stays what it was at first, whatever becomes of the machine's own name:
    instances and ports are bound to it.
    """
    path = layout.etc / 'host'
    if not path.exists():
        path.write_text(socket.gethostname())
    return path.read_text()


def values(layout: Layout, credentials: Credentials, venv: Path,
           choices: Choices) -> dict[str, str]:
    """Everything that a template may name, except the digests."""
    return {
        **credentials.as_dict(),
        **{name: str(number) for ports in PORTS.values() for name, number in ports.items()},
        'state': str(layout.state), 'etc': str(layout.etc), 'log': str(layout.log),
        'data': str(layout.data), 'run': str(layout.run), 'venv': str(venv),
        'host': host(layout),
        'docker_socket': str(DOCKER_SOCKET), 'engine_run': str(ENGINE_RUN),
        'external_bridge': external.BRIDGE,
        'physical_network': external.PHYSICAL_NETWORK,
        'service_user': SERVICE_USER,
        'compute_driver': COMPUTE_DRIVERS[choices.driver],
        'concurrency_backend': choices.backend,
        'identity_url': f'http://127.0.0.1:{port("keystone_port")}/v3',
        'image_url': f'http://127.0.0.1:{port("glance_port")}',
        'database_url': f'mysql+pymysql://openstack:{credentials.database_password}'
                        f'@127.0.0.1:{port("mariadb_port")}',
        'transport_url': f'rabbit://openstack:{credentials.rabbitmq_password}'
                         f'@127.0.0.1:{port("rabbitmq_port")}/',
    }


def fill(template: str, known: Mapping[str, str]) -> str:
    return Template((TEMPLATES / template).read_text()).substitute(known)


def write(path: Path, text: str, user: str, mode: int = 0o640) -> None:
    """Replace a file in one go, so that a service never reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f'{path.name}.new')
    draft.touch(mode=0o600)
    draft.write_text(text)
    accounts.give(draft, user, mode)
    draft.rename(path)


def render(layout: Layout, known: dict[str, str], mechanism: Mechanism,
           driver_version: str) -> None:
    """Write every file.

    :param driver_version: the hash of the driver's sources, so that nova-compute is
                           restarted when they change
    """
    sources = {ML2: f'{ML2}.{mechanism.name}'}
    texts = {name: fill(sources.get(name, name), known) for name in OWNERS}
    for name, text in texts.items():
        write(layout.etc / name, text, OWNERS[name])
    # Nova looks for it beside nova.conf.
    write(layout.etc / 'nova/api-paste.ini',
          Path(known['venv'], 'etc/nova/api-paste.ini').read_text(), SERVICE_USER)
    registry_auth = layout.etc / 'nova/registry-auth.json'
    if not registry_auth.exists():
        write(registry_auth, '{"auths": {}}\n', COMPUTE_USER)
    write(layout.etc / 'rabbitmq-plugins', '[].\n', 'rabbitmq')
    write(layout.state / 'clouds.yaml', fill('clouds.yaml', known), 'root', 0o600)
    write(layout.state / 'openrc', fill('openrc', known), 'root', 0o600)
    texts['driver'] = driver_version
    texts['extra specs'] = ''.join((REPOSITORY / name).read_text() for name in EXTRA_SPECS)
    reads = {**READS, 'nova_compute': (*READS['nova_compute'], 'driver')}
    digests = {f'digest_{program}': digest([texts[name] for name in names] + [known['venv']])
               for program, names in reads.items()}
    all_known = {**known, **digests,
                 'every_program': fill('every-program.conf', known).rstrip()}
    write(layout.etc / 'supervisord.conf', ''.join(
        fill(name, all_known) for name in ('supervisord.conf', f'{mechanism.name}.conf')),
        'root', 0o600)
    accounts.allow_privileged_helpers(layout, fill('sudoers', known))


def digest(texts: list[str]) -> str:
    return hashlib.sha256('\0'.join(texts).encode()).hexdigest()[:12]
