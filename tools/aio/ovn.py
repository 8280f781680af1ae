"""OVN: its two databases, and what its controller has to know about this machine.

Neutron writes networks, ports and rules into the northbound database, ovn-northd
translates them into flows in the southbound one, and ovn-controller brings those of
this machine into Open vSwitch.  Addresses of DHCP, routers and floating IPs are flows
too; only metadata has a namespace, ``ovnmeta-<network>``, with a proxy in it.
"""

import json
from pathlib import Path

from aio import accounts
from aio import external
from aio import program
from aio.layout import Layout
from aio.layout import port
from aio.layout import SERVICE_USER
from aio.step import Failure

# Database -> (its name in the protocol, the table of its remotes).
DATABASES = {'nb': ('OVN_Northbound', 'NB_Global'), 'sb': ('OVN_Southbound', 'SB_Global')}
# ms; the server's own 5 s end connections of a client that is merely busy.
PROBE_INTERVAL = 60000
SOUTHBOUND = f'tcp:127.0.0.1:{port("ovn_sb_port")}'


def prepare(layout: Layout) -> None:
    """Make the databases that are missing; those of an older OVN get its schema."""
    accounts.folder(layout.data / 'ovn', SERVICE_USER)
    accounts.folder(layout.run / 'ovn', SERVICE_USER)
    for name in DATABASES:
        path = layout.data / 'ovn' / f'{name}.db'
        schema = Path(f'/usr/share/ovn/ovn-{name}.ovsschema')
        if not path.exists():
            _create(layout, name, path, schema)
        elif program.output(['ovsdb-tool', 'needs-conversion', path, schema]).strip() == 'yes':
            _ovsdb_tool(layout, name, 'convert', path, schema)


def _create(layout: Layout, name: str, path: Path, schema: Path) -> None:
    """Make a database that listens.  It gets its name when it is complete."""
    draft = path.with_suffix('.new')
    draft.unlink(missing_ok=True)
    _ovsdb_tool(layout, name, 'create', draft, schema)
    database, table = DATABASES[name]
    remote = {'target': f'ptcp:{port(f"ovn_{name}_port")}:127.0.0.1',
              'inactivity_probe': PROBE_INTERVAL}
    _ovsdb_tool(layout, name, 'transact', draft, json.dumps([
        database,
        {'op': 'insert', 'table': 'Connection', 'uuid-name': 'remote', 'row': remote},
        {'op': 'insert', 'table': table, 'row': {'connections': ['named-uuid', 'remote']}}]))
    draft.rename(path)


def _ovsdb_tool(layout: Layout, name: str, *arguments: str | Path) -> None:
    """As the user whose server opens the database."""
    program.run(['runuser', '-u', SERVICE_USER, '--', 'ovsdb-tool', *arguments],
                log=layout.program_log(f'ovn-{name}'))


def introduce(layout: Layout, host: str, *, ours: bool) -> None:
    """Tell ovn-controller, through the switch's database, where OVN is and what this
    machine can.

    :param ours: whether the switch is the cloud's; a switch of the machine may already
                 belong to another OVN
    """
    remote = _external_id('ovn-remote')
    if not ours and remote not in ('', SOUTHBOUND):
        raise Failure(f'the Open vSwitch of this machine belongs to the OVN at {remote}',
                      fix='tools/quickstart without --network ovn')
    program.run(['ovs-vsctl', '--timeout=10', '--no-wait', 'set', 'Open_vSwitch', '.',
                 *(f'external_ids:{key}="{value}"' for key, value in _settings(host).items())],
                log=layout.program_log('ovs-vswitchd'))


def withdraw() -> None:
    """Take out of the switch's database what introduce() wrote."""
    if _external_id('ovn-remote') == SOUTHBOUND:
        for key in _settings(''):
            program.output(['ovs-vsctl', '--timeout=10', '--no-wait', 'remove', 'Open_vSwitch',
                            '.', 'external_ids', key])


def _settings(host: str) -> dict[str, str]:
    return {
        'ovn-remote': SOUTHBOUND,
        # Nobody shares the tunnel on a single machine, but OVN wants to know of one.
        'ovn-encap-type': 'geneve', 'ovn-encap-ip': '127.0.0.1',
        'ovn-bridge': 'br-int',
        # The userspace datapath, as with Neutron's agent: openvswitch_agent.ini.
        'ovn-bridge-datapath-type': 'netdev',
        'ovn-bridge-mappings': f'{external.PHYSICAL_NETWORK}:{external.BRIDGE}',
        'ovn-cms-options': 'enable-chassis-as-gw',
        # All of a single machine's ports are its own.
        'ovn-monitor-all': 'true',
        # Neutron binds a port to the chassis of the host that Nova names.
        'hostname': host,
    }


def _external_id(key: str) -> str:
    return program.output(['ovs-vsctl', '--timeout=10', '--no-wait', '--if-exists', 'get',
                           'Open_vSwitch', '.', f'external_ids:{key}']).strip().strip('"')


def database_answers(name: str) -> str:
    """What a database says about itself, asked as Neutron asks."""
    databases = program.output(['ovsdb-client', '--timeout=5', 'list-dbs',
                                f'tcp:127.0.0.1:{port(f"ovn_{name}_port")}'])
    return 'answers' if DATABASES[name][0] in databases else 'no such database'


def northd_answers(layout: Layout) -> str:
    """Whether ovn-northd is the one that translates."""
    status = program.output(['ovs-appctl', '--timeout=5', '-t', layout.run / 'ovn/northd.ctl',
                             'status']).strip()
    return status if status == 'Status: active' else f'no translation: {status}'
