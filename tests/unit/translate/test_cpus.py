"""Pinning, with Nova's own code as the judge of the topology that we report."""

from nova import exception as nova_exception
from nova import objects
from nova.virt import hardware
import pytest

from nova_docker.translate import allowance
from nova_docker.translate import container
from nova_docker.translate import cpus

objects.register_all()


def host_of(shared=None, dedicated=None, threads=False):
    """Two nodes of four CPUs and 4 GiB each."""
    cells = (cpus.Cell(0, frozenset(range(4)), 4096, socket=0),
             cpus.Cell(1, frozenset(range(4, 8)), 4096, socket=1))
    step = 2 if threads else 1
    siblings = [frozenset(range(first, first + step)) for first in range(0, 8, step)]
    return cpus.host_cpus(cells, siblings, shared, dedicated)


def claimed(host_topology, memory_mb=512, vcpus=2, **extra_specs):
    """What the resource tracker's claim makes of a flavor; None: it does not fit."""
    flavor = objects.Flavor(vcpus=vcpus, memory_mb=memory_mb, extra_specs={
        "hw:" + name: value for name, value in extra_specs.items()})
    image = objects.ImageMeta(properties=objects.ImageMetaProps())
    asked = hardware.numa_get_constraints(flavor, image)
    fitted = hardware.numa_fit_instance_to_host(host_topology, asked, provider_mapping=None)
    if fitted is None:
        return None
    after = hardware.numa_usage_from_instance_numa(host_topology, fitted)
    host_topology.cells = after.cells
    return fitted


def test_without_a_set_every_cpu_is_shared_and_no_container_is_confined():
    host = host_of()
    assert [(cell.cpuset, cell.pcpuset) for cell in cpus.topology(host).cells] == [
        ({0, 1, 2, 3}, set()), ({4, 5, 6, 7}, set())]
    assert cpus.cpuset(host, None) == cpus.Cpuset()


def test_instances_that_share_stay_on_the_shared_cpus():
    assert cpus.cpuset(host_of(shared={0, 1, 4}, dedicated={2, 3}), None).cpus == "0-1,4"


def test_an_update_makes_a_pinned_container_share():
    host = host_of(shared={0}, dedicated={1, 2})
    pinned, sharing = (container.allowed(container.Limits(
        vcpus=2, cpu_mode="quota", memory_mb=512, swap_mb=0, pids=0, disk_gb=0,
        no_new_privileges=False, cpuset=cpus.cpuset(host, whose)))
        for whose in (claimed(cpus.topology(host), cpu_policy="dedicated"), None))
    assert not allowance.is_fixed_otherwise(
        sharing, {"HostConfig": pinned, "Config": {"Labels": {}}})
    assert allowance.update(sharing, pinned).items() >= {
        "CpusetCpus": "0", "CpusetMems": "0-1", "CpuQuota": 200_000}.items()


def test_no_two_pinned_instances_share_a_cpu():
    host = host_of(shared={0}, dedicated={1, 2, 4, 5})
    topology = cpus.topology(host)
    sets = [cpus.cpuset(host, claimed(topology, cpu_policy="dedicated")) for _ in range(2)]
    assert sorted((one.cpus, one.mems, one.exclusive) for one in sets) == [
        ("1-2", "0", True), ("4-5", "1", True)]
    assert claimed(topology, cpu_policy="dedicated") is None


def test_a_mixed_instance_has_some_of_its_own_and_shares_the_others():
    host = host_of(shared={0, 1}, dedicated={2, 3})
    mixed = claimed(cpus.topology(host), vcpus=3, cpu_policy="mixed", cpu_dedicated_mask="0")
    result = cpus.cpuset(host, mixed)
    assert result.cpus in {"0-2", "0-1,3"}
    assert not result.exclusive


def test_threads_of_one_core_can_be_demanded():
    host = host_of(shared={0}, dedicated={1, 2, 3}, threads=True)
    pinned = claimed(cpus.topology(host), cpu_policy="dedicated", cpu_thread_policy="require")
    assert cpus.cpuset(host, pinned).cpus == "2-3"


def test_nodes_can_be_asked_for_without_pinning():
    host = host_of(shared={0, 1, 4, 5})
    result = cpus.cpuset(host, claimed(cpus.topology(host), numa_nodes="2"))
    assert (result.cpus, result.mems, result.exclusive) == ("0-1,4-5", "0-1", False)


@pytest.mark.parametrize(("size", "fits"), [
    ("small", True), ("any", True), ("large", False), ("2MB", False)])
def test_only_pages_of_the_usual_size_are_had(size, fits):
    assert (claimed(cpus.topology(host_of()), mem_page_size=size) is not None) == fits


def test_a_host_with_a_dedicated_set_alone_shares_nothing():
    host = host_of(dedicated={1})
    assert host.shared == frozenset()
    assert claimed(cpus.topology(host), numa_nodes="1") is None


@pytest.mark.parametrize(("sets", "words"), [
    ({"shared": {8}}, "cpu_shared_set names CPUs .* online: 8"),
    ({"dedicated": {7, 9}}, "cpu_dedicated_set names CPUs .* online: 9"),
    ({"shared": {1, 2}, "dedicated": {2, 3}}, "both name CPUs 2")])
def test_a_set_that_cannot_be_is_refused(sets, words):
    with pytest.raises(nova_exception.InvalidConfiguration, match=words):
        host_of(**sets)
