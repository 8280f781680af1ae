"""The CPUs of a host -> the NUMA topology that Nova claims from; what Nova
claimed -> the CPUs that a container may run on.

Nova decides who gets which CPU (nova.virt.hardware fits instances to
NUMATopology, in the resource tracker's claim); here it is only said to the
engine.
"""

from collections.abc import Collection
from collections.abc import Iterable
import dataclasses
import typing as ty

from nova import exception as nova_exception
from nova.objects import instance_numa
from nova.objects import network_metadata
from nova.objects import numa
from nova.virt import hardware

Cpus = frozenset[int]


@dataclasses.dataclass(frozen=True)
class Cell:
    """A NUMA node of the host.

    :param cpus: those that are online
    :param memory_mb: MiB
    :param socket: physical package, None when the node has CPUs of several
    """

    id: int
    cpus: Cpus
    memory_mb: int
    socket: int | None = None


@dataclasses.dataclass(frozen=True)
class HostCpus:
    """The CPUs of a host and whom they are for.

    :param siblings: sets of hardware threads of one core
    :param shared: for instances that share, [compute]/cpu_shared_set
    :param dedicated: for pinned ones, [compute]/cpu_dedicated_set
    :param confined: whether the operator named any of the two sets
    :param page_kb: kiB of a page of memory
    """

    cells: tuple[Cell, ...]
    siblings: frozenset[Cpus]
    shared: Cpus
    dedicated: Cpus
    confined: bool
    page_kb: int

    @property
    def has_threads(self) -> bool:
        """Whether a core runs more than one hardware thread."""
        return any(len(threads) > 1 for threads in self.siblings)


@dataclasses.dataclass(frozen=True)
class Cpuset:
    """Where a container runs, in the notation of cpuset(7); empty: anywhere.

    :param exclusive: nobody else runs on any of them
    """

    cpus: str = ''
    mems: str = ''
    exclusive: bool = False


def host_cpus(cells: Iterable[Cell], siblings: Iterable[Cpus],
              shared: Collection[int] | None, dedicated: Collection[int] | None,
              page_kb: int = 4) -> HostCpus:
    """The CPUs of a host under the operator's two sets.

    As with Nova's libvirt driver: without any set all CPUs are shared, and a
    host with a dedicated set alone has no CPU for instances that share.

    :raises InvalidConfiguration: for a set that cannot be
    """
    cells = tuple(cells)
    online: Cpus = frozenset().union(*(cell.cpus for cell in cells))
    for option, chosen in (('cpu_shared_set', shared), ('cpu_dedicated_set', dedicated)):
        if absent := frozenset(chosen or ()) - online:
            raise nova_exception.InvalidConfiguration(
                f'[compute]/{option} names CPUs that this host does not have online: '
                f'{_text(absent)}. There are {_text(online)}.')
    if both := frozenset(shared or ()) & frozenset(dedicated or ()):
        raise nova_exception.InvalidConfiguration(
            f'[compute]/cpu_shared_set and cpu_dedicated_set both name CPUs {_text(both)}. '
            f'Leave each to one of them.')
    confined = bool(shared or dedicated)
    return HostCpus(cells=cells, siblings=frozenset(siblings),
                    shared=frozenset(shared or ()) if confined else online,
                    dedicated=frozenset(dedicated or ()), confined=confined, page_kb=page_kb)


def topology(host: HostCpus) -> numa.NUMATopology:
    """What the resource tracker fits instances to.  It counts what is used.

    Pages of the usual size alone: those that a container's memory has.  A flavor
    that asks for larger ones fits nowhere.
    """
    usable = host.shared | host.dedicated
    return numa.NUMATopology(cells=[
        numa.NUMACell(
            id=cell.id, socket=cell.socket, memory=cell.memory_mb,
            cpuset=set(cell.cpus & host.shared), pcpuset=set(cell.cpus & host.dedicated),
            cpu_usage=0, memory_usage=0, pinned_cpus=set(), mempages=[_pages(cell, host.page_kb)],
            siblings=sorted((set(threads & usable) for threads in host.siblings
                             if threads & usable & cell.cpus), key=min),
            network_metadata=network_metadata.NetworkMetadata(physnets=set(), tunneled=False))
        for cell in host.cells])


def cpuset(host: HostCpus, claimed: instance_numa.InstanceNUMATopology | None) -> Cpuset:
    """Where an instance runs.

    :param claimed: instance.numa_topology, after the resource tracker's claim
    """
    if claimed is None and not host.confined:
        return Cpuset()
    if claimed is None:
        # All nodes by their numbers: an engine can take none of the two away from
        # a container that was pinned before it was resized.
        return Cpuset(cpus=_text(host.shared), mems=_text({cell.id for cell in host.cells}))
    own = claimed.cpu_pinning | claimed.cpuset_reserved
    nodes = {cell.id for cell in claimed.cells}
    # A mixed instance shares some CPUs beside those that are its own.
    sharing = {cell.id for cell in claimed.cells if cell.cpuset}
    shared = frozenset().union(*(
        cell.cpus & host.shared for cell in host.cells if cell.id in sharing))
    return Cpuset(cpus=_text(own | shared), mems=_text(nodes), exclusive=not shared)


def _pages(cell: Cell, page_kb: int) -> numa.NUMAPagesTopology:
    return numa.NUMAPagesTopology(
        size_kb=page_kb, total=cell.memory_mb * 1024 // page_kb, used=0, reserved=0)


def _text(numbers: Collection[int]) -> str:
    return ty.cast(str, hardware.format_cpu_spec(set(numbers)))
