"""A boot succeeds, or leaves nothing behind, wherever it breaks."""

from collections.abc import Iterator
import contextlib
from types import SimpleNamespace
from typing import Any

from nova import context as nova_context
from nova import exception as nova_exception
import pytest

from nova_docker import exception
from nova_docker import images
from nova_docker.operations import allowance
from nova_docker.operations import sandbox
from nova_docker.operations import spawn
from nova_docker.translate import naming
from tests.archives import Image
from tests.archives import pieces
from tests.fakes.engine import FakeEngine
from tests.fakes.network import FakeNetwork

SLEEPER = Image(files={"/bin/sleep": b"", "/mark": b"1"}, command=["/bin/sleep", "9"],
                tags=["chosen/by-a-tenant:1"])


class FakeGlance:
    """Has one image's data."""

    def __init__(self) -> None:
        self.data = SLEEPER.archive()

    def download(self, _context: Any, _image_id: str, data: Any, trusted_certs: Any) -> None:
        for piece in pieces(self.data):
            data.write(piece)


class FakeVirtAPI:
    """Neutron's word comes at once, unless ``neutron_is_silent``."""

    def __init__(self) -> None:
        self.neutron_is_silent = False
        self.failed_event: str | None = None
        self.awaited: list[tuple[str, str]] = []

    @contextlib.contextmanager
    def wait_for_instance_event(self, _instance: Any, names: list[tuple[str, str]], *,
                                timeout: int, error_callback: Any) -> Iterator[None]:
        self.awaited = names
        yield
        if self.failed_event and names:
            # As nova.compute.manager: False ends the waiting.
            error_callback(self.failed_event, _instance)
        if self.neutron_is_silent and names:
            raise nova_exception.InstanceEventTimeout()


class Allocated(list):
    """network_info after Neutron's allocation, or its failure."""

    failure: Exception | None = None

    def wait(self) -> None:
        if self.failure:
            raise self.failure


@pytest.fixture
def glance() -> FakeGlance:
    return FakeGlance()


@pytest.fixture
def virtapi() -> FakeVirtAPI:
    return FakeVirtAPI()


@pytest.fixture
def network_info() -> Allocated:
    return Allocated([{"id": "port", "type": "ovs", "active": False}])


@pytest.fixture
def booting(instance: SimpleNamespace) -> SimpleNamespace:
    """An instance as the compute manager gives it to be booted."""
    instance.flavor = SimpleNamespace(vcpus=1, memory_mb=64, swap=0, root_gb=1,
                                      extra_specs={})
    instance.system_metadata, instance.metadata = {}, {"COLOUR": "red"}
    instance.trusted_certs = instance.numa_topology = None
    return instance


@pytest.fixture
def image_meta() -> SimpleNamespace:
    return SimpleNamespace(id="image-id", checksum="c" * 32, properties={},
                           obj_attr_is_set=lambda name: name == "checksum")


@pytest.fixture
def boot(engine: FakeEngine, net: FakeNetwork, sandboxes: sandbox.Sandboxes,
         glance: FakeGlance, virtapi: FakeVirtAPI, booting: SimpleNamespace,
         image_meta: SimpleNamespace, network_info: Allocated):
    store = images.Images(engine)
    store._archives._glance = glance
    spawns = spawn.Spawn(engine, store, net, sandboxes,
                         allowance.Allowances(engine), virtapi)
    return lambda power_on=True: spawns(
        nova_context.RequestContext(is_admin=False), booting, image_meta, network_info, power_on)


@pytest.fixture
def leaves_nothing(engine: FakeEngine, net: FakeNetwork, sandboxes: sandbox.Sandboxes):
    """Check it after a failure; the sandbox's own image stays."""
    def check() -> None:
        assert engine.containers == {}
        assert engine.volumes == {}
        assert net.plugged == {}
        assert engine.store.images.keys() == {sandboxes.image}
    return check


def test_both_containers_run_and_the_nics_are_in_the_sandbox(
        boot, engine: FakeEngine, net: FakeNetwork, booting: SimpleNamespace):
    boot()
    names = [naming.sandbox_name(booting.uuid), naming.workload_name(booting.uuid)]
    states = [engine.inspect_container(name)["State"] for name in names]
    assert [state["Status"] for state in states] == ["running", "running"]
    assert net.plugged == {booting.uuid: states[0]["Pid"]}
    assert engine.inspect_container(names[1])["Config"]["Env"] == ["COLOUR=red"]


