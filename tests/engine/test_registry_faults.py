"""A registry that is busy, slow or broken: waited for, or a clear fault and nothing left."""

from collections.abc import Iterator
from concurrent import futures
import dataclasses
import uuid

from nova import exception as nova_exception
import nova.conf
import pytest

from tests import archives
from tests.engine import faulty_proxy
from tests.engine import instances
from tests.engine import leaks

CONF = nova.conf.CONF


@pytest.fixture
def proxy(registry) -> Iterator[faulty_proxy.FaultyProxy]:
    with faulty_proxy.before(registry.address) as running:
        yield running


@pytest.fixture
def content() -> archives.Image:
    """An image of which no engine has anything."""
    base = instances.busybox()
    return dataclasses.replace(base, files={**base.files, "mark": uuid.uuid4().bytes})


@pytest.fixture
def image(registry, proxy, content) -> str:
    """The image's reference, behind the proxy."""
    reference = registry.publish(f"faults/{uuid.uuid4().hex}", "1", content)
    return reference.replace(registry.address, proxy.address)


@pytest.fixture
def fault_of(boots, api, ovs):
    def boot(image: str) -> str:
        before = leaks.traces(api, CONF.host), ids(api)
        with pytest.raises(nova_exception.BuildAbortException) as abort:
            boots.reference(image, instances.network(instances.vif()))
        assert (leaks.traces(api, CONF.host), ids(api)) == before
        assert ovs.ports == set()
        return str(abort.value)
    return boot


def ids(api) -> set[str]:
    """Every image, half-made ones too."""
    return {each["Id"] for each in api.images(all=True)}


def boots_now(boots, proxy, image: str) -> None:
    """A failure is not remembered."""
    proxy.misbehave(faulty_proxy.hang_up, attempts=0)
    assert boots.reference(image).uuid in boots.driver.list_instance_uuids()


@pytest.mark.parametrize(("fault", "times"), [
    (faulty_proxy.status(503, "UNAVAILABLE"), 2),
    (faulty_proxy.status(429, "TOOMANYREQUESTS", Retry_After="1"), 1),
    (faulty_proxy.hang_up, 1),
], ids=["503", "429", "broken connection"])
def test_a_registry_that_is_well_again_soon_is_waited_for(boots, proxy, image, fault, times):
    proxy.misbehave(fault, attempts=times)
    boots.reference(image)
    assert proxy.attempts == times + 1


@pytest.mark.parametrize(("fault", "word"), [
    (faulty_proxy.status(401, "UNAUTHORIZED"), "unauthorized: the registry says 401"),
    (faulty_proxy.status(403, "DENIED"), "denied: the registry says 403"),
    (faulty_proxy.status(404, "MANIFEST_UNKNOWN"), "the registry says 404"),
], ids=["401", "403", "404"])
def test_a_registry_that_refuses_is_asked_once_and_quoted(
        boots, proxy, image, fault_of, fault, word):
    proxy.misbehave(fault)
    assert word in fault_of(image)
    assert proxy.attempts == 1
    boots_now(boots, proxy, image)


def test_a_registry_that_stays_busy_is_given_up_in_time(
        boots, proxy, image, fault_of, settings):
    settings.config(group="docker", pull_timeout=2)
    proxy.misbehave(faulty_proxy.status(503, "UNAVAILABLE"))
    assert "503 Service Unavailable" in fault_of(image)
    assert proxy.attempts == 2
    boots_now(boots, proxy, image)


def test_a_registry_that_goes_silent_is_given_up_in_time(
        boots, proxy, image, fault_of, settings):
    settings.config(group="docker", pull_timeout=2)
    proxy.misbehave(faulty_proxy.stay_silent)
    assert "the registry sends nothing" in fault_of(image)
    boots_now(boots, proxy, image)


def test_a_registry_that_dies_in_every_layer_is_given_up_in_time(
        boots, proxy, image, fault_of, settings):
    settings.config(group="docker", pull_timeout=2)
    proxy.misbehave(faulty_proxy.die_in_a_layer)
    assert "Retrying in" in fault_of(image)
    boots_now(boots, proxy, image)


def test_many_boots_of_an_absent_image_read_it_once(boots, proxy, image, content):
    with futures.ThreadPoolExecutor(5) as pool:
        booting = [pool.submit(boots.reference, image) for _ in range(5)]
    assert len({boot.result().uuid for boot in booting}) == 5
    assert proxy.attempts == 1
    assert len(content.layer) <= proxy.sent < len(content.layer) + 10_000


def test_an_image_for_other_machines_is_refused_with_what_it_is_for(
        registry, fault_of):
    reference = registry.publish_list(f"faults/{uuid.uuid4().hex}", "1", instances.busybox(),
                                      "linux/s390x", "linux/riscv64")
    assert "it is for linux/riscv64, linux/s390x and not for linux/" in fault_of(reference)


def test_so_is_one_whose_registry_says_so_only_in_its_configuration(registry, fault_of):
    reference = registry.publish(f"faults/{uuid.uuid4().hex}", "1",
                                 instances.busybox(architecture="s390x"))
    assert "it is for linux/s390x and not for linux/" in fault_of(reference)
