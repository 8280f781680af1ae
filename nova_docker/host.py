"""The compute host: what it has, and whether Nova may use it."""

import os
import pathlib
import platform
import re
import time
import typing as ty

from nova import context as nova_context
from nova import exception as nova_exception
from nova import objects
import nova.conf
from nova.virt import hardware
from oslo_log import log as logging
from oslo_utils import units

from nova_docker import exception
from nova_docker.engine import client
from nova_docker.translate import cpus as cpu_translation
from nova_docker.translate import engines
from nova_docker.translate import inventory
from nova_docker.translate import naming

LOG = logging.getLogger(__name__)
CONF = nova.conf.CONF
_CPUS = pathlib.Path('/sys/devices/system/cpu')
_NODES = pathlib.Path('/sys/devices/system/node')

# What the driver disables it may enable again; Nova's libvirt driver marks its
# own reasons with the same prefix.
_AUTOMATIC = 'AUTO: '


class Host:
    """Facts about the host and the state of its compute service.

    :param name: the compute host's name, [DEFAULT]/host
    """

    def __init__(self, engine: client.Engine, virtapi: ty.Any,
                 name: str) -> None:
        self._engine = engine
        self._virtapi = virtapi
        self._name = name

    def check_engine(self) -> None:
        """:raises EngineUnsupported: when it is none that runs instances"""
        reason = engines.unfit(self._engine.version())
        if reason:
            raise exception.EngineUnsupported(url=self._engine.url, reason=reason)

    def facts(self) -> inventory.HostFacts:
        """Read afresh from the engine and the kernel."""
        info = self._engine.info()
        disk = os.statvfs(info['DockerRootDir'])
        memory = _meminfo()
        processors = cpus()
        return inventory.HostFacts(
            hostname=info['Name'],
            architecture=info['Architecture'],
            vcpus=len(processors.shared) if processors.confined else info['NCPU'],
            cpus=processors,
            memory_mb=info['MemTotal'] // units.Mi,
            memory_used_mb=(memory['MemTotal'] - memory['MemAvailable']) // units.Ki,
            disk_gb=disk.f_blocks * disk.f_frsize // units.Gi,
            disk_used_gb=(disk.f_blocks - disk.f_bfree) * disk.f_frsize // units.Gi,
            engine_version=info['ServerVersion'])

    def supports_disk_quota(self, sandbox_image: str) -> bool:
        """Whether the storage driver can limit a container's writable layer.

        The engine does not tell, so it is asked to make one that is limited.
        """
        name = f'{naming.sandbox_name("quota-probe")}-{os.getpid()}'
        config = {'Image': sandbox_image,
                  'HostConfig': {'NetworkMode': 'none', 'StorageOpt': {'size': '1G'}}}
        try:
            self._engine.create_container(name, config)
        except exception.EngineUnavailable:
            raise
        except exception.EngineError as e:
            LOG.warning('Instances have no disk quota: the root_gb of a flavor counts in '
                        'Placement but does not limit the container, because the '
                        'engine\'s storage driver cannot (%s). It can on btrfs, on zfs, '
                        'and with overlay2 on xfs mounted with pquota.', e.kwargs['reason'])
            return False
        self._engine.remove_container(name)
        return True

    def set_service_enabled(self, enabled: bool, reason: str = '') -> None:
        """Disable the compute service, or enable it if it was disabled here.

        An operator's own disabling is never overridden.
        """
        context = nova_context.get_admin_context()
        try:
            service = objects.Service.get_by_compute_host(context, self._name)
        except nova_exception.ComputeHostNotFound:
            LOG.debug('The compute service is not registered yet')
            return
        ours = (service.disabled_reason or '').startswith(_AUTOMATIC)
        if service.disabled == (not enabled) or (service.disabled and not ours):
            return
        service.disabled = not enabled
        service.disabled_reason = None if enabled else (_AUTOMATIC + reason)[:255]
        service.save()
        LOG.warning('The compute service is %s now%s', 'enabled' if enabled else 'disabled',
                    '' if enabled else f': {reason}')
        self._tell_placement(context, service)

    def _tell_placement(self, context: nova_context.RequestContext,
                        service: objects.Service) -> None:
        try:
            self._virtapi.update_compute_provider_status(
                context, service.compute_node.uuid, enabled=not service.disabled)
        except (nova_exception.NovaException, OSError) as e:
            # The periodic update_available_resource repairs the trait.
            LOG.warning('Placement does not know yet that the service is %s: %s',
                        'disabled' if service.disabled else 'enabled', e)


