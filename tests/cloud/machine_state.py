"""What instances leave on a machine, and whether any of it is left."""

import dataclasses
import json
import re
import subprocess
import time
from typing import Any

LABEL = 'org.openstack.nova-docker'
PATIENCE = 20
PRIVATE = ('nova-docker.invalid/glance:', 'nova-docker.invalid/snapshot:',
           'nova-docker.invalid/commit:')
# Of Neutron: hybrid plugging's bridge and its two pairs, and a trunk's bridge and patches.
HYBRID = ('qbr', 'qvb', 'qvo')
TRUNK = ('tbr-', 'tpt-', 'tpi-', 'spt-', 'spi-')
OF_A_PORT = re.compile(r'neutron-openvswi-[ios][0-9a-f]|\b(?:qbr|qvb|qvo)[0-9a-f]{8}-')
VSCTL = ('ovs-vsctl', '-t', '10', '--format=csv', '--no-headings')


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
    ovs_rows: frozenset[str]
    filters: frozenset[str]
    address_sets: frozenset[str]
    conntrack_zones: frozenset[str]
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
        ovs_rows=frozenset(run(*VSCTL, '--columns=_uuid', 'list', 'QoS', '--',
                               '--columns=_uuid', 'list', 'Queue').split()),
        filters=filters_of_ports(),
        address_sets=address_sets(),
        conntrack_zones=_zones_of_nobody(),
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
        if link['ifname'].startswith(HYBRID)
        or (link.get('linkinfo', {}).get('info_kind') == 'veth'
            and (link['ifname'].startswith('tap')
                 or link.get('master', 'qbr').startswith('qbr'))))


def _ports_of_instances() -> frozenset[str]:
    """os-vif notes the instance at a port; the ports of the DHCP agent, which come and
    go with the networks, have no such note.  Neither have those that the agent makes
    for a trunk, but their names tell."""
    rows = run(*VSCTL, '--columns=name,external_ids', 'list', 'Interface')
    return frozenset(row.partition(',')[0] for row in rows.splitlines()
                     if 'vm-uuid' in row or row.startswith(TRUNK))


def filters_of_ports() -> frozenset[str]:
    """What ``iptables_hybrid`` has for ports: chains, jumps to them, and rules that put
    what comes from a port into a conntrack zone.  The chains that all ports share stay
    as long as the agent filters so, and so do its rules that trust the ports of the DHCP
    and L3 agents, which have no chains: they are no instance's."""
    return frozenset(
        f'{family}: {line.partition(" [")[0]}' for family in ('iptables', 'ip6tables')
        for line in run(f'{family}-save').splitlines() if OF_A_PORT.search(line))


def address_sets() -> frozenset[str]:
    """The sets of the members of security groups.  A group is not a port's, but the
    agent keeps a group's set only while this host has a port of the group."""
    return frozenset(name for name in run('ipset', 'list', '-n').split()
                     if name.startswith(('NIPv4', 'NIPv6')))


def _zones_of_nobody() -> frozenset[str]:
    """Conntrack zones in which a connection is established, and that belong to nothing:
    the next network or port to get one would inherit the connection, for a day.

    A zone is a network's tag on the switch, with OVN a port's, and with
    ``iptables_hybrid`` what a rule at the port says.  Connections that were closed leave
    the table by themselves within minutes, so they do not count; nor do single ones
    in a zone that is in use, which are Neutron's to forget.
    """
    wired = run(*VSCTL, '--columns=tag', 'list', 'Port', '--',
                '--columns=external_ids', 'list', 'Bridge')
    used = {*re.findall(r'^\d+$', wired, re.MULTILINE),
            *re.findall(r'ct-zone-[^=]*=\W*(\d+)', wired),
            *re.findall(r'--zone (\d+)', run('iptables-save', '-t', 'raw'))}
    # the switch's own table, where it does not use the kernel's, and the kernel's
    tracked = run('ovs-appctl', '-t', 'ovs-vswitchd', 'dpctl/dump-conntrack', check=False) + \
        run('conntrack', '-L', check=False)
    return frozenset(zone for line in tracked.splitlines() if 'ESTABLISHED' in line
                     for zone in re.findall(r'zone=([1-9]\d*)', line) if zone not in used)


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
