"""When an image of a registry is pulled, and by whom."""

from collections.abc import Iterator
from concurrent import futures
import dataclasses
import time

import nova.conf
from oslo_config import fixture as config_fixture
import pytest

from nova_docker import conf as docker_conf
from nova_docker import exception
from nova_docker import pulls
from tests.archives import Image
from tests.archives import pieces
from tests.fakes.engine import FakeEngine

CONF = nova.conf.CONF
ONE = Image(files={"/mark": b"1"}, command=["/mark"])
TWO = Image(files={"/mark": b"2"}, command=["/mark"])
BOOTS = 10


@pytest.fixture(autouse=True)
def settings() -> Iterator[config_fixture.Config]:
    with config_fixture.Config(CONF) as config:
        docker_conf.register_opts(CONF)
        config.config(group="docker", pull_timeout=1)
        yield config


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def registry(engine: FakeEngine) -> pulls.Pulls:
    return pulls.Pulls(engine)


@pytest.fixture
def reference(engine: FakeEngine) -> str:
    return engine.registry.publish("web/app", "1", ONE)


def move(engine: FakeEngine) -> None:
    engine.registry.publish("web/app", "1", TWO)


def go_away(engine: FakeEngine) -> None:
    engine.fail("pull_image", exception.RegistryUnavailable(action="pull", reason="EOF"), times=99)


def pulled(engine: FakeEngine) -> int:
    return sum(name == "pull_image" for name, *_ in engine.calls)


def test_what_the_engine_has_is_not_pulled_again(engine, registry, reference):
    assert registry.ensure(reference)["Id"] == ONE.id
    move(engine)
    assert registry.ensure(reference)["Id"] == ONE.id
    assert pulled(engine) == 1


def test_what_is_asked_for_anew_is_what_the_tag_stands_for_now(engine, registry, reference):
    registry.ensure(reference)
    move(engine)
    assert registry.ensure(reference, anew=True)["Id"] == TWO.id


def test_what_the_engine_has_will_do_while_the_registry_is_away(engine, registry, reference):
    registry.ensure(reference)
    go_away(engine)
    assert registry.ensure(reference, anew=True)["Id"] == ONE.id


def test_but_not_when_the_registry_says_that_there_is_no_such_image_any_more(
        engine, registry, reference):
    registry.ensure(reference)
    engine.registry.images.clear()
    with pytest.raises(exception.EngineImageNotFound):
        registry.ensure(reference, anew=True)


def test_always_asks_the_registry_and_takes_nothing_else(engine, registry, reference, settings):
    settings.config(group="docker", pull_policy="always")
    registry.ensure(reference)
    move(engine)
    assert registry.ensure(reference)["Id"] == TWO.id
    go_away(engine)
    with pytest.raises(exception.ImagePullFailed):
        registry.ensure(reference)


@pytest.fixture
def at_once(engine: FakeEngine, registry: pulls.Pulls, monkeypatch: pytest.MonkeyPatch):
    """Boots an image many times; no pull ends before all have found it absent."""
    pull = engine.pull_image

    def slow(*args, **kwargs) -> None:
        deadline = time.monotonic() + 10
        while [name for name, *_ in engine.calls].count("inspect_image") < BOOTS:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(0.2)  # from there to the queue it is a step that nobody sees
        pull(*args, **kwargs)

    monkeypatch.setattr(engine, "pull_image", slow)

    def boots(reference: str) -> list[futures.Future]:
        with futures.ThreadPoolExecutor(BOOTS) as pool:
            return [pool.submit(registry.ensure, reference) for _ in range(BOOTS)]

    return boots


def test_many_boots_of_one_absent_image_share_one_pull(engine, reference, at_once):
    assert {boot.result()["Id"] for boot in at_once(reference)} == {ONE.id}
    assert pulled(engine) == 1


def test_they_share_its_failure_which_is_not_remembered(engine, registry, reference, at_once):
    engine.fail("pull_image", exception.ImagePullFailed(action="pull", reason="denied"))
    assert all(isinstance(boot.exception(), exception.ImagePullFailed)
               for boot in at_once(reference))
    assert pulled(engine) == 1
    assert registry.ensure(reference)["Id"] == ONE.id


@pytest.mark.parametrize(("error", "attempts"), [
    (exception.RegistryUnavailable, 6), (exception.RegistryUnreachable, 3),
    (exception.RegistryRefused, 1), (exception.ImagePullFailed, 1),
    (exception.EngineImageNotFound, 1),
])
def test_only_what_may_pass_is_tried_again_and_not_for_ever(
        engine, registry, reference, settings, monkeypatch, error, attempts):
    settings.config(group="docker", pull_timeout=1000)
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    engine.fail("pull_image", error(action="pull", reason="no"), times=99)
    with pytest.raises(error):
        registry.ensure(reference)
    assert pulled(engine) == attempts
    assert pauses == [1, 2, 4, 8, 16][:attempts - 1]


def test_an_image_for_other_machines_is_not_kept(engine, registry):
    image = dataclasses.replace(ONE, architecture="s390x")
    reference = engine.registry.publish("web/app", "1", image)
    with pytest.raises(exception.PlatformNotFound, match="it is for linux/s390x and not for"):
        registry.ensure(reference)
    assert engine.store.images == {}


def test_an_image_for_other_machines_that_somebody_put_there_is_refused_and_stays(
        engine, registry):
    image = dataclasses.replace(ONE, architecture="s390x", tags=["quay.io/web/app:1"])
    engine.load_image(pieces(image.archive()))
    with pytest.raises(exception.PlatformNotFound):
        registry.ensure("quay.io/web/app:1")
    assert image.id in engine.store.images


def test_the_platforms_of_a_list_are_named(engine, registry):
    reference = engine.registry.publish_list("web/app", "1", ONE, "linux/s390x", "linux/arm/v7")
    with pytest.raises(exception.PlatformNotFound, match="it is for linux/arm/v7, linux/s390x"):
        registry.ensure(reference)
