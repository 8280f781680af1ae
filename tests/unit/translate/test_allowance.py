"""Limits of a flavor -> what to change of the container that exists."""

import dataclasses

import pytest

from nova_docker.translate import allowance
from nova_docker.translate import container
from nova_docker.translate import cpus
from nova_docker.translate import flavor

MIB = 1 << 20
SMALL = container.Limits(vcpus=1, cpu_mode="quota", memory_mb=64, swap_mb=0, pids=100,
                         disk_gb=0, no_new_privileges=False)


def wanted(**changes: object) -> dict[str, object]:
    return container.allowed(dataclasses.replace(SMALL, **changes))  # type: ignore[arg-type]


def inspected(labels: dict[str, str], **host: object) -> dict[str, dict[str, object]]:
    return {"Config": {"Labels": dict(labels)}, "HostConfig": host}


def test_what_is_there_already_needs_no_update():
    assert allowance.update(wanted(), wanted()) == {}


def test_memory_never_goes_without_the_sum_of_memory_and_swap():
    changes = allowance.update(wanted(memory_mb=128, swap_mb=64), wanted())
    assert (changes["Memory"], changes["MemorySwap"]) == (128 * MIB, 192 * MIB)


def test_only_what_an_update_can_change_is_in_it():
    changes = allowance.update(
        wanted(vcpus=2, disk_gb=5, grants=flavor.Grants(cap_add=("NET_ADMIN",))), wanted())
    assert changes == {"Memory": 64 * MIB, "MemorySwap": 64 * MIB, "CpuPeriod": 100_000,
                       "CpuQuota": 200_000, "PidsLimit": 100}


@pytest.mark.parametrize(("new", "old", "key", "value"), [
    ({"cpu_mode": "shares"}, {}, "CpuQuota", -1),
    ({}, {"cpu_mode": "shares", "vcpus": 2}, "CpuShares", 1024),
    ({"pids": 0}, {}, "PidsLimit", -1),
])
def test_a_limit_that_is_not_wanted_any_more_is_taken_away(new, old, key, value):
    changes = allowance.update(wanted(**new), wanted(**old))
    assert changes[key] == value
    assert allowance.update(wanted(**new), {**wanted(**old), **changes}) == {}


@pytest.mark.parametrize(("memory_mb", "swap_mb", "takes"), [
    (64, 16, False), (128, 16, False), (128, 0, False),
    (32, 16, True), (32, 96, True), (64, 0, True),
])
def test_less_memory_or_less_memory_and_swap_takes_memory(memory_mb, swap_mb, takes):
    old = wanted(memory_mb=64, swap_mb=16)
    changes = allowance.update(wanted(memory_mb=memory_mb, swap_mb=swap_mb, vcpus=9), old)
    assert allowance.takes_memory(changes, old) is takes


def test_memory_that_had_no_limit_gets_one_without_counting_as_taken():
    assert not allowance.takes_memory({"Memory": 5, "MemorySwap": 5},
                                      {"Memory": 0, "MemorySwap": -1})


@pytest.mark.parametrize("change", [
    {"disk_gb": 5}, {"grants": flavor.Grants(cap_add=("NET_ADMIN",))},
    {"grants": flavor.Grants(privileged=True)}, {"grants": flavor.Grants(shm_mb=1)},
    {"grants": flavor.Grants(runtime="runsc")},
    {"grants": flavor.Grants(devices=(flavor.Device("/dev/a", "/dev/b", "r"),))},
])
def test_what_only_a_new_container_can_have_is_noted_when_one_is_made(change):
    label = allowance.fixed(wanted(**change))
    assert allowance.is_fixed_otherwise(wanted(**change), inspected({}))
    assert not allowance.is_fixed_otherwise(wanted(**change), inspected(label))
    assert allowance.is_fixed_otherwise(wanted(), inspected(label))


def test_a_container_of_an_ordinary_flavor_bears_no_note():
    assert not any(allowance.fixed(wanted(vcpus=8, grants=flavor.Grants(pids=7))).values())
    assert not allowance.is_fixed_otherwise(wanted(memory_mb=9), inspected({"some": "label"}))


def test_a_container_that_is_bound_to_cpus_is_never_unbound():
    assert allowance.is_fixed_otherwise(wanted(), inspected({}, CpusetCpus="1"))
    assert not allowance.is_fixed_otherwise(
        wanted(cpuset=cpus.Cpuset(cpus="0")), inspected({}, CpusetCpus="1"))