def test_the_workload_starts_last(boot, engine: FakeEngine, booting: SimpleNamespace):
    boot()
    assert engine.calls[-1] == ("start_container", naming.workload_name(booting.uuid))


def test_an_instance_that_shall_be_off_is_made_and_not_started(
        boot, engine: FakeEngine, booting: SimpleNamespace):
    boot(power_on=False)
    workload = engine.inspect_container(naming.workload_name(booting.uuid))
    assert workload["State"]["Status"] == "created"


def test_the_tags_of_an_archive_never_reach_the_engine(boot, engine: FakeEngine):
    boot()
    assert engine.inspect_image(SLEEPER.id)["RepoTags"] == [
        naming.private_tag("image-id", "c" * 32)]


def test_a_reference_is_pulled_and_stays_when_the_boot_fails(
        boot, engine: FakeEngine, booting: SimpleNamespace):
    reference = engine.registry.publish("library/sleeper", "1", SLEEPER)
    booting.system_metadata["image_docker_image"] = reference
    engine.fail("start_container", exception.EngineError(action="a", reason="b"))
    with pytest.raises(exception.EngineError):
        boot()
    assert engine.containers == {}
    assert engine.inspect_image(reference)["Id"] == SLEEPER.id


def test_a_shelved_instance_of_a_registrys_image_comes_back_with_its_files(
        boot, engine: FakeEngine, booting: SimpleNamespace):
    booting.system_metadata["image_docker_image"] = "sleeper:1"
    booting.vm_state = "shelved_offloaded"
    boot()
    assert engine.inspect_image(SLEEPER.id)["RepoTags"] == [
        naming.private_tag("image-id", "c" * 32)]
    assert engine.inspect_container(naming.workload_name(booting.uuid))["Image"] == SLEEPER.id


def test_a_boot_of_an_instance_that_runs_harms_nothing(boot, engine: FakeEngine):
    boot()
    before = dict(engine.containers)
    with pytest.raises(nova_exception.InstanceExists):
        boot()
    assert engine.containers == before


def test_what_a_failed_boot_could_not_take_back_is_no_obstacle(
        boot, engine: FakeEngine, sandboxes: sandbox.Sandboxes, booting: SimpleNamespace):
    booting.key_data = "ssh-rsa AAAA"
    sandboxes.create_draft(booting)
    boot()
    assert set(engine.volumes) == {naming.store_name(booting.uuid)}


@pytest.mark.parametrize("verb", ["inspect_image", "load_image", "create_container",
                                  "start_container", "rename_container"])
def test_an_engine_that_fails_once_leaves_nothing(
        boot, engine: FakeEngine, leaves_nothing, verb: str):
    """Not the user's mistake, so it is raised as it is, for Nova to reschedule."""
    engine.fail(verb, exception.EngineUnavailable(url="u", action=verb, reason="gone"))
    with pytest.raises(exception.EngineUnavailable):
        boot()
    leaves_nothing()


def test_a_workload_that_does_not_start_leaves_nothing(
        boot, engine: FakeEngine, image_meta: SimpleNamespace, leaves_nothing):
    image_meta.properties["os_command_line"] = "/bin/absent"
    with pytest.raises(nova_exception.BuildAbortException, match=r"/bin/absent.*os_command_line"):
        boot()
    leaves_nothing()


@pytest.mark.parametrize(("data", "reason"), [
    (b"garbage" * 100, "not a Docker image archive.*docker save"),
    (b"", "not a Docker image archive"),
    (Image(files={"/x": b""}).archive(), "No command specified.*os_command_line"),
])
def test_a_bad_archive_aborts_the_build_with_what_to_change(
        boot, glance: FakeGlance, leaves_nothing, data: bytes, reason: str):
    glance.data = data
    with pytest.raises((nova_exception.BuildAbortException,
                        nova_exception.ImageUnacceptable), match=reason):
        boot()
    leaves_nothing()


