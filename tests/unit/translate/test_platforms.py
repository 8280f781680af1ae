"""Which machines an image is for."""

import pytest

from nova_docker.translate import platforms


@pytest.mark.parametrize(("machine", "platform"), [
    ("x86_64", "linux/amd64"), ("aarch64", "linux/arm64"), ("ppc64le", "linux/ppc64le"),
])
def test_a_machine_has_a_platform(machine, platform):
    assert platforms.of_machine(machine) == platform


@pytest.mark.parametrize(("platform", "architecture", "runs"), [
    ("linux/amd64", "amd64", True), ("linux/amd64", "386", True), ("linux/amd64", "", True),
    ("linux/arm64", "arm", True), ("linux/amd64", "arm64", False), ("linux/arm64", "amd64", False),
])
def test_an_image_runs_on_its_own_kind_and_on_what_can_do_as_it(platform, architecture, runs):
    assert platforms.runs(platform, {"Os": "linux", "Architecture": architecture}) is runs


def test_an_image_of_windows_runs_nowhere():
    assert not platforms.runs("linux/amd64", {"Os": "windows", "Architecture": "amd64"})


def test_platforms_are_spelled_once_each_and_without_attestations():
    assert platforms.spelled([
        {"os": "linux", "architecture": "arm", "variant": "v7"},
        {"os": "linux", "architecture": "amd64"}, {"os": "linux", "architecture": "amd64"},
        {"os": "unknown", "architecture": "unknown"}]) == "linux/amd64, linux/arm/v7"
