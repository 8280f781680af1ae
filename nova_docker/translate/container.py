"""Flavor, image and plans -> the JSON that creates the containers; the JSON
that inspects them -> what Nova wants to know.

The create and inspect bodies: https://docs.docker.com/reference/api/engine/
"""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import datetime
import typing as ty

from nova.compute import power_state

from nova_docker.translate import allowance
from nova_docker.translate import cpus
from nova_docker.translate import flavor
from nova_docker.translate import naming
from nova_docker.translate import userdata

Json = dict[str, ty.Any]

MIB = 1 << 20
_CPU_PERIOD = 100_000
_SHARES_PER_VCPU = 1024
_MAX_SHARES = 262_144
# containerd's runc shim serves all containers of one group; needs API 1.43.
_SHIM_GROUP = 'io.containerd.runc.v2.group'
_SHIM_GROUP_API = (1, 43)
# Where the sandbox has the volume for what belongs to the instance and not to
# its disk.
STORE = '/instance'

# A TTY and an open stdin make an image whose command is a shell wait for
# somebody to attach, as the console of a virtual machine does; without them
# the shell of busybox, debian or alpine would end at once.
_CONSOLE: Json = {'Tty': True, 'OpenStdin': True}
_LOG: Json = {'Type': 'json-file', 'Config': {'max-size': '10m', 'max-file': '2'}}

# https://linuxcontainers.org/lxcfs/: what shows an instance its own resources.
_LXCFS_FILES = (*(f'proc/{name}' for name in (
    'cpuinfo', 'diskstats', 'loadavg', 'meminfo', 'stat', 'swaps', 'uptime')),
    'sys/devices/system/cpu/online')


@dataclasses.dataclass(frozen=True)
class Identity:
    """Who an instance is.

    :param uuid: instance.uuid
    :param name: instance.name
    :param host: the compute host that owns it
    :param hostname: instance.hostname
    """

    uuid: str
    name: str
    host: str
    hostname: str


@dataclasses.dataclass(frozen=True)
class Limits:
    """What an instance may use.

    :param vcpus: number of CPUs
    :param cpu_mode: 'quota' or 'shares', see [docker]/cpu_mode
    :param memory_mb: MiB
    :param swap_mb: MiB on top of the memory
    :param pids: processes and threads, 0 for no limit
    :param disk_gb: GiB of the writable layer, 0 for no limit
    :param no_new_privileges: see [docker]/no_new_privileges
    :param grants: what the flavor grants beyond the defaults
    :param cpuset: the CPUs that it may run on
    :param lxcfs_root: where LXCFS is mounted on the host, '' for nowhere
    """

    vcpus: int
    cpu_mode: str
    memory_mb: int
    swap_mb: int
    pids: int
    disk_gb: int
    no_new_privileges: bool
    grants: flavor.Grants = dataclasses.field(default_factory=flavor.Grants)
    cpuset: cpus.Cpuset = dataclasses.field(default_factory=cpus.Cpuset)
    lxcfs_root: str = ''


def sandbox_config(identity: Identity, image: str, api: tuple[int, ...],
                   has_store: bool = False) -> Json:
    """The create JSON of the container that holds the network.

    The host name is set here, because the engine refuses it on a container
    that joins another's network.

    :param has_store: mount the store, which the engine makes if it is not there
    """
    return {
        'Image': image,
        'Hostname': naming.kernel_hostname(identity.hostname),
        'Labels': _labels(naming.ROLE_SANDBOX, identity),
        'HostConfig': {
            'NetworkMode': 'none',
            'CapDrop': ['ALL'],
            'SecurityOpt': ['no-new-privileges'],
            'LogConfig': {'Type': 'none'},
            **(_store(identity) if has_store else {}),
            **_shim_group(identity, api),
        },
    }