def uptime() -> str:
    """What the command uptime prints, without the users."""
    with open('/proc/uptime', encoding='ascii') as f:
        minutes = int(float(f.read().split()[0])) // 60
    days, hours = minutes // 1440, minutes // 60 % 24
    load = ', '.join(f'{value:.2f}' for value in os.getloadavg())
    return (f'{time.strftime(" %H:%M:%S")} up {days} days, {hours:2d}:{minutes % 60:02d},  '
            f'0 users,  load average: {load}')


def cpu_stats() -> dict[str, int]:
    """What ComputeDriver.get_host_cpu_stats is: nanoseconds since the boot, and MHz.

    The kernel counts in ticks and tells of them in /proc/stat, see proc(5).
    """
    with open('/proc/stat', encoding='ascii') as f:
        user, nice, system, idle, iowait, irq, softirq = map(int, f.readline().split()[1:8])
    tick = 10**9 // os.sysconf('SC_CLK_TCK')
    return {'user': (user + nice) * tick, 'kernel': (system + irq + softirq) * tick,
            'idle': idle * tick, 'iowait': iowait * tick, 'frequency': _frequency()}


def _frequency() -> int:
    """MHz of the first CPU; 0 where the kernel does not tell."""
    with open('/proc/cpuinfo', encoding='utf-8') as f:
        found = re.search(r'^cpu MHz\s*: (\d+)', f.read(), re.MULTILINE)
    try:
        return int(found[1]) if found else int(
            (_CPUS / 'cpu0/cpufreq/scaling_cur_freq').read_text('ascii')) // 1000
    except FileNotFoundError:
        return 0


def cpus() -> cpu_translation.HostCpus:
    """The CPUs that are online, and whom [compute] gives them to.

    :raises InvalidConfiguration: when a set of [compute] cannot be
    """
    online = _cpu_list(_CPUS / 'online')
    cells = [cpu_translation.Cell(
        id=int(node.name.removeprefix('node')),
        cpus=(members := online & _cpu_list(node / 'cpulist')),
        memory_mb=_node_memory(node) // units.Ki, socket=_socket(members))
        for node in sorted(_NODES.glob('node[0-9]*'))]
    if not cells:
        # A kernel without NUMA: Nova sees one node, as libvirt does.
        cells = [cpu_translation.Cell(0, online, _meminfo()['MemTotal'] // units.Ki,
                                      _socket(online))]
    siblings = {_cpu_list(_topology(cpu) / 'thread_siblings_list') & online for cpu in online}
    return cpu_translation.host_cpus(cells, siblings, hardware.get_cpu_shared_set(),
                                     hardware.get_cpu_dedicated_set(),
                                     os.sysconf('SC_PAGESIZE') // units.Ki)


def check_configuration() -> None:
    """:raises InvalidConfiguration: when what is said about CPUs cannot be"""
    if CONF.vcpu_pin_set:
        raise nova_exception.InvalidConfiguration(
            '[DEFAULT]/vcpu_pin_set is of old and not read. Unset it, and set '
            '[compute]/cpu_shared_set and cpu_dedicated_set.')
    if cpus().confined and CONF.reserved_host_cpus:
        raise nova_exception.InvalidConfiguration(
            '[DEFAULT]/reserved_host_cpus goes with neither [compute]/cpu_shared_set nor '
            'cpu_dedicated_set. Unset it, and leave the host\'s CPUs out of both.')


def _topology(cpu: int) -> pathlib.Path:
    return _CPUS / f'cpu{cpu}' / 'topology'


def _socket(members: frozenset[int]) -> int | None:
    found = {int((_topology(cpu) / 'physical_package_id').read_text('ascii')) for cpu in members}
    return found.pop() if len(found) == 1 else None


def _cpu_list(path: pathlib.Path) -> frozenset[int]:
    return frozenset(hardware.parse_cpu_spec(path.read_text('ascii')))


def _node_memory(node: pathlib.Path) -> int:
    """kiB."""
    total, = re.findall(r'MemTotal:\s+(\d+)', (node / 'meminfo').read_text('ascii'))
    return int(total)


def architecture() -> str:
    """The machine name of this host."""
    return platform.machine()


def _meminfo() -> dict[str, int]:
    """/proc/meminfo in kiB."""
    with open('/proc/meminfo', encoding='ascii') as f:
        return {name: int(rest.split()[0])
                for name, _, rest in (line.partition(':') for line in f)}

