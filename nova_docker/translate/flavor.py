"""The ``docker:`` extra specs of a flavor -> what they grant an instance.

An operator writes them, so that some flavors can do what others must not.
"""

from collections.abc import Mapping
import dataclasses
import re

from oslo_utils import strutils

from nova_docker import exception

_PREFIX = 'docker:'
# Without a word an instance would have its CPUs, and no real time.
_REAL_TIME = 'hw:cpu_realtime'
# capabilities(7); the engine knows "all", too.
_CAPABILITIES = (
    'ALL', 'AUDIT_CONTROL', 'AUDIT_READ', 'AUDIT_WRITE', 'BLOCK_SUSPEND', 'BPF',
    'CHECKPOINT_RESTORE', 'CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID',
    'IPC_LOCK', 'IPC_OWNER', 'KILL', 'LEASE', 'LINUX_IMMUTABLE', 'MAC_ADMIN', 'MAC_OVERRIDE',
    'MKNOD', 'NET_ADMIN', 'NET_BIND_SERVICE', 'NET_BROADCAST', 'NET_RAW', 'PERFMON', 'SETFCAP',
    'SETGID', 'SETPCAP', 'SETUID', 'SYSLOG', 'SYS_ADMIN', 'SYS_BOOT', 'SYS_CHROOT',
    'SYS_MODULE', 'SYS_NICE', 'SYS_PACCT', 'SYS_PTRACE', 'SYS_RAWIO', 'SYS_RESOURCE',
    'SYS_TIME', 'SYS_TTY_CONFIG', 'WAKE_ALARM')
_CAPABILITY = f'(?:CAP_)?(?:{"|".join(_CAPABILITIES)})'
# Below /dev, and never up again.
_PATH = r'/dev(?:/(?!\.{1,2}(?:[/,:]|$))[^\s,:/]+)+'
_DEVICE = rf'{_PATH}(?::{_PATH})?(?::(?:rw?m?|wm?|m))?'


@dataclasses.dataclass(frozen=True)
class Spec:
    """One extra spec.

    :param kind: 'boolean', 'integer' or 'text'
    :param pattern: of the whole text
    :param least: the smallest integer
    """

    name: str
    kind: str
    description: str
    pattern: str = ''
    least: int = 0


SPECS = (
    Spec('docker:privileged', 'boolean',
         'Run the container without any of the engine\'s fences. Whoever is root in it is '
         'root on the compute host.'),
    Spec('docker:cap_add', 'text',
         'Kernel capabilities that the container gets beyond the usual ones, separated by '
         'commas: NET_RAW,SYS_PTRACE.',
         pattern=f'{_CAPABILITY}(?:,{_CAPABILITY})*'),
    Spec('docker:pids_limit', 'integer',
         'The most processes and threads of the instance, in place of [docker]/pids_limit; '
         '0 for no limit.'),
    Spec('docker:shm_size_mb', 'integer', 'The size of /dev/shm in MiB.', least=1),
    Spec('docker:runtime', 'text',
         'The engine\'s runtime that runs the container, such as runsc or kata-runtime.',
         pattern=r'[A-Za-z0-9][A-Za-z0-9_.-]*'),
    Spec('docker:devices', 'text',
         'Devices of the compute host that the container may use, separated by commas, each '
         'as the engine\'s --device takes it: /dev/fuse,/dev/sda:/dev/xvdc:r.',
         pattern=f'{_DEVICE}(?:,{_DEVICE})*'),
)
_BY_NAME = {spec.name: spec for spec in SPECS}


@dataclasses.dataclass(frozen=True)
class Device:
    """A device of the host, and its name and rights inside."""

    on_host: str
    inside: str
    rights: str


@dataclasses.dataclass(frozen=True)
class Grants:
    """What a flavor grants beyond the safe defaults; None: the default."""

    privileged: bool = False
    cap_add: tuple[str, ...] = ()
    pids: int | None = None
    shm_mb: int | None = None
    runtime: str | None = None
    devices: tuple[Device, ...] = ()


def grants(extra_specs: Mapping[str, str]) -> Grants:
    """:raises InvalidExtraSpec: naming it and what is wrong with it

    Nova's API refuses the same values where this package is installed beside
    it; where it is not, a wrong value must not be taken for the default.
    """
    ours = {name: value for name, value in extra_specs.items() if name.startswith(_PREFIX)}
    for name, value in ours.items():
        _check(name, value)
    if strutils.bool_from_string(extra_specs.get(_REAL_TIME)):
        raise exception.InvalidExtraSpec(
            name=_REAL_TIME, value=extra_specs[_REAL_TIME],
            reason='Containers have no real-time CPUs; hw:cpu_policy=dedicated works.')
    return Grants(
        privileged=strutils.bool_from_string(ours.get('docker:privileged')),
        cap_add=tuple(capability.removeprefix('CAP_')
                      for capability in _split(ours.get('docker:cap_add'))),
        pids=_integer(ours.get('docker:pids_limit')),
        shm_mb=_integer(ours.get('docker:shm_size_mb')),
        runtime=ours.get('docker:runtime'),
        devices=tuple(map(_device, _split(ours.get('docker:devices')))))


def _check(name: str, value: str) -> None:
    spec = _BY_NAME.get(name)
    if spec is None:
        raise exception.InvalidExtraSpec(
            name=name, value=value, reason=f'There are only {", ".join(_BY_NAME)}.')
    if not _CHECKS[spec.kind](spec, value):
        raise exception.InvalidExtraSpec(name=name, value=value, reason=spec.description)


def _is_boolean(spec: Spec, value: str) -> bool:
    try:
        strutils.bool_from_string(value, strict=True)
    except ValueError:
        return False
    return True


def _is_integer(spec: Spec, value: str) -> bool:
    try:
        return int(value) >= spec.least
    except ValueError:
        return False


def _is_text(spec: Spec, value: str) -> bool:
    return re.fullmatch(spec.pattern, value) is not None


_CHECKS = {'boolean': _is_boolean, 'integer': _is_integer, 'text': _is_text}


def _split(value: str | None) -> list[str]:
    return value.split(',') if value else []


def _integer(value: str | None) -> int | None:
    return None if value is None else int(value)


def _device(text: str) -> Device:
    on_host, *rest = text.split(':')
    inside = next((part for part in rest if part.startswith('/')), on_host)
    rights = next((part for part in rest if part and not part.startswith('/')), 'rwm')
    return Device(on_host, inside, rights)