def workload_config(identity: Identity, image: str, limits: Limits, api: tuple[int, ...],
                    command: list[str] | None = None,
                    environment: Mapping[str, str] | None = None,
                    image_digest: str = '',
                    process: userdata.Process | None = None) -> Json:
    """The create JSON of the container that runs the image.

    :param image: the image's id on the engine
    :param command: replaces the image's own command
    :param environment: added to the image's own
    :param image_digest: the registry's digest that its tag was resolved to
    :param process: what the user wants of an open image
    """
    granted = allowed(limits)
    wanted = process or userdata.Process()
    variables = {**(environment or {}), **wanted.environment}
    config: Json = {
        'Image': image,
        'Labels': {**_labels(naming.ROLE_WORKLOAD, identity, image_digest),
                   # Always both, or an image's own labels would stand for them.
                   naming.LABEL_ORIGIN: image, **allowance.fixed(granted)},
        'Env': [f'{key}={value}' for key, value in sorted(variables.items())],
        'HostConfig': {
            'NetworkMode': f'container:{naming.sandbox_name(identity.uuid)}',
            'LogConfig': _LOG,
            **granted,
            **_own_figures(limits.lxcfs_root),
            **_shim_group(identity, api),
        },
        **_CONSOLE,
    }
    replaced = {
        'Cmd': command if wanted.command is None else list(wanted.command),
        'Entrypoint': wanted.entrypoint and list(wanted.entrypoint),
        'WorkingDir': wanted.workdir, 'User': wanted.user}
    return {**config, **{key: value for key, value in replaced.items() if value is not None}}


def _store(identity: Identity) -> Json:
    return {'Mounts': [{
        'Type': 'volume', 'Source': naming.store_name(identity.uuid), 'Target': STORE,
        'VolumeOptions': {'NoCopy': True, 'Labels': _labels(naming.ROLE_STORE, identity)}}]}


def store_source(inspected: Mapping[str, ty.Any]) -> str | None:
    """Where the engine's host has the store of an inspected sandbox."""
    return next((mount['Source'] for mount in inspected['Mounts']
                 if mount['Destination'] == STORE), None)


def bound(config: Json, binds: Sequence[str]) -> Json:
    """The create JSON with more bind mounts: "source:target" or "source:target:ro"."""
    host_config = config['HostConfig']
    return {**config, 'HostConfig': {
        **host_config, 'Binds': [*host_config.get('Binds', ()), *binds]}}


def successor_config(old: Mapping[str, ty.Any], commit: str, limits: Limits,
                     api: tuple[int, ...]) -> Json:
    """The create JSON of a container that takes another's place, over its files.

    Command and environment are in the commit.

    :param old: the other, inspected
    :param commit: the id of the image that was made of the other
    """
    labels = old['Config']['Labels']
    identity = Identity(uuid=naming.instance_of(labels), name=labels[naming.LABEL_NAME],
                        host=labels[naming.LABEL_HOST], hostname='')
    config = workload_config(identity, commit, limits, api)
    config['Labels'] = {**labels, **config['Labels'],
                        naming.LABEL_ORIGIN: origin(old),
                        naming.LABEL_GENERATION: str(naming.generation_of(labels) + 1)}
    # The volumes that the image declares, which no commit contains.
    config['HostConfig']['VolumesFrom'] = [old['Id']]
    return bound(config, old['HostConfig'].get('Binds') or ())


def origin(inspected: Mapping[str, ty.Any]) -> str:
    """The id of the image that the instance was booted from."""
    return str(inspected['Config']['Labels'].get(naming.LABEL_ORIGIN) or inspected['Image'])


def listed_origin(listed: Mapping[str, ty.Any]) -> str | None:
    """The same by an entry of the container list; None of a foreign container."""
    return (listed['Labels'] or {}).get(naming.LABEL_ORIGIN)


def _labels(role: str, identity: Identity, image_digest: str = '') -> dict[str, str]:
    return naming.labels(role, instance_uuid=identity.uuid, instance_name=identity.name,
                         host=identity.host, image_digest=image_digest)


def _shim_group(identity: Identity, api: tuple[int, ...]) -> Json:
    if api < _SHIM_GROUP_API:
        return {}
    return {'Annotations': {_SHIM_GROUP: identity.uuid}}


def allowed(limits: Limits) -> Json:
    """The part of the HostConfig that comes from the flavor."""
    return {**_limits(limits), **_grants(limits.grants)}


def _limits(limits: Limits) -> Json:
    result: Json = {
        'Memory': limits.memory_mb * MIB,
        # The engine's MemorySwap is the sum of both.
        'MemorySwap': (limits.memory_mb + limits.swap_mb) * MIB,
    }
    result.update(_cpu_limits(limits))
    pids = limits.pids if limits.grants.pids is None else limits.grants.pids
    if pids:
        result['PidsLimit'] = pids
    if limits.disk_gb:
        result['StorageOpt'] = {'size': f'{limits.disk_gb}G'}
    if limits.no_new_privileges:
        result['SecurityOpt'] = ['no-new-privileges']
    return result


