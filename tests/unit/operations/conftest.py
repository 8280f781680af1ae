"""The operations on a fake engine, with the options that they read."""

from collections.abc import Iterator
from types import SimpleNamespace
import uuid

import nova.conf
from oslo_config import fixture as config_fixture
import pytest

from nova_docker import conf as docker_conf
from nova_docker.operations import allowance
from nova_docker.operations import lifecycle
from nova_docker.operations import sandbox
from nova_docker.translate import container
from nova_docker.translate import naming
from tests.archives import Image
from tests.archives import pieces
from tests.fakes.engine import FakeEngine
from tests.fakes.network import FakeNetwork

CONF = nova.conf.CONF
HOST = "unit-test-host"


@pytest.fixture(autouse=True)
def settings() -> Iterator[config_fixture.Config]:
    with config_fixture.Config(CONF) as config:
        docker_conf.register_opts(CONF)
        config.config(host=HOST)
        config.config(group="docker", pull_timeout=1)
        yield config


@pytest.fixture
def instance() -> SimpleNamespace:
    flavor = SimpleNamespace(vcpus=1, memory_mb=64, swap=0, root_gb=1, extra_specs={})
    return SimpleNamespace(uuid=str(uuid.uuid4()), name="instance-00000001", hostname="web",
                           flavor=flavor, vm_state="active", task_state=None, numa_topology=None,
                           key_data=None, config_drive="", launched_at=None,
                           image_meta=SimpleNamespace(properties={}), system_metadata={})


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def net() -> FakeNetwork:
    return FakeNetwork()


@pytest.fixture
def image(engine: FakeEngine) -> str:
    """An image that sleeps, on the engine.  Its id."""
    sleeper = Image(files={"/bin/sleep": b""}, command=["/bin/sleep", "1000"])
    engine.load_image(pieces(sleeper.archive()))
    return sleeper.id


@pytest.fixture
def sandboxes(engine: FakeEngine, image: str) -> sandbox.Sandboxes:
    made = sandbox.Sandboxes(engine)
    made.image = image
    return made


@pytest.fixture
def allowances(engine: FakeEngine) -> allowance.Allowances:
    return allowance.Allowances(engine)


@pytest.fixture
def operations(engine: FakeEngine, net: FakeNetwork, sandboxes: sandbox.Sandboxes,
               allowances: allowance.Allowances) -> lifecycle.Lifecycle:
    return lifecycle.Lifecycle(engine, net, sandboxes, allowances)


@pytest.fixture
def workload(engine: FakeEngine, sandboxes: sandbox.Sandboxes, image: str,
             instance: SimpleNamespace) -> str:
    """The instance as a boot leaves it: both containers run.  The workload's name."""
    sandboxes.ensure_running(instance)
    limits = container.Limits(vcpus=1, cpu_mode="quota", memory_mb=64, swap_mb=0, pids=0,
                              disk_gb=0, no_new_privileges=False)
    name = naming.workload_name(instance.uuid)
    engine.create_container(name, container.workload_config(
        sandbox.identity(instance), image, limits, engine.api_version))
    engine.start_container(name)
    return name
