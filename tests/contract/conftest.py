"""Every contract case runs twice: on the fake engine and on a real dockerd."""

from collections.abc import Iterator
import os

import pytest

from nova_docker import exception
from nova_docker.engine.client import Engine
from tests import machine
from tests import registry
from tests.contract.world import BUSYBOX
from tests.contract.world import World
from tests.fakes.engine import FakeEngine

ENGINE_URL = os.environ.get("NOVA_DOCKER_TEST_ENGINE", "unix:///run/docker.sock")


@pytest.fixture(scope="session")
def real_engine() -> Iterator[Engine]:
    engine = Engine(ENGINE_URL, timeout=30, stream_timeout=60)
    try:
        engine.connect()
    except exception.EngineUnavailable as e:
        machine.lacking(f"a Docker engine ({e})", "run tools/run-tests, which starts one")
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def real_registry() -> Iterator[registry.Registry]:
    program = machine.require_program("docker-registry", package="docker-registry")
    with registry.running(program) as running:
        yield running


@pytest.fixture(scope="session")
def busybox() -> bytes:
    if not BUSYBOX.exists():
        machine.lacking("a static busybox", "apt-get install busybox-static")
    return BUSYBOX.read_bytes()


def fake_world() -> World:
    engine = FakeEngine()
    return World(engine, engine.registry, b"a program")


@pytest.fixture(params=["fake", "real"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "fake":
        made = fake_world()
    else:
        made = World(*(request.getfixturevalue(name)
                       for name in ("real_engine", "real_registry", "busybox")))
    try:
        yield made
    finally:
        made.clean_up()