@pytest.mark.parametrize(("reference", "reason"), [
    ("127.0.0.1:5999/library/absent:1", "has no image"),
    ("127.0.0.1:1/library/x:1", "connection refused"),
    ("Not A Reference", "reference format"),
])
def test_a_bad_reference_aborts_the_build_with_what_to_change(
        boot, booting: SimpleNamespace, leaves_nothing, reference: str, reason: str):
    booting.system_metadata["image_docker_image"] = reference
    with pytest.raises(nova_exception.BuildAbortException, match=f"{reason}.*docker_image"):
        boot()
    leaves_nothing()


def test_a_full_disk_sends_the_boot_to_another_host(
        boot, engine: FakeEngine, booting: SimpleNamespace, leaves_nothing):
    booting.system_metadata["image_docker_image"] = "127.0.0.1:5999/library/big:1"
    engine.fail("pull_image", exception.ImagePullFailed(
        action="pull", reason="write /var/lib/docker/x: no space left on device"))
    with pytest.raises(exception.ImagePullFailed, match="no space left"):
        boot()
    leaves_nothing()


def test_too_small_a_flavor_aborts_the_build(boot, booting: SimpleNamespace, leaves_nothing):
    booting.flavor.memory_mb = 1
    with pytest.raises(nova_exception.BuildAbortException, match="flavor with more memory"):
        boot()
    leaves_nothing()


def test_a_failed_allocation_leaves_nothing(boot, network_info: Allocated, leaves_nothing):
    network_info.failure = nova_exception.PortLimitExceeded()
    with pytest.raises(nova_exception.PortLimitExceeded):
        boot()
    leaves_nothing()


def test_an_instance_deleted_while_neutron_allocates_leaves_nothing(
        boot, network_info: Allocated, leaves_nothing):
    network_info.failure = nova_exception.InstanceNotFound(instance_id="x")
    with pytest.raises(nova_exception.InstanceNotFound):
        boot()
    leaves_nothing()


def test_a_failed_plug_leaves_nothing(
        boot, net: FakeNetwork, leaves_nothing, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: Any) -> None:
        raise nova_exception.VirtualInterfacePlugException("no such bridge")

    monkeypatch.setattr(net, "plug", refuse)
    with pytest.raises(nova_exception.VirtualInterfacePlugException):
        boot()
    leaves_nothing()


def test_only_ports_that_are_not_active_are_waited_for(
        boot, network_info: Allocated, virtapi: FakeVirtAPI):
    network_info.append({"id": "active", "type": "ovs", "active": True})
    boot()
    assert virtapi.awaited == [("network-vif-plugged", "port")]


@pytest.mark.parametrize("fatal", [True, False])
def test_neutrons_silence_is_fatal_only_where_the_operator_says_so(
        boot, virtapi: FakeVirtAPI, settings, engine: FakeEngine, leaves_nothing, fatal: bool):
    virtapi.neutron_is_silent = True
    settings.config(vif_plugging_is_fatal=fatal)
    if fatal:
        with pytest.raises(nova_exception.VirtualInterfaceCreateException):
            boot()
        leaves_nothing()
    else:
        boot()
        assert len(engine.containers) == 2


@pytest.mark.parametrize("fatal", [True, False])
def test_a_port_that_neutron_cannot_wire_fails_the_boot_where_the_operator_says_so(
        boot, virtapi: FakeVirtAPI, settings, engine: FakeEngine, leaves_nothing, fatal: bool):
    virtapi.failed_event = "network-vif-plugged-port"
    settings.config(vif_plugging_is_fatal=fatal)
    if fatal:
        with pytest.raises(nova_exception.VirtualInterfaceCreateException, match="plugged-port"):
            boot()
        leaves_nothing()
    else:
        boot()
        assert len(engine.containers) == 2


def test_without_a_timeout_nothing_is_waited_for(boot, virtapi: FakeVirtAPI, settings):
    settings.config(vif_plugging_timeout=0)
    virtapi.neutron_is_silent = True
    boot()
    assert virtapi.awaited == []


def test_a_wrong_extra_spec_is_refused_before_anything_is_made(boot, booting, leaves_nothing):
    booting.flavor.extra_specs = {"docker:cap_add": "NO_SUCH"}
    with pytest.raises(nova_exception.InvalidInput, match="docker:cap_add=NO_SUCH"):
        boot()
    leaves_nothing()
