"""When an image of a registry is pulled, and by whom."""

from collections.abc import Iterator
from concurrent import futures
import time

import nova.conf
from oslo_config import fixture as config_fixture
import pytest

from nova_docker import conf as docker_conf
from nova_docker import exception
from nova_docker import pulls
from tests.archives import Image
from tests.fakes.engine import FakeEngine

CONF = nova.conf.CONF
ONE = Image(files={"/mark": b"1"}, command=["/mark"])
TWO = Image(files={"/mark": b"2"}, command=["/mark"])
BOOTS = 10


@pytest.fixture(autouse=True)
def settings() -> Iterator[config_fixture.Config]:
    with config_fixture.Config(CONF) as config:
        docker_conf.register_opts(CONF)
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
    engine.fail("pull_image", exception.ImagePullFailed(action="pull", reason="EOF"), times=99)


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
