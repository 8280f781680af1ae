"""A container takes another's place wholly, or not at all, wherever it breaks off."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from nova_docker import exception
from nova_docker.operations import allowance
from nova_docker.operations import lifecycle
from nova_docker.operations import successor
from nova_docker.translate import container
from nova_docker.translate import naming
from tests.fakes.engine import FakeEngine

NO_NICS: tuple[()] = ()
GRANTING = {"docker:cap_add": "NET_ADMIN"}


class Died(BaseException):
    """nova-compute was killed: nothing is taken back."""


def granted(engine: FakeEngine, workload: str) -> list[str]:
    return engine.inspect_container(workload)["HostConfig"].get("CapAdd", [])


def tags(engine: FakeEngine) -> set[str]:
    return {tag for image in engine.store.images.values() for tag in image.tags}


def names(engine: FakeEngine) -> set[str]:
    return {made.name for made in engine.containers.values()}


@pytest.fixture
def stopped(operations: lifecycle.Lifecycle, workload: str, instance: SimpleNamespace) -> str:
    """The workload of an instance that is off, and whose flavor grants more than it has."""
    operations.power_off(instance, 0)
    instance.flavor.extra_specs = GRANTING
    return workload


def test_what_only_a_new_container_can_have_makes_one_over_the_old_ones_files(
        allowances: allowance.Allowances, engine: FakeEngine, stopped: str, image: str,
        instance: SimpleNamespace):
    old = engine.inspect_container(stopped)
    allowances.apply(instance)
    new = engine.inspect_container(stopped)
    assert granted(engine, stopped) == ["NET_ADMIN"]
    assert new["Id"] != old["Id"]
    assert new["HostConfig"]["VolumesFrom"] == [old["Id"]]
    assert new["HostConfig"]["NetworkMode"] == (
        f"container:{naming.sandbox_name(instance.uuid)}"), "tied to a sandbox's id"
    assert container.origin(new) == image
    assert tags(engine) == {":".join(naming.commit_of(instance.uuid, 2))}
    assert names(engine) == {stopped, naming.sandbox_name(instance.uuid)}


def test_it_is_done_once(allowances: allowance.Allowances, engine: FakeEngine, stopped: str,
                         instance: SimpleNamespace):
    allowances.apply(instance)
    made = engine.inspect_container(stopped)["Id"]
    allowances.apply(instance)
    assert engine.inspect_container(stopped)["Id"] == made


def test_it_goes_back_and_forth_and_leaves_nothing_when_the_instance_goes(
        operations: lifecycle.Lifecycle, allowances: allowance.Allowances, engine: FakeEngine,
        stopped: str, image: str, instance: SimpleNamespace):
    for extra_specs in (GRANTING, {}, GRANTING):
        instance.flavor.extra_specs = extra_specs
        allowances.apply(instance)
    assert tags(engine) == {":".join(naming.commit_of(instance.uuid, 4))}
    assert container.origin(engine.inspect_container(stopped)) == image
    operations.destroy(instance, NO_NICS)
    assert (names(engine), tags(engine)) == (set(), set())


@pytest.mark.parametrize("verb", ["commit_container", "create_container"])
def test_a_refusal_leaves_the_old_container_as_it_was(
        allowances: allowance.Allowances, engine: FakeEngine, stopped: str,
        instance: SimpleNamespace, verb: str):
    before = engine.inspect_container(stopped)
    engine.fail(verb, exception.EngineRejected(action="make it", reason="unknown runtime"))
    with pytest.raises(exception.EngineRejected, match="unknown runtime"):
        allowances.apply(instance)
    assert engine.inspect_container(stopped) == before
    assert tags(engine) == set()
    assert names(engine) == {stopped, naming.sandbox_name(instance.uuid)}


CHANGES = ("remove_container", "remove_image", "commit_container", "create_container",
           "rename_container")
# Removals of nothing, commit, rename, create, rename, remove the old one, rename.
UNTIL_THE_OLD_ONE_IS_GONE, ALL = 7, 8


def die_before_change(number: int, engine: FakeEngine, patched: pytest.MonkeyPatch) -> None:
    """Let the process die before the engine makes its n-th change, from 0 on."""
    left = [number]

    def fatal(real: Callable[..., object]) -> Callable[..., object]:
        def change(*arguments: object) -> object:
            if left[0] == 0:
                engine.down = True
                raise Died
            left[0] -= 1
            return real(*arguments)
        return change

    for verb in CHANGES:
        patched.setattr(engine, verb, fatal(getattr(engine, verb)))


def apply_and_die(number: int, allowances: allowance.Allowances, engine: FakeEngine,
                  instance: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched, pytest.raises(Died):
        die_before_change(number, engine, patched)
        allowances.apply(instance)
    engine.down = False


def test_the_changes_are_as_many_as_said(allowances: allowance.Allowances, engine: FakeEngine,
                                         stopped: str, instance: SimpleNamespace):
    before = len(engine.calls)
    allowances.apply(instance)
    assert sum(call[0] in CHANGES for call in engine.calls[before:]) == ALL


@pytest.mark.parametrize("number", range(ALL))
def test_a_start_of_nova_compute_ends_what_died_half_way(
        operations: lifecycle.Lifecycle, allowances: allowance.Allowances, engine: FakeEngine,
        stopped: str, instance: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, number: int):
    apply_and_die(number, allowances, engine, instance, monkeypatch)
    successor.settle(engine, instance.uuid)
    successor.forget_unused_commits(engine)
    expected = ["NET_ADMIN"] if number >= UNTIL_THE_OLD_ONE_IS_GONE else []
    assert names(engine) == {stopped, naming.sandbox_name(instance.uuid)}
    assert granted(engine, stopped) == expected
    assert len(tags(engine)) == len(expected)
    operations.reboot(instance, NO_NICS, soft=False)
    assert granted(engine, stopped) == ["NET_ADMIN"]
    assert engine.inspect_container(stopped)["State"]["Running"]


@pytest.mark.parametrize("number", range(ALL))
def test_what_died_half_way_is_repeated_or_destroyed_at_once(
        operations: lifecycle.Lifecycle, allowances: allowance.Allowances, engine: FakeEngine,
        stopped: str, instance: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, number: int):
    apply_and_die(number, allowances, engine, instance, monkeypatch)
    allowances.apply(instance)
    assert granted(engine, stopped) == ["NET_ADMIN"]
    assert names(engine) == {stopped, naming.sandbox_name(instance.uuid)}
    instance.flavor.extra_specs = {}
    apply_and_die(number, allowances, engine, instance, monkeypatch)
    operations.destroy(instance, NO_NICS)
    successor.forget_unused_commits(engine)
    assert (names(engine), tags(engine)) == (set(), set())
