"""An instance keeps the image that its tag stood for, until it is rebuilt with another."""

from collections.abc import Iterator
from typing import Any
from unittest import mock
import uuid

from nova import exception as nova_exception
from nova.compute import task_states
import pytest

from nova_docker.translate import image as image_translation
from nova_docker.translate import naming
from tests.engine import faulty_proxy
from tests.engine import instances
from tests.engine import test_resize

OTHER = "7d0b2c5e-0000-4000-8000-00000000c0de"
"""Another image of Glance."""


class Moving:
    """A tag, and what it is moved to."""

    def __init__(self, registry) -> None:
        self.registry = registry
        self.repository = f"pins/{uuid.uuid4().hex}"

    def to(self, version: str) -> str:
        """Move it.  :returns: its reference"""
        return self.registry.publish(
            self.repository, "1",
            instances.busybox(env=[f"VERSION={version}", f"OF={self.repository}"]))


@pytest.fixture
def tag(registry) -> Moving:
    return Moving(registry)


class Away:
    """A registry with one image, which goes away on request."""

    def __init__(self, proxy: faulty_proxy.FaultyProxy, tag: Moving, settings: Any) -> None:
        self._proxy = proxy
        self._settings = settings
        self.reference = tag.to("cached").replace(tag.registry.address, proxy.address)

    def go(self) -> None:
        self._proxy.close()
        self._settings.config(group="docker", pull_timeout=1)


@pytest.fixture
def away(registry, tag, settings) -> Iterator[Away]:
    with faulty_proxy.before(registry.address) as proxy:
        yield Away(proxy, tag, settings)


def workload(api, instance) -> dict:
    return api.inspect_container(naming.workload_name(instance.uuid))


def version(api, instance) -> str:
    (found,) = [line for line in workload(api, instance)["Config"]["Env"] if "VERSION" in line]
    return found.removeprefix("VERSION=")


def rebuild(boots, instance, image: str, reference: str):
    """As the compute manager does it for a driver without a rebuild of its own.

    :param image: the id of the image in Glance that the user names
    """
    boots.driver.destroy(boots.context, instance, instances.network())
    return evacuate(boots, instance, image, reference)


def evacuate(boots, instance, image: str, reference: str):
    """The same, of a host that is lost."""
    properties = {image_translation.REFERENCE_PROPERTY: reference}
    instance.task_state, instance.image_ref = task_states.REBUILD_SPAWNING, image
    instance.system_metadata.update(
        {f"image_{key}": value for key, value in properties.items()})
    boots.driver.spawn(boots.context, instance, instances.image_meta(image, **properties),
                       [], None, {}, network_info=instances.network())
    return instance


def test_the_digest_is_written_on_the_container(boots, api, tag):
    reference = tag.to("one")
    instance = boots.reference(reference)
    (digest,) = api.inspect_image(reference)["RepoDigests"]
    assert workload(api, instance)["Config"]["Labels"][naming.LABEL_IMAGE_DIGEST] == digest


@pytest.mark.parametrize("kind", ["SOFT", "HARD"])
def test_a_reboot_keeps_the_image_of_a_tag_that_has_moved(boots, api, tag, kind):
    first = boots.reference(tag.to("one"))
    before = workload(api, first)["Config"]["Labels"]
    api.pull(tag.to("two"))
    second = boots.reference(tag.to("two"))
    boots.driver.reboot(boots.context, first, instances.network(), kind)
    assert (version(api, first), version(api, second)) == ("one", "two")
    assert workload(api, first)["Config"]["Labels"] == before


def test_a_rescue_and_a_resize_keep_it_too(boots, api, tag):
    instance = boots.reference(tag.to("one"), instances.network(instances.vif()))
    api.pull(tag.to("two"))
    vifs, own = instances.network(), instances.image_meta(instance.image_ref)
    with mock.patch.object(type(instance), "get_network_info", return_value=vifs):
        boots.driver.rescue(boots.context, instance, vifs, own, None, None, None)
        assert version(api, instance) == "one"
        boots.driver.unrescue(boots.context, instance)
    test_resize.resize(boots, instance, test_resize.flavor(**test_resize.LARGE), vifs)
    assert version(api, instance) == "one"


@pytest.mark.parametrize("policy", ["if-not-present", "always"])
def test_a_rebuild_with_the_same_image_keeps_it_and_with_another_asks_anew(
        boots, api, tag, settings, policy):
    settings.config(group="docker", pull_policy=policy)
    instance = boots.reference(tag.to("one"))
    reference = tag.to("two")
    assert version(api, rebuild(boots, instance, instance.image_ref, reference)) == "one"
    assert version(api, rebuild(boots, instance, OTHER, reference)) == "two"
    tag.to("three")
    assert version(api, rebuild(boots, instance, OTHER, reference)) == "two"


def test_an_evacuation_keeps_it_where_the_engine_has_nothing(boots, api, tag):
    instance = boots.reference(tag.to("one"))
    digest = workload(api, instance)["Image"]
    boots.driver.destroy(boots.context, instance, instances.network())
    api.remove_image(digest, force=True)
    assert version(api, evacuate(boots, instance, instance.image_ref, tag.to("two"))) == "one"


def test_a_cached_tag_and_a_cached_digest_boot_while_the_registry_is_away(
        boots, api, away):
    tagged = boots.reference(away.reference)
    digest = workload(api, tagged)["Config"]["Labels"][naming.LABEL_IMAGE_DIGEST]
    away.go()
    again = boots.reference(away.reference)
    by_digest = boots.reference(digest)
    rebuilt = rebuild(boots, tagged, OTHER, away.reference)
    assert {version(api, each) for each in (again, by_digest, rebuilt)} == {"cached"}


def test_a_tag_with_a_digest_is_the_digest(boots, api, tag):
    first = boots.reference(tag.to("one"))
    digest = workload(api, first)["Config"]["Labels"][naming.LABEL_IMAGE_DIGEST].partition("@")[2]
    reference = f"{tag.to('two')}@{digest}"
    api.remove_container(naming.workload_name(first.uuid), force=True)
    api.remove_image(reference.partition("@")[0])
    for _ in ("absent", "present"):
        assert version(api, boots.reference(reference)) == "one"


def test_always_boots_what_the_tag_stands_for_now(boots, api, tag, settings):
    settings.config(group="docker", pull_policy="always")
    first = boots.reference(tag.to("one"))
    second = boots.reference(tag.to("two"))
    assert (version(api, first), version(api, second)) == ("one", "two")


def test_always_boots_nothing_while_the_registry_is_away(boots, settings, away):
    settings.config(group="docker", pull_policy="always")
    boots.reference(away.reference)
    away.go()
    with pytest.raises(nova_exception.BuildAbortException, match="connection refused"):
        boots.reference(away.reference)
