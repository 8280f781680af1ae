"""--down and --clean: leaves nothing of the cloud running, and then nothing at all."""

import contextlib
from pathlib import Path
import shutil

import docker.errors

from aio import accounts
from aio import cloud
from aio import configuration
from aio import infrastructure
from aio import leftovers
from aio import ovn
from aio import program
from aio import resources
from aio.layout import ENGINE_RUN
from aio.layout import Layout
from aio.layout import OVS_RUN
from aio.mechanism import Mechanism
from aio.mechanism import OVN
from aio.step import Failure
from aio.step import Steps
from aio.supervisor import ALIVE
from aio.supervisor import Supervisor

HOST_LABEL = 'org.openstack.nova-docker.host'
SERVERS_LOST = 'servers-lost'


def down(layout: Layout, supervisor: Supervisor, mechanism: Mechanism, steps: Steps) -> None:
    """Stop everything, in the order in which things depend on each other."""
    running = supervisor.alive()
    if running:
        with steps.step('delete the servers'):
            _delete_servers(layout, supervisor)
        with steps.step('stop nova-compute and the agents'):
            supervisor.stop(['nova-compute', *mechanism.agents])
    with steps.step('remove containers, namespaces and bridges'):
        _remove_containers(layout)
        leftovers.remove_namespaces(layout)
        ours = running and supervisor.state('ovs-vswitchd') in ALIVE
        _remove_bridges(layout, mechanism)
    with steps.step('stop the services'):
        engine_was_ours = running and supervisor.state('dockerd') in ALIVE
        if running:
            supervisor.shut_down()
        leftovers.end_processes(layout, shims=True)
    # No servers are left, so the next driver need not be the last one.
    layout.facts.unlink(missing_ok=True)
    if ours:
        shutil.rmtree(OVS_RUN, ignore_errors=True)
    if engine_was_ours:
        program.succeeds(['ip', 'link', 'delete', 'docker0'])
        shutil.rmtree(ENGINE_RUN, ignore_errors=True)


def clean(layout: Layout, steps: Steps) -> None:
    """Remove the state, the sudo rule and the users, after down()."""
    with steps.step(f'remove {layout.state}'):
        accounts.remove(layout)
        # what dockerd may have left mounted below its data
        mounts = [line.split()[1] for line in Path('/proc/self/mounts').read_text().splitlines()]
        for mount in reversed(mounts):
            if mount.startswith(f'{layout.state}/'):
                program.output(['umount', mount])
        shutil.rmtree(layout.state)


def _delete_servers(layout: Layout, supervisor: Supervisor) -> None:
    """Through the API, so that ports and allocations go as well.

    A cloud that no longer works cannot do it: then their containers are removed all
    the same, and the servers deleted when it works again.
    """
    layout.marker(SERVERS_LOST).touch()
    if any(supervisor.state(name) not in ALIVE
           for name in ('nova-api', 'nova-conductor', 'nova-compute', 'keystone')):
        return
    try:
        resources.delete_servers(cloud.connect(layout, 'aio-admin'))
    except Exception as error:  # noqa: BLE001 - a broken cloud must be stoppable, too
        (layout.log / 'down.log').write_text(f'servers not deleted: {error!r}\n')
        return
    layout.marker(SERVERS_LOST).unlink()


def _remove_containers(layout: Layout) -> None:
    """Remove what carries our host's label."""
    if not infrastructure.engine_answers():
        return
    label = f'{HOST_LABEL}={configuration.host(layout)}'
    with contextlib.closing(infrastructure.engine()) as client:
        for entry in client.api.containers(all=True, filters={'label': label}):
            with contextlib.suppress(docker.errors.NotFound):
                client.api.remove_container(entry['Id'], force=True, v=True)


def _remove_bridges(layout: Layout, mechanism: Mechanism) -> None:
    """Remove Neutron's bridges, and the way to reach the database over TCP."""
    if not infrastructure.ovs_answers():
        return
    if mechanism is OVN:
        ovn.withdraw()
    for bridge in infrastructure.BRIDGES:
        try:
            program.output(['ovs-vsctl', '--timeout=10', '--if-exists', 'del-br', bridge])
        except Failure as error:
            raise Failure(f'the bridge {bridge} cannot be removed: {error.message}',
                          log=layout.program_log('ovs-vswitchd')) from error
    marker = layout.marker('added-ovsdb-remote')
    if marker.exists():
        program.output(['ovs-appctl', '-t', 'ovsdb-server', 'ovsdb-server/remove-remote',
                        infrastructure.OVSDB_REMOTE])
        marker.unlink()
