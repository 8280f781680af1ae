"""Images that nothing uses leave a real engine, those of others stay."""

from collections.abc import Iterator
from concurrent import futures
import dataclasses
import logging
import os
import threading
from unittest import mock

import docker
import pytest

from nova_docker.translate import naming
from tests.engine import instances

THEIRS = "nova-docker-test/theirs:1"


@pytest.fixture
def theirs(api: docker.APIClient) -> Iterator[str]:
    """An image that somebody else keeps on the engine."""
    list(api.load_image(instances.busybox(env=["WHOSE=theirs"], tags=[THEIRS]).archive()) or ())
    yield THEIRS
    api.remove_image(THEIRS)


@pytest.fixture
def at_once(settings) -> None:
    """An unused image is old at once: the second pass that sees it removes it."""
    settings.config(group="image_cache", remove_unused_original_minimum_age_seconds=0)


def names(api: docker.APIClient) -> set[str]:
    return {tag for image in api.images() for tag in image["RepoTags"] or ()}


def run_twice(driver, context) -> None:
    for _ in range(2):
        driver.manage_image_cache(context, [])


@pytest.mark.usefixtures("at_once")
def test_what_no_container_uses_is_removed_and_what_one_uses_stays(
        driver, boots, context, api, registry, theirs, caplog):
    before = names(api)
    small = instances.busybox()
    large = dataclasses.replace(small, files={**small.files, "large": os.urandom(3 << 20)})
    reference = registry.publish("cache/web", "1", large)
    used = boots.archive(instances.busybox(env=["WHOSE=used"]))
    for instance in (boots.archive(instances.busybox(env=["WHOSE=ours"])),
                     boots.reference(reference)):
        driver.destroy(context, instance, instances.network())
    with caplog.at_level(logging.INFO, "nova_docker.operations.imagecache"):
        run_twice(driver, context)
    # The small layer is also in an image that stays.
    assert "3 images, 2 unused; removed 2 and with them 4 MiB of layers" in caplog.text
    left = {name.rpartition(":")[0] for name in names(api) - before}
    assert left == {naming.GLANCE_REPOSITORY, naming.USED_REPOSITORY}
    assert theirs in names(api)
    driver.reboot(context, used, instances.network(), "HARD")
    driver.destroy(context, used, instances.network())
    run_twice(driver, context)
    assert names(api) == before


def test_an_unused_image_stays_for_the_minimum_age(driver, boots, context):
    instance = boots.archive(instances.busybox())
    driver.destroy(context, instance, instances.network())
    run_twice(driver, context)
    again = instances.instance(uuid=instance.uuid)
    driver.spawn(context, again, instances.image_meta(instance.uuid), [], None, {},
                 network_info=instances.network())
    assert boots.glance.downloads == 1


@pytest.mark.usefixtures("at_once")
def test_boots_get_their_image_whenever_the_cache_removes_it(driver, boots, context):
    """The cache runs all the time, and boots of one image come and go."""
    instance_uuid = boots.archive(instances.busybox()).uuid
    done = threading.Event()

    def run_always() -> None:
        while not done.is_set():
            driver.manage_image_cache(context, [])

    with futures.ThreadPoolExecutor() as pool:
        cache = pool.submit(run_always)
        try:
            for _ in range(4):
                instance = instances.instance(uuid=instance_uuid)
                driver.destroy(context, instance, instances.network())
                driver.spawn(context, instance, instances.image_meta(instance_uuid), [], None,
                             {}, network_info=instances.network())
        finally:
            done.set()
        cache.result()
    assert boots.glance.downloads > 1, "the cache never won the race"


def test_an_image_is_there_before_its_first_boot(driver, boots, context, api):
    image = instances.busybox(env=["WHOSE=asked-for"])
    instance = instances.instance()
    boots.glance.images[instance.uuid] = image.archive()
    known = {"id": instance.uuid, "checksum": "0" * 32, "properties": {}}
    with mock.patch("nova.image.glance.API.get", return_value=known):
        assert driver.cache_image(context, instance.uuid) is True
        assert driver.cache_image(context, instance.uuid) is False
    boots.archive(image, uuid=instance.uuid)
    assert boots.glance.downloads == 1


def test_an_image_of_a_registry_is_there_before_its_first_boot(driver, boots, context, registry):
    reference = registry.publish("cache/early", "1", instances.busybox())
    known = {"id": "any", "checksum": None, "properties": {"docker_image": reference}}
    with mock.patch("nova.image.glance.API.get", return_value=known):
        assert driver.cache_image(context, "any") is True
        assert driver.cache_image(context, "any") is False
    boots.reference(reference)


def test_what_is_no_image_is_not_cached(driver, boots, context):
    boots.glance.images["bad"] = b"no archive"
    known = {"id": "bad", "checksum": "0" * 32, "properties": {}}
    with (mock.patch("nova.image.glance.API.get", return_value=known),
          pytest.raises(Exception, match="archive")):
        driver.cache_image(context, "bad")
