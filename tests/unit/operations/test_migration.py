"""A resize in place is done, taken back, or refused before anything has changed."""

from types import SimpleNamespace

from nova import exception as nova_exception
from nova.compute import power_state
import nova.conf
import pytest

from nova_docker import exception
from nova_docker.operations import allowance
from nova_docker.operations import lifecycle
from nova_docker.operations import migration as migrations
from tests.fakes.engine import FakeEngine
from tests.fakes.network import FakeNetwork

CONF = nova.conf.CONF
MIB = 1 << 20
HERE = SimpleNamespace(source_compute="a", dest_compute="a")
ELSEWHERE = SimpleNamespace(source_compute="a", dest_compute="b")
NO_NICS: tuple[()] = ()


def flavor(**changes: object) -> SimpleNamespace:
    return SimpleNamespace(**{"vcpus": 1, "memory_mb": 64, "swap": 0, "root_gb": 1,
                              "extra_specs": {}, **changes})


LARGE = flavor(vcpus=2, memory_mb=128, swap=32, root_gb=5)
TINY = flavor(memory_mb=32)


@pytest.fixture
def resizes(operations: lifecycle.Lifecycle,
            allowances: allowance.Allowances) -> migrations.Migrations:
    return migrations.Migrations(operations, allowances)


def leave(resizes: migrations.Migrations, instance: SimpleNamespace,
          new: SimpleNamespace) -> str:
    return resizes.leave(instance, CONF.my_ip, new, timeout=0)


def resize(resizes: migrations.Migrations, instance: SimpleNamespace, new: SimpleNamespace,
           power_on: bool = True) -> None:
    """As Nova does it."""
    disk_info = leave(resizes, instance, new)
    instance.old_flavor, instance.flavor = instance.flavor, new
    resizes.arrive(HERE, instance, disk_info, NO_NICS, power_on)


def limits(engine: FakeEngine, workload: str) -> tuple[int, int, int]:
    shown = engine.inspect_container(workload)["HostConfig"]
    return shown["Memory"] // MIB, shown["MemorySwap"] // MIB, shown["CpuQuota"] // 100_000


def started(engine: FakeEngine, workload: str) -> str:
    return engine.inspect_container(workload)["State"]["StartedAt"]


def test_more_of_everything_comes_without_a_restart(
        resizes, engine: FakeEngine, workload: str, instance: SimpleNamespace):
    before = started(engine, workload)
    resize(resizes, instance, LARGE)
    assert limits(engine, workload) == (128, 160, 2)
    assert started(engine, workload) == before


def test_less_memory_comes_with_a_restart(
        resizes, engine: FakeEngine, workload: str, instance: SimpleNamespace):
    before = started(engine, workload)
    resize(resizes, instance, TINY)
    assert limits(engine, workload) == (32, 32, 1)
    assert started(engine, workload) != before
    assert engine.inspect_container(workload)["State"]["Running"]


@pytest.mark.parametrize("new", [LARGE, TINY])
def test_a_stopped_instance_stays_stopped(
        resizes, operations, engine: FakeEngine, workload: str, instance: SimpleNamespace, new):
    operations.power_off(instance, 0)
    resize(resizes, instance, new, power_on=False)
    assert limits(engine, workload)[0] == new.memory_mb
    assert operations.info(instance).state == power_state.SHUTDOWN


@pytest.mark.parametrize("power_on", [True, False])
def test_a_revert_gives_the_old_limits_back_to_the_same_container(
        resizes, operations, engine: FakeEngine, net: FakeNetwork, workload: str,
        instance: SimpleNamespace, power_on: bool):
    before = engine.inspect_container(workload)["Id"]
    resize(resizes, instance, LARGE)
    operations.destroy(instance, NO_NICS, keep_disk=True, keep_vifs=True)
    instance.flavor = instance.old_flavor
    resizes.revert(instance, NO_NICS, power_on)
    assert limits(engine, workload) == (64, 64, 1)
    after = engine.inspect_container(workload)
    assert (after["Id"], after["State"]["Running"]) == (before, power_on)


def test_a_confirmed_instance_is_left_alone(
        resizes, engine: FakeEngine, workload: str, instance: SimpleNamespace):
    resize(resizes, instance, LARGE)
    calls = len(engine.calls)
    resizes.confirm(HERE, instance)
    assert len(engine.calls) == calls


def test_arriving_twice_changes_nothing_more(
        resizes, engine: FakeEngine, workload: str, instance: SimpleNamespace):
    resize(resizes, instance, LARGE)
    resizes.arrive(HERE, instance, "", NO_NICS, power_on=True)
    assert [call[0] for call in engine.calls].count("update_container") == 1


@pytest.mark.parametrize(("address", "new", "inner", "advice"), [
    ("192.0.2.9", LARGE, nova_exception.MigrationError, "allow_resize_to_same_host"),
    (None, flavor(root_gb=0), nova_exception.ResizeError, "at least 1 GiB"),
    (None, flavor(extra_specs={"docker:cap_add": "NO_SUCH"}), exception.InvalidExtraSpec,
     "docker:cap_add"),
])
def test_what_cannot_be_is_refused_and_the_instance_runs_on(
        resizes, engine: FakeEngine, workload: str, instance: SimpleNamespace,
        address, new, inner, advice):
    before = engine.inspect_container(workload)
    with pytest.raises(nova_exception.InstanceFaultRollback) as refusal:
        resizes.leave(instance, address or CONF.my_ip, new, timeout=0)
    assert isinstance(refusal.value.inner_exception, inner)
    assert advice in str(refusal.value.inner_exception)[:125]
    assert engine.inspect_container(workload) == before


def test_an_instance_of_another_host_does_not_arrive(
        resizes, engine: FakeEngine, workload: str, instance: SimpleNamespace):
    with pytest.raises(nova_exception.MigrationError):
        resizes.arrive(ELSEWHERE, instance, "", NO_NICS, power_on=True)


def test_an_absent_instance_is_not_found(resizes, instance: SimpleNamespace):
    with pytest.raises(nova_exception.InstanceFaultRollback, match=instance.uuid):
        leave(resizes, instance, LARGE)
    with pytest.raises(nova_exception.InstanceNotFound):
        resizes.revert(instance, NO_NICS, power_on=True)


def test_a_flavor_that_the_engine_refuses_is_called_so_and_a_hard_reboot_mends(
        resizes, operations, engine: FakeEngine, workload: str, instance: SimpleNamespace):
    with pytest.raises(nova_exception.ResizeError, match="another flavor"):
        resize(resizes, instance, flavor(memory_mb=1))
    # Nova gives it its old flavor back.
    instance.flavor = instance.old_flavor
    operations.reboot(instance, NO_NICS, soft=False)
    assert limits(engine, workload) == (64, 64, 1)


def test_a_hard_reboot_mends_what_an_engine_that_went_away_left_undone(
        resizes, operations, engine: FakeEngine, workload: str, instance: SimpleNamespace):
    disk_info = leave(resizes, instance, TINY)
    instance.flavor = TINY
    engine.down = True
    with pytest.raises(exception.EngineUnavailable):
        resizes.arrive(HERE, instance, disk_info, NO_NICS, power_on=True)
    engine.down = False
    operations.reboot(instance, NO_NICS, soft=False)
    assert limits(engine, workload) == (32, 32, 1)
    assert engine.inspect_container(workload)["State"]["Running"]
