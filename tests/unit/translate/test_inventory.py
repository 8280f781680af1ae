"""What Placement and the hypervisor list are told about the host."""

import dataclasses

from nova.objects import fields
import os_traits
import pytest

from nova_docker.translate import inventory
from tests.unit.translate.test_cpus import host_of

FACTS = inventory.HostFacts(
    hostname="h", architecture="x86_64", vcpus=8, memory_mb=16000, memory_used_mb=4000,
    disk_gb=100, disk_used_gb=30, engine_version="20.10.24+dfsg1",
    cpus=host_of(threads=False))
RATIOS = {"VCPU": 4.0, "MEMORY_MB": 1.0, "DISK_GB": 1.5}


def test_the_inventory_has_totals_ratios_and_reservations():
    result = inventory.inventory(FACTS, RATIOS, {"VCPU": 1, "MEMORY_MB": 512, "DISK_GB": 2})
    assert {name: (i["total"], i["max_unit"], i["reserved"], i["allocation_ratio"])
            for name, i in result.items()} == {
        "VCPU": (8, 8, 1, 4.0), "MEMORY_MB": (16000, 16000, 512, 1.0),
        "DISK_GB": (100, 100, 2, 1.5)}


def test_pinned_cpus_are_a_class_of_their_own_that_is_never_overcommitted():
    facts = dataclasses.replace(FACTS, vcpus=6, cpus=host_of(dedicated={4, 5}))
    pinned = inventory.inventory(facts, RATIOS, {"VCPU": 0, "MEMORY_MB": 0, "DISK_GB": 0})["PCPU"]
    assert (pinned["total"], pinned["allocation_ratio"], pinned["reserved"]) == (2, 1.0, 0)


def test_a_reservation_is_never_larger_than_the_total():
    result = inventory.inventory(FACTS, RATIOS, {"VCPU": 99, "MEMORY_MB": 0, "DISK_GB": 0})
    assert result["VCPU"]["reserved"] == 8


def test_a_class_without_anything_is_left_out_as_placement_demands():
    facts = dataclasses.replace(FACTS, disk_gb=0)
    assert "DISK_GB" not in inventory.inventory(
        facts, RATIOS, {"VCPU": 0, "MEMORY_MB": 0, "DISK_GB": 0})


def test_the_resource_dict_has_the_integers_that_nova_needs():
    result = inventory.resources(FACTS, "node")
    for key in ("vcpus", "memory_mb", "local_gb", "vcpus_used", "memory_mb_used",
                "local_gb_used", "hypervisor_version", "disk_available_least"):
        assert isinstance(result[key], int), key
    assert result["hypervisor_hostname"] == "node"
    assert result["disk_available_least"] == 70


def test_nova_can_read_what_instances_are_supported():
    (arch, hypervisor, mode), = inventory.resources(FACTS, "node")["supported_instances"]
    assert arch in fields.Architecture.ALL
    assert (hypervisor, mode) == ("docker", "exe")


@pytest.mark.parametrize(("architecture", "expected"), [
    ("x86_64", {os_traits.COMPUTE_ARCH_X86_64}),
    ("aarch64", {os_traits.COMPUTE_ARCH_AARCH64}),
    ("riscv64", set()),
])
def test_the_architecture_is_a_trait(architecture, expected):
    assert inventory.traits(dataclasses.replace(FACTS, architecture=architecture)) == expected


def test_hardware_threads_are_a_trait():
    facts = dataclasses.replace(FACTS, cpus=host_of(threads=True))
    assert os_traits.HW_CPU_HYPERTHREADING in inventory.traits(facts)


@pytest.mark.parametrize(("text", "number"), [
    ("20.10.24+dfsg1", 20010024), ("26.1.5", 26001005), ("27.0.0-rc.1", 27000000), ("28", 28000000),
    ("dev", 0)])
def test_versions_become_numbers(text, number):
    assert inventory.version_number(text) == number
