"""What no instance has used for long is removed, and nothing else."""

from types import SimpleNamespace
from typing import Any

from nova import context as nova_context
import pytest

from nova_docker import exception
from nova_docker import images
from nova_docker.operations import imagecache
from nova_docker.translate import image as image_translation
from nova_docker.translate import naming
from tests.archives import Image
from tests.archives import pieces
from tests.fakes.engine import FakeEngine

DAY = 24 * 3600
CONTEXT = nova_context.RequestContext(is_admin=True)


class Clock:
    """The time as the cache sees it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def time(self) -> float:
        return self.now


class FakeGlance:
    """Tells what an image is."""

    def __init__(self) -> None:
        self.images: dict[str, dict[str, Any]] = {}

    def get(self, _context: Any, image_id: str) -> dict[str, Any]:
        return self.images[image_id]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(imagecache, "time", made)
    return made


@pytest.fixture
def glance() -> FakeGlance:
    return FakeGlance()


@pytest.fixture
def cache(engine: FakeEngine, clock: Clock, glance: FakeGlance) -> imagecache.ImageCache:
    store = images.Images(engine)
    store._glance = glance
    return imagecache.ImageCache(engine, store)


def load(engine: FakeEngine, *tags: str) -> str:
    image = Image(files={"/bin/sleep": b"", "/mark": repr(tags).encode()},
                  command=["/bin/sleep", "9"], tags=tags)
    engine.load_image(pieces(image.archive()))
    return image.id


@pytest.fixture
def loaded(engine: FakeEngine) -> str:
    """An image that was loaded from Glance.  Its id."""
    return load(engine, naming.private_tag("image-id", "c" * 32))


def test_an_image_goes_when_nobody_has_used_it_for_the_minimum_age(
        cache, engine: FakeEngine, clock: Clock, loaded: str):
    cache.age([])
    clock.now += DAY
    cache.age([])
    assert loaded in engine.store.images
    clock.now += 1
    cache.age([])
    assert loaded not in engine.store.images


def test_an_image_begins_to_age_when_its_last_container_goes(
        cache, engine: FakeEngine, clock: Clock, loaded: str):
    engine.create_container("anybodys", {"Image": loaded, "HostConfig": {}})
    cache.age([])
    clock.now += 2 * DAY
    cache.age([])
    engine.remove_container("anybodys")
    clock.now += DAY - 1
    cache.age([])
    assert loaded in engine.store.images
    clock.now += 2
    cache.age([])
    assert loaded not in engine.store.images


def test_an_image_is_kept_for_the_container_that_a_resize_has_made_of_its_commit(
        cache, engine: FakeEngine, clock: Clock, loaded: str):
    commit = load(engine, "made-of-it:1")
    engine.create_container("resized", {
        "Image": commit, "HostConfig": {}, "Labels": {naming.LABEL_ORIGIN: loaded}})
    for _ in range(3):
        cache.age([])
        clock.now += 2 * DAY
    assert loaded in engine.store.images


def test_an_image_is_kept_for_an_instance_that_has_no_container_yet(
        cache, engine: FakeEngine, clock: Clock, loaded: str, settings):
    building = SimpleNamespace(image_ref="image-id", host=imagecache.CONF.host)
    for _ in range(3):
        cache.age([building])
        clock.now += 2 * DAY
    assert loaded in engine.store.images


def test_nothing_is_removed_where_the_operator_keeps_unused_images(
        cache, engine: FakeEngine, clock: Clock, loaded: str, settings):
    settings.config(group="image_cache", remove_unused_base_images=False)
    for _ in range(3):
        cache.age([])
        clock.now += 2 * DAY
    assert loaded in engine.store.images


def test_images_of_others_stay_as_they_are(cache, engine: FakeEngine, clock: Clock):
    theirs = load(engine, "theirs:1")
    shared = load(engine, "also/theirs:1", naming.private_tag("image-id", "c" * 32))
    before = {image: {*engine.store.images[image].tags} for image in (theirs, shared)}
    for _ in range(3):
        cache.age([])
        clock.now += 2 * DAY
    assert {image: engine.store.images[image].tags for image in before} == before


def pulled(engine: FakeEngine, tag: str = "1") -> str:
    """Offer an image and boot it.  :returns: its reference"""
    reference = engine.registry.publish("team/web", tag, Image(
        files={"/bin/sleep": b"", "/tag": tag.encode()}, command=["/bin/sleep"]))
    source = image_translation.image_source("any", None, {"docker_image": reference})
    images.Images(engine).ensure(CONTEXT, source)
    return reference


def test_a_pulled_image_ages_and_one_that_was_here_before_does_not(
        cache, engine: FakeEngine, clock: Clock):
    engine.pull_image(engine.registry.publish("team/web", "theirs", Image(
        files={"/bin/sleep": b"x"}, command=["/bin/sleep"])))
    (theirs,) = engine.store.images
    pulled(engine, "theirs")
    ours = engine.inspect_image(pulled(engine, "ours"))["Id"]
    for _ in range(2):
        assert ours in engine.store.images
        cache.age([])
        clock.now += DAY + 1
    cache.age([])
    assert engine.store.images.keys() == {theirs}


def test_an_image_whose_tag_moved_ages_like_any_other(
        cache, engine: FakeEngine, clock: Clock):
    reference = pulled(engine)
    (old,) = engine.store.images
    engine.registry.publish("team/web", "1", Image(
        files={"/bin/sleep": b"new"}, command=["/bin/sleep"]))
    source = image_translation.image_source("any", None, {"docker_image": reference})
    new = images.Images(engine).ensure(CONTEXT, source, anew=True).digest
    assert engine.store.images.keys() == {old, new}
    for _ in range(2):
        cache.age([])
        clock.now += DAY + 1
    cache.age([])
    assert not engine.store.images


def test_a_tag_of_others_that_is_moved_by_a_rebuild_stays_theirs(
        cache, engine: FakeEngine, clock: Clock):
    reference = engine.registry.publish("team/web", "1", Image(
        files={"/bin/sleep": b"x"}, command=["/bin/sleep"]))
    engine.pull_image(reference)
    engine.registry.publish("team/web", "1", Image(
        files={"/bin/sleep": b"new"}, command=["/bin/sleep"]))
    source = image_translation.image_source("any", None, {"docker_image": reference})
    images.Images(engine).ensure(CONTEXT, source, anew=True)
    before = {image.id: {*image.tags} for image in engine.store.images.values()}
    for _ in range(3):
        cache.age([])
        clock.now += DAY + 1
    assert {image.id: image.tags for image in engine.store.images.values()} == before


def test_an_image_that_a_boot_takes_just_then_stays_as_it_was(
        cache, engine: FakeEngine, clock: Clock, monkeypatch: pytest.MonkeyPatch):
    reference = pulled(engine)
    image = engine.inspect_image(reference)["Id"]
    cache.age([])
    clock.now += DAY + 1
    with monkeypatch.context() as unseen:
        unseen.setattr(engine, "list_containers", lambda labels: [])
        engine.create_container("just-made", {"Image": image, "HostConfig": {}})
        cache.age([])
    assert engine.inspect_image(reference)["Id"] == image
    engine.remove_container("just-made")
    cache.age([])
    assert image in engine.store.images, "its age begins anew"
    clock.now += DAY + 1
    cache.age([])
    assert image not in engine.store.images


def test_an_image_is_fetched_once_before_a_boot(cache, engine: FakeEngine, glance: FakeGlance):
    reference = engine.registry.publish("team/web", "1", Image(
        files={"/bin/sleep": b""}, command=["/bin/sleep"]))
    glance.images["image-id"] = {"checksum": None, "properties": {"docker_image": reference}}
    assert cache.fetch(CONTEXT, "image-id") is True
    assert cache.fetch(CONTEXT, "image-id") is False
    assert [call for call in engine.calls if call[0] == "pull_image"] == [
        ("pull_image", reference)]


def test_a_request_for_an_image_makes_it_young(
        cache, engine: FakeEngine, clock: Clock, glance: FakeGlance):
    reference = pulled(engine)
    glance.images["image-id"] = {"checksum": None, "properties": {"docker_image": reference}}
    cache.age([])
    clock.now += DAY + 1
    cache.fetch(CONTEXT, "image-id")
    cache.age([])
    engine.inspect_image(reference)


def test_a_pass_that_was_killed_is_finished_by_the_next(
        cache, engine: FakeEngine, clock: Clock, monkeypatch: pytest.MonkeyPatch):
    reference = pulled(engine)
    cache.age([])
    clock.now += DAY + 1
    remove = engine.remove_image

    def remove_first(name: str) -> None:
        remove(name)
        raise exception.EngineUnavailable(url="", action="", reason="killed")

    with monkeypatch.context() as dying:
        dying.setattr(engine, "remove_image", remove_first)
        with pytest.raises(exception.EngineUnavailable):
            cache.age([])
    engine.inspect_image(reference)
    for _ in range(2):
        cache.age([])
        clock.now += DAY + 1
    cache.age([])
    assert not engine.store.images
