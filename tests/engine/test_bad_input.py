"""A user's mistake ends in one clear fault, and leaves nothing behind."""

import gzip
from pathlib import Path
import uuid

from nova import exception as nova_exception
import nova.conf
import pytest

from nova_docker.translate import naming
from tests import archives
from tests.engine import instances
from tests.engine import leaks

CONF = nova.conf.CONF


@pytest.fixture(autouse=True)
def no_patience(settings) -> None:
    """With registries that are not there."""
    settings.config(group="docker", pull_timeout=2)


def refused(boots, api, ovs, boot) -> str:
    """The fault of a boot, after a look at what is left."""
    before = leaks.traces(api, CONF.host)
    with pytest.raises((nova_exception.BuildAbortException,
                        nova_exception.ImageUnacceptable)) as abort:
        boot()
    assert leaks.traces(api, CONF.host) == before
    assert ovs.ports == set()
    return str(abort.value)


def of_archive(boots, api, ovs, content, **settings) -> str:
    network = instances.network(instances.vif())
    return refused(boots, api, ovs, lambda: boots.archive(content, network, **settings))


def of_reference(boots, api, ovs, reference) -> str:
    network = instances.network(instances.vif())
    return refused(boots, api, ovs, lambda: boots.reference(reference, network))


ARCHIVE = instances.busybox().archive()


@pytest.mark.parametrize("content", [
    b"", b"QFI\xfb" + bytes(5000), bytes(10240), ARCHIVE[:len(ARCHIVE) // 2],
    gzip.compress(ARCHIVE)[:-2000], instances.busybox().layer,
], ids=["empty", "qcow2", "zeros", "half", "cut gzip", "root file system"])
def test_an_archive_that_is_no_image(boots, api, ovs, content):
    fault = of_archive(boots, api, ovs, content)
    assert "not a Docker image archive" in fault
    assert "docker save" in fault


def test_an_archive_whose_layers_do_not_match_its_configuration(boots, api, ovs):
    # Unique: the engine does not read a layer again that it has already.
    image = archives.Image(files={"a": uuid.uuid4().bytes * 40}, command=["/a"])
    content = image.archive().replace(image.files["a"], bytes(640))
    assert "not a Docker image archive" in of_archive(boots, api, ovs, content)


def test_somebody_elses_image_cannot_be_booted_by_the_digests_of_its_layers(boots, api, ovs):
    """The engine has the layer, and would not ask for it again."""
    busybox = Path(instances.BUSYBOX).read_bytes()
    theirs = archives.Image(files={"bin/busybox": busybox, "secret": uuid.uuid4().bytes},
                            command=["/bin/busybox", "sleep", "3600"])
    boots.archive(theirs)
    config = archives.digest(theirs.config).removeprefix("sha256:") + ".json"
    absent = archives.only_members(theirs.archive(), config, "manifest.json")
    network = instances.network(instances.vif())
    with pytest.raises(nova_exception.ImageUnacceptable, match=r"layer.*is missing"):
        boots.archive(absent, network)


def test_an_image_without_a_command(boots, api, ovs):
    fault = of_archive(boots, api, ovs, instances.busybox(command=None))
    assert "os_command_line" in fault


@pytest.mark.parametrize("command", ["nosuch", "/no/such", "/bin"])
def test_a_command_that_is_not_in_the_image_or_not_a_program(boots, api, ovs, command):
    fault = of_archive(boots, api, ovs, instances.busybox(command=[command]))
    assert command in fault
    assert "os_command_line" in fault


def test_a_flavor_with_less_memory_than_the_engine_allows(boots, api, ovs):
    fault = of_archive(boots, api, ovs, instances.busybox(), memory_mb=2)
    assert "flavor with more memory" in fault


def test_a_command_line_with_unmatched_quotes(boots, api, ovs):
    with pytest.raises(nova_exception.InvalidInput, match="os_command_line"):
        boots.archive(instances.busybox(), properties={"os_command_line": "sh -c 'x"})
    assert boots.driver.list_instances() == []


def test_an_unknown_repository(boots, api, ovs, registry):
    fault = of_reference(boots, api, ovs, f"{registry.address}/no/such:1")
    assert "no/such" in fault
    assert "docker_image" in fault


def test_an_unknown_tag(boots, api, ovs, registry):
    known = registry.publish("web/tagged", "1", instances.busybox())
    fault = of_reference(boots, api, ovs, known.replace(":1", ":2"))
    assert "web/tagged:2" in fault
    assert "has no image" in fault


def test_an_unknown_digest(boots, api, ovs, registry):
    registry.publish("web/digest", "1", instances.busybox())
    fault = of_reference(boots, api, ovs, f"{registry.address}/web/digest@sha256:{'0' * 64}")
    assert "has no image" in fault


def test_a_registry_that_does_not_answer(boots, api, ovs):
    fault = of_reference(boots, api, ovs, "127.0.0.1:9/web/app:1")
    assert "could not be pulled" in fault
    assert "connection refused" in fault


@pytest.mark.parametrize("reference", ["Not A Reference", "UPPER/case", "a:b:c", "../../etc",
                                       "http://example.com/x", "sha256:12"])
def test_a_reference_that_is_none(boots, api, ovs, reference):
    fault = of_reference(boots, api, ovs, reference)
    assert "docker_image" in fault


def test_a_port_that_cannot_be_plugged(boots, api, ovs):
    bad = instances.vif()
    bad["type"] = "binding_failed"
    with pytest.raises(nova_exception.VirtualInterfacePlugException, match="binding_failed"):
        boots.archive(instances.busybox(), instances.network(bad))
    assert boots.driver.list_instances() == []


def test_a_mistake_does_not_take_the_image_of_a_running_instance(boots, api, ovs):
    good = boots.archive(instances.busybox())
    image = api.inspect_container(naming.workload_name(good.uuid))["Image"]
    with pytest.raises(nova_exception.BuildAbortException):
        boots.archive(instances.busybox(), properties={"os_command_line": "nosuch"})
    assert api.inspect_image(image)["Id"] == image
    assert boots.driver.list_instance_uuids() == [good.uuid]


def test_another_tenants_image_cannot_be_named(boots, api, ovs):
    other = boots.archive(instances.busybox())
    digest = api.inspect_container(naming.workload_name(other.uuid))["Image"]
    for reference in (digest, digest.removeprefix("sha256:"), digest[7:19]):
        assert "docker_image" in of_reference_beside(boots, reference)
    with pytest.raises(nova_exception.InvalidInput, match="images of Glance"):
        boots.reference(naming.private_tag(other.uuid, "0" * 32))
    assert boots.driver.list_instance_uuids() == [other.uuid]


def of_reference_beside(boots, reference: str) -> str:
    with pytest.raises(nova_exception.BuildAbortException) as abort:
        boots.reference(reference)
    return str(abort.value)
