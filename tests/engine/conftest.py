"""The driver on a real engine, with real namespaces and without Nova's services."""

from collections.abc import Iterator
import contextlib
import os
from typing import Any
from unittest import mock

import docker
from nova import context as nova_context
from nova import objects
import nova.conf
from nova.virt import virtapi
from oslo_config import fixture as config_fixture
import pytest

from nova_docker import driver as nova_driver
from nova_docker import privileged
from tests import machine
from tests import registry as test_registry
from tests.engine import cloud
from tests.engine import leaks
from tests.engine import waiting

CONF = nova.conf.CONF


@pytest.fixture(scope="session")
def engine_url() -> str:
    machine.require_root()
    url = os.environ.get("NOVA_DOCKER_TEST_ENGINE", "unix:///run/docker.sock")
    try:
        docker.APIClient(url, version="auto").ping()
    except docker.errors.DockerException as e:
        machine.lacking(f"a Docker engine at {url} ({e})",
                        "start dockerd, or name its socket in NOVA_DOCKER_TEST_ENGINE")
    return url


@pytest.fixture(scope="session")
def api(engine_url: str) -> docker.APIClient:
    """The engine as anybody else sees it, beside the driver."""
    return docker.APIClient(engine_url, version="auto")


@pytest.fixture(scope="session", autouse=True)
def nova_process() -> None:
    """What nova-compute does once when it starts."""
    objects.register_all()
    CONF([], project="nova", default_config_files=[])
    privileged.context.set_client_mode(False)


@pytest.fixture(scope="session")
def host() -> str:
    return f"engine-test-{os.getpid()}"


@pytest.fixture(autouse=True)
def settings(engine_url: str, host: str) -> Iterator[config_fixture.Config]:
    """[docker] and the few options of Nova's that the driver reads."""
    with config_fixture.Config(CONF) as config:
        config.config(host=host, my_ip="127.0.0.1")
        config.config(group="docker", engine_url=engine_url, reboot_timeout=1)
        yield config


@pytest.fixture(autouse=True)
def nothing_leaks(api: docker.APIClient, host: str, settings: Any,
                  sandbox_image: None) -> Iterator[None]:
    before = leaks.traces(api, host)
    yield
    # The kernel takes a namespace and its links away a moment after its last process.
    with contextlib.suppress(AssertionError):
        waiting.until(lambda: leaks.traces(api, host) == before, seconds=3)
    assert leaks.traces(api, host) == before, "left behind, or taken away that was there"


@pytest.fixture(scope="session")
def sandbox_image(engine_url: str, host: str, nova_process: None) -> None:
    """Made once, as it stays on an engine for ever."""
    with config_fixture.Config(CONF) as config, cloud.quiet_nova():
        # Never the machine's own name: a cloud may run here, too.
        config.config(host=host)
        config.config(group="docker", engine_url=engine_url)
        made = nova_driver.DockerDriver(virtapi.VirtAPI())
        made.init_host("any")
        made.cleanup_host("any")


@pytest.fixture
def ovs() -> Iterator[cloud.Switch]:
    """Open vSwitch by proxy: it takes ports, and wires none."""
    switch = cloud.Switch()
    with switch.installed():
        yield switch


@pytest.fixture
def glance() -> Iterator[cloud.Glance]:
    store = cloud.Glance()
    with mock.patch("nova.image.glance.API.download", store.download):
        yield store


@pytest.fixture
def driver(ovs: cloud.Switch, glance: cloud.Glance) -> Iterator[nova_driver.DockerDriver]:
    with cloud.quiet_nova():
        made = nova_driver.DockerDriver(cloud.WiredAtOnce())
        made.init_host(CONF.host)
        try:
            yield made
        finally:
            made.cleanup_host(CONF.host)


@pytest.fixture
def boots(driver: nova_driver.DockerDriver, glance: cloud.Glance,
          api: docker.APIClient) -> Iterator[cloud.Boots]:
    """Boots instances, and destroys at the end what a test has not."""
    made = cloud.Boots(driver, glance)
    yield made
    made.clean_up(api)


@pytest.fixture
def context() -> nova_context.RequestContext:
    return nova_context.get_admin_context()


@pytest.fixture(scope="session")
def registry() -> Iterator[test_registry.Registry]:
    program = machine.require_program("docker-registry", package="docker-registry")
    with test_registry.running(program) as running:
        yield running