def _cpu_limits(limits: Limits) -> Json:
    result: Json = {}
    if limits.cpuset.cpus:
        result['CpusetCpus'] = limits.cpuset.cpus
    if limits.cpuset.mems:
        result['CpusetMems'] = limits.cpuset.mems
    if limits.cpuset.exclusive:
        # Its CPUs are the limit; a quota beside it would only add pauses.
        return result
    if limits.cpu_mode == 'quota':
        result.update(CpuPeriod=_CPU_PERIOD, CpuQuota=limits.vcpus * _CPU_PERIOD)
    else:
        result.update(CpuShares=min(limits.vcpus * _SHARES_PER_VCPU, _MAX_SHARES))
    return result


def _own_figures(lxcfs_root: str) -> Json:
    """LXCFS over the files of /proc and /sys that tell the host's resources.

    As mounts, not binds: for a bind the engine would make a folder of a file
    that is missing.
    """
    if not lxcfs_root:
        return {}
    return {'Mounts': [{'Type': 'bind', 'Source': f'{lxcfs_root.rstrip("/")}/{path}',
                        'Target': f'/{path}', 'ReadOnly': True} for path in _LXCFS_FILES]}


def _grants(grants: flavor.Grants) -> Json:
    result: Json = {}
    if not {'ALL', 'NET_RAW'} & set(grants.cap_add):
        result['CapDrop'] = ['NET_RAW']
    if grants.cap_add:
        result['CapAdd'] = list(grants.cap_add)
    if grants.privileged:
        result['Privileged'] = True
    if grants.shm_mb is not None:
        result['ShmSize'] = grants.shm_mb * MIB
    if grants.runtime is not None:
        result['Runtime'] = grants.runtime
    if grants.devices:
        result['Devices'] = [
            {'PathOnHost': device.on_host, 'PathInContainer': device.inside,
             'CgroupPermissions': device.rights} for device in grants.devices]
    return result


# Exit codes of a process that was asked to end: success, and death by the
# signals that people and engines stop containers with.
_STOPPED_CODES = frozenset({0, 128 + 2, 128 + 3, 128 + 9, 128 + 15})


def power_state_of(inspected: Mapping[str, ty.Any], asked_to_stop: bool = False) -> int:
    """The nova.compute.power_state of an inspected workload.

    A container that ended by itself with an error, or ran out of memory, is
    CRASHED; one that was stopped or ended well is SHUTDOWN.

    :param asked_to_stop: by Nova: then any exit code is an answer to that
    """
    state = inspected['State']
    if state.get('Paused'):
        return ty.cast(int, power_state.PAUSED)
    if state.get('Running') and not state.get('Restarting'):
        return ty.cast(int, power_state.RUNNING)
    if state.get('Status') == 'exited' and not asked_to_stop and (
            state.get('OOMKilled') or state.get('ExitCode') not in _STOPPED_CODES):
        return ty.cast(int, power_state.CRASHED)
    return ty.cast(int, power_state.SHUTDOWN)


def seconds_lived(inspected: Mapping[str, ty.Any]) -> float:
    """How long a container ran that has ended."""
    began, ended = (datetime.datetime.fromisoformat(inspected['State'][key])
                    for key in ('StartedAt', 'FinishedAt'))
    return (ended - began).total_seconds()


def is_at_work(inspected: Mapping[str, ty.Any]) -> bool:
    """Whether an inspected workload runs and is not frozen."""
    return bool(inspected['State']['Running'] and not inspected['State']['Paused'])


def is_workload(listed: Mapping[str, ty.Any]) -> bool:
    """Whether an entry of the container list runs an image."""
    return bool(listed['Labels'].get(naming.LABEL_ROLE) == naming.ROLE_WORKLOAD)


def is_parked(listed: Mapping[str, ty.Any]) -> bool:
    """Whether an entry of the container list is a workload whose place a rescue
    has taken."""
    parked = naming.parked_name(naming.instance_of(listed['Labels']))
    return f'/{parked}' in listed['Names']


def never_started(listed: Mapping[str, ty.Any]) -> bool:
    """Whether an entry of the container list was made and not started yet."""
    return bool(listed['State'] == 'created')
