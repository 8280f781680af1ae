"""An engine is known by what it says of itself."""

import pytest

from nova_docker.translate import engines

# As the engines answer, without what is not read.
DOCKER = {"Version": "26.1.5+dfsg1", "Components": [
    {"Name": "Engine", "Version": "26.1.5+dfsg1"}, {"Name": "containerd", "Version": "1.7.24"}]}
PODMAN = {"Version": "5.4.2", "ApiVersion": "1.41", "Components": [
    {"Name": "Podman Engine", "Version": "5.4.2"}, {"Name": "Conmon", "Version": "2.1.12"}]}


@pytest.mark.parametrize("version", [DOCKER, {"Version": "20.10.24"}, {"Components": None}])
def test_docker_is_fit(version):
    assert engines.unfit(version) is None


def test_podman_is_not_and_is_told_with_its_version():
    assert engines.unfit(PODMAN).startswith("it is Podman 5.4.2, ")


@pytest.mark.parametrize(("status", "is_containerds"), [
    ([["driver-type", "io.containerd.snapshotter.v1"]], True),
    ([["Backing Filesystem", "extfs"], ["Supports d_type", "true"]], False), (None, False)])
def test_who_keeps_the_images_is_told(status, is_containerds):
    assert engines.has_containerd_store({"DriverStatus": status}) is is_containerds
