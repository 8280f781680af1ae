"""What an instance may use -> what to change of a container that exists.

``POST /containers/{id}/update`` changes the limits of the kernel; the rest of a
container's configuration is fixed when it is made.
https://docs.docker.com/reference/api/engine/
"""

from collections.abc import Mapping
import json
import typing as ty

from nova_docker.translate import naming

Json = dict[str, ty.Any]

_CHANGED_BY_UPDATE = ('Memory', 'MemorySwap', 'CpuPeriod', 'CpuQuota', 'CpuShares',
                      'CpusetCpus', 'CpusetMems', 'PidsLimit')
# How an update takes a limit away: leaving it out, or 0, would keep it.
_NO_LIMIT = {'CpuQuota': -1, 'CpuShares': 1024, 'PidsLimit': -1}
# An update can only replace them by others.
_NEVER_TAKEN_AWAY = ('CpusetCpus', 'CpusetMems')
_FIXED = ('CapAdd', 'Devices', 'Privileged', 'Runtime', 'ShmSize', 'StorageOpt')


def update(wanted: Mapping[str, ty.Any], actual: Mapping[str, ty.Any]) -> Json:
    """The body that brings a container to what is wanted; {} when it is there.

    Both memory limits go together, because the engine refuses a memory above
    the sum of memory and swap that it has so far.

    :param wanted: HostConfig of the create JSON
    :param actual: HostConfig of the inspect JSON
    """
    body = {key: wanted[key] for key in _CHANGED_BY_UPDATE if key in wanted}
    body |= {key: no_limit for key, no_limit in _NO_LIMIT.items()
             if key not in wanted and actual.get(key) not in (None, 0, no_limit)}
    return body if any(actual.get(key) != value for key, value in body.items()) else {}


def takes_memory(changes: Mapping[str, ty.Any], actual: Mapping[str, ty.Any]) -> bool:
    """Whether an update leaves less memory, or less memory and swap, than before.

    A program that uses more than that would be killed.
    """
    return any(key in changes and (actual.get(key) or -1) > 0 and changes[key] < actual[key]
               for key in ('Memory', 'MemorySwap'))


def fixed(wanted: Mapping[str, ty.Any]) -> dict[str, str]:
    """The label that tells what of the flavor was fixed when a container was made.

    What the engine shows of it later is in words of its own (a capability gets a
    prefix, a default is filled in), so it could not be compared.
    """
    found = {key: wanted[key] for key in _FIXED if key in wanted}
    return {naming.LABEL_FIXED: json.dumps(found, sort_keys=True) if found else ''}


def is_fixed_otherwise(wanted: Mapping[str, ty.Any], inspected: Mapping[str, ty.Any]) -> bool:
    """Whether what is wanted needs another container than the inspected one."""
    note = inspected['Config']['Labels'].get(naming.LABEL_FIXED, '')
    return fixed(wanted)[naming.LABEL_FIXED] != note or any(
        inspected['HostConfig'].get(key) and key not in wanted for key in _NEVER_TAKEN_AWAY)
