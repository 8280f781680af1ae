"""The operator says which images of registries may be booted."""

import uuid

import docker
from nova import exception as nova_exception
import nova.conf
import pytest

from tests.engine import instances
from tests.engine import leaks

CONF = nova.conf.CONF


@pytest.fixture
def published(registry) -> str:
    return registry.publish(f"allow/{uuid.uuid4().hex}", "1", instances.busybox())


def allow(settings, *patterns: str) -> None:
    settings.config(group="docker", registry_allow=list(patterns))


def refused(boots, api, ovs, image: str) -> str:
    before = leaks.traces(api, CONF.host)
    with pytest.raises(nova_exception.InvalidInput) as fault:
        boots.reference(image, instances.network(instances.vif()))
    assert leaks.traces(api, CONF.host) == before
    assert ovs.ports == set()
    assert boots.driver.list_instances() == []
    return str(fault.value)


def test_an_allowed_image_boots(boots, settings, registry, published):
    allow(settings, "docker.io/library/*", f"{registry.address}/allow/*")
    instance = boots.reference(published)
    assert boots.driver.list_instance_uuids() == [instance.uuid]


def test_any_other_is_refused_by_the_rule_s_name_and_never_pulled(
        boots, api, ovs, settings, registry, published):
    allow(settings, f"{registry.address}/other/*")
    fault = refused(boots, api, ovs, published)
    assert published in fault
    assert f"[docker]/registry_allow of the compute host allows only " \
           f"{registry.address}/other/*" in fault
    with pytest.raises(docker.errors.ImageNotFound):
        api.inspect_image(published)


def test_an_image_that_the_engine_has_already_is_refused_too(
        boots, api, ovs, settings, published):
    first = boots.reference(published)
    boots.driver.destroy(boots.context, first, instances.network())
    assert api.inspect_image(published)
    allow(settings, "docker.io/library/*")
    assert "registry_allow" in refused(boots, api, ovs, published)


def test_images_of_glance_need_no_rule(boots, settings):
    allow(settings, "docker.io/library/*")
    instance = boots.archive(instances.busybox())
    assert boots.driver.list_instance_uuids() == [instance.uuid]
