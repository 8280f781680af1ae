"""What instances leave on a machine, and whether any of it is left."""

import dataclasses
import json
import subprocess
import time
from typing import Any

LABEL = 'org.openstack.nova-docker'
PATIENCE = 20
PRIVATE = ('nova-docker.invalid/glance:', 'nova-docker.invalid/snapshot:',
           'nova-docker.invalid/commit:')


def run(*command: str, check: bool = True) -> str:
    """The output of a command."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f'{" ".join(command)}: {done.stdout}{done.stderr}')
    return done.stdout


def inspect(container: str) -> dict[str, Any]:
    """``docker inspect`` of one container."""
    return json.loads(run('docker', 'inspect', container))[0]


def remove_image(image_id: str) -> None:
    """Take what was fetched of a Glance image off the engine."""
    for tag in run('docker', 'images', '--format', '{{.Repository}}:{{.Tag}}').split():
        if image_id in tag:
            run('docker', 'rmi', tag)


@dataclasses.dataclass(frozen=True)
class Leavings:
    """What could have been forgotten; two of them are compared."""

    containers: frozenset[str]
    links: frozenset[str]
    ovs_ports: frozenset[str]
    dangling_images: frozenset[str]
    private_tags: frozenset[str]
    mounts: frozenset[str]
    namespaces: frozenset[str]
    volumes: frozenset[str]

    def minus(self, other: 'Leavings') -> dict[str, list[str]]:
        """What is here and not there, by kind."""
        extra = {field.name: sorted(getattr(self, field.name) - getattr(other, field.name))
                 for field in dataclasses.fields(self)}
        return {kind: names for kind, names in extra.items() if names}


def leavings(known_images: frozenset[str]) -> Leavings:
    """What is on the machine now.

    :param known_images: Glance ids of the images that may be cached
    """
    tags = run('docker', 'images', '--format', '{{.Repository}}:{{.Tag}}').split()
    return Leavings(
        containers=frozenset(run('docker', 'ps', '-a', '--filter', f'label={LABEL}.instance',
                                 '--format', '{{.Names}}').split()),
        links=_links_of_instances(),
        ovs_ports=_ports_of_instances(),
        dangling_images=frozenset(run('docker', 'images', '-q', '-f', 'dangling=true').split()),
        volumes=frozenset(run('docker', 'volume', 'ls', '-q').split()),
        private_tags=frozenset(
            tag for tag in tags if tag.startswith(PRIVATE)
            and not any(image in tag for image in known_images)),
        mounts=frozenset(line.split()[1] for line in run('cat', '/proc/mounts').splitlines()
                         if '/nova/' in line),
        namespaces=frozenset(entry['name'] for entry in json.loads(
            run('ip', '-j', 'netns') or '[]')))


def _links_of_instances() -> frozenset[str]:
    """Pairs of links, and the bridges of hybrid plugging; not what is on a bridge of
    somebody else on this machine."""
    links = json.loads(run('ip', '-j', '-d', 'link'))
    return frozenset(
        link['ifname'] for link in links
        if link['ifname'].startswith('qbr')
        or (link.get('linkinfo', {}).get('info_kind') == 'veth'
            and link.get('master', 'qbr').startswith('qbr')))


def _ports_of_instances() -> frozenset[str]:
    """os-vif notes the instance at a port; the ports of the DHCP agent, which come and
    go with the networks, have no such note."""
    rows = run('ovs-vsctl', '-t', '10', '--format=csv', '--no-headings',
               '--columns=name,external_ids', 'list', 'interface')
    return frozenset(row.partition(',')[0] for row in rows.splitlines() if 'vm-uuid' in row)


def assert_nothing_left(before: Leavings, known_images: frozenset[str]) -> None:
    """Neutron's agents tidy up a little later, so this waits for them."""
    end = time.monotonic() + PATIENCE
    while True:
        extra = leavings(known_images).minus(before)
        if not extra:
            return
        if time.monotonic() > end:
            raise AssertionError(f'left behind: {extra}')
        time.sleep(0.3)
