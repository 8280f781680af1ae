"""What Debian provides.

The services that come with the packages are not started: the cloud runs its own
instances of them, with data and ports of its own, and a MariaDB that suddenly
listens on 3306 would surprise the machine's owner.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
import shutil
import subprocess

from aio import program

PACKAGES = (
    # the services, and what Neutron's agents call
    'mariadb-server', 'rabbitmq-server', 'openvswitch-switch', 'docker.io', 'docker-registry',
    'dnsmasq-base', 'haproxy', 'radvd', 'iputils-arping', 'iproute2', 'iptables',
    'conntrack', 'ipset', 'ethtool', 'procps', 'sudo', 'ca-certificates', 'curl', 'lxcfs',
    # the virtual environment; uWSGI is compiled, and ovs takes its parser from Debian
    'python3-venv', 'python3-dev', 'build-essential', 'python3-openvswitch',
    # the content of the images
    'busybox-static', 'iputils-ping', 'nginx-light', 'dropbear-bin', 'curl',
)
POLICY = Path('/usr/sbin/policy-rc.d')
KEPT_POLICY = POLICY.with_name('policy-rc.d.before-nova-docker-aio')
# Debian's own word for "action forbidden", invoke-rc.d(8).
DENY = '#!/bin/sh\n# nova-docker quickstart: packages are being installed\nexit 101\n'


def missing(names: tuple[str, ...]) -> list[str]:
    """Packages that are not installed."""
    query = subprocess.run(
        ['dpkg-query', '-W', '-f', '${Package} ${db:Status-Status}\n', *names],
        capture_output=True, text=True, check=False)
    installed = {line.split()[0] for line in query.stdout.splitlines()
                 if line.endswith(' installed')}
    return [name for name in names if name not in installed]


def install(log: Path, further: tuple[str, ...] = ()) -> bool:
    """Install what is missing.  True when anything was.

    :param further: packages beside those that every cloud needs
    """
    wanted = missing((*PACKAGES, *further))
    if not wanted:
        return False
    apt = ['apt-get', '-q', '-y', '-o', 'DPkg::Lock::Timeout=300']
    quiet = {'DEBIAN_FRONTEND': 'noninteractive', 'NEEDRESTART_SUSPEND': '1'}
    program.run([*apt, 'update'], log=log, env=quiet,
                fix='check /etc/apt/sources.list and the network')
    enabled = units_at_boot()
    with services_stay_down():
        program.run([*apt, 'install', '--no-install-recommends', *wanted], log=log, env=quiet,
                    fix=f'apt-get install {" ".join(wanted)}')
    disable(units_at_boot() - enabled, log)
    return True


@contextmanager
def services_stay_down() -> Iterator[None]:
    """Have invoke-rc.d refuse while packages are installed; then restore what was there."""
    if POLICY.exists() and POLICY.read_text(errors='replace') != DENY:
        shutil.move(POLICY, KEPT_POLICY)
    POLICY.write_text(DENY)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()
        if KEPT_POLICY.exists():
            shutil.move(KEPT_POLICY, POLICY)


def units_at_boot() -> set[str]:
    """Services and sockets that the machine's systemd, if it has one, starts by itself."""
    if not shutil.which('systemctl'):
        return set()
    listed = subprocess.run(
        ['systemctl', 'list-unit-files', '--type=service,socket', '--state=enabled',
         '--no-legend', '--plain'], capture_output=True, text=True, check=False)
    return {line.split()[0] for line in listed.stdout.splitlines() if line.strip()}


def disable(units: set[str], log: Path) -> None:
    """Keep units from starting at boot, or when somebody knocks at their socket."""
    for unit in sorted(units):
        subprocess.run(['systemctl', 'disable', unit], check=False,
                       stdout=log.open('a'), stderr=subprocess.STDOUT)
