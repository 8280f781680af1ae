"""Host facts -> what Placement and the hypervisor list are told."""

from collections.abc import Mapping
import dataclasses
import json
import typing as ty

from nova.objects import fields
import os_resource_classes as orc
import os_traits
from oslo_utils import versionutils

from nova_docker.translate import cpus as cpu_translation

Json = dict[str, ty.Any]


@dataclasses.dataclass(frozen=True)
class HostFacts:
    """What the engine and the kernel say about the host.

    :param hostname: what the engine calls the host
    :param architecture: machine name, x86_64
    :param vcpus: number of CPUs for instances that share
    :param memory_mb: MiB
    :param memory_used_mb: MiB
    :param disk_gb: GiB of the file system that holds the engine's data
    :param disk_used_gb: GiB
    :param engine_version: such as 20.10.24+dfsg1
    :param cpus: every CPU, and whom it is for
    """

    hostname: str
    architecture: str
    vcpus: int
    memory_mb: int
    memory_used_mb: int
    disk_gb: int
    disk_used_gb: int
    engine_version: str
    cpus: cpu_translation.HostCpus


def resources(facts: HostFacts, nodename: str) -> Json:
    """The dict of ComputeDriver.get_available_resource."""
    return {
        'vcpus': facts.vcpus,
        'memory_mb': facts.memory_mb,
        'local_gb': facts.disk_gb,
        # Nova's resource tracker counts what the instances claim.
        'vcpus_used': 0,
        'memory_mb_used': facts.memory_used_mb,
        'local_gb_used': facts.disk_used_gb,
        'hypervisor_type': fields.HVType.DOCKER,
        'hypervisor_version': version_number(facts.engine_version),
        'hypervisor_hostname': nodename,
        'cpu_info': json.dumps({'arch': facts.architecture}),
        'disk_available_least': facts.disk_gb - facts.disk_used_gb,
        'supported_instances': [(
            fields.Architecture.canonicalize(facts.architecture),
            fields.HVType.DOCKER, fields.VMMode.EXE)],
        'numa_topology': cpu_translation.topology(facts.cpus)._to_json(),
    }


def inventory(facts: HostFacts, ratios: Mapping[str, float],
              reserved: Mapping[str, int]) -> dict[str, Json]:
    """The inventory of the compute node's resource provider.

    :param ratios: allocation ratio by resource class
    :param reserved: amount by resource class, in the class's unit
    """
    totals = {orc.VCPU: facts.vcpus, orc.PCPU: len(facts.cpus.dedicated),
              orc.MEMORY_MB: facts.memory_mb, orc.DISK_GB: facts.disk_gb}
    # Whoever has a CPU to itself shares it with nobody.
    ratios = {**ratios, orc.PCPU: 1.0}
    return {
        resource_class: {
            'total': total,
            'reserved': min(reserved.get(resource_class, 0), total),
            'min_unit': 1,
            'max_unit': total,
            'step_size': 1,
            'allocation_ratio': ratios[resource_class],
        }
        for resource_class, total in totals.items() if total > 0
    }


_ARCHITECTURE_TRAITS = {
    'x86_64': os_traits.COMPUTE_ARCH_X86_64,
    'aarch64': os_traits.COMPUTE_ARCH_AARCH64,
}
# Those that the driver decides on.
TRAITS = frozenset({*_ARCHITECTURE_TRAITS.values(), os_traits.HW_CPU_HYPERTHREADING})


def traits(facts: HostFacts) -> set[str]:
    """Traits beyond those that Nova derives from the capabilities."""
    result = {trait} if (trait := _ARCHITECTURE_TRAITS.get(facts.architecture)) else set()
    # What hw:cpu_thread_policy forbids or requires.
    return result | ({os_traits.HW_CPU_HYPERTHREADING} if facts.cpus.has_threads else set())


def version_number(version: str) -> int:
    """A version as Nova stores it: 20.10.24+dfsg1 -> 20010024."""
    plain = version.partition('+')[0].partition('-')[0]
    parts = [part for part in plain.split('.') if part.isdigit()]
    return versionutils.convert_version_to_int('.'.join([*parts, '0', '0', '0'][:3]))
