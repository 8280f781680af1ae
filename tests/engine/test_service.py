"""Starting, watching and losing the engine, as an operator sees it."""

import os
from pathlib import Path
import subprocess
import sys
import tempfile
import threading
import time
from unittest import mock

from nova import exception as nova_exception
from nova import objects
import nova.conf
from nova.objects import fields
from nova.virt import event as virtevent
import pytest

from nova_docker import driver as nova_driver
from nova_docker import exception
from nova_docker.translate import naming
from tests import machine
from tests.engine import cloud
from tests.engine import gate
from tests.engine import instances
from tests.engine import leaks
from tests.engine import waiting

CONF = nova.conf.CONF
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def told(driver) -> list[tuple[str, int]]:
    """(instance uuid, transition), as Nova was told."""
    heard: list[tuple[str, int]] = []
    driver.register_event_listener(lambda event: heard.append((event.uuid, event.transition)))
    return heard


def test_an_instance_that_dies_is_told_within_two_seconds_and_once(boots, api, told):
    instance = boots.archive(instances.busybox())
    api.kill(naming.workload_name(instance.uuid))
    stopped = (instance.uuid, virtevent.EVENT_LIFECYCLE_STOPPED)
    waiting.until(lambda: stopped in told, seconds=2)
    time.sleep(0.7)
    assert told.count(stopped) == 1


def test_a_reboot_is_not_told_as_a_stop(boots, told):
    instance = boots.archive(instances.busybox())
    boots.driver.reboot(boots.context, instance, instances.network(), "HARD")
    api_restart = (instance.uuid, virtevent.EVENT_LIFECYCLE_STARTED)
    waiting.until(lambda: told.count(api_restart) == 2)
    time.sleep(0.8)
    assert (instance.uuid, virtevent.EVENT_LIFECYCLE_STOPPED) not in told


def test_pause_by_somebody_else_is_told(boots, api, told):
    instance = boots.archive(instances.busybox())
    api.pause(naming.workload_name(instance.uuid))
    waiting.until(lambda: (instance.uuid, virtevent.EVENT_LIFECYCLE_PAUSED) in told)
    api.unpause(naming.workload_name(instance.uuid))
    waiting.until(lambda: (instance.uuid, virtevent.EVENT_LIFECYCLE_RESUMED) in told)


def test_it_ends_promptly(driver):
    begin = time.monotonic()
    driver.cleanup_host(CONF.host)
    assert time.monotonic() - begin < 2
    assert not [t for t in threading.enumerate() if t.name == "docker-events"]


def test_it_does_not_start_without_an_engine_and_says_what_to_check(settings, tmp_path):
    settings.config(group="docker", engine_url=f"unix://{tmp_path}/docker.sock")
    with pytest.raises(nova_exception.NovaException, match="group docker"):
        nova_driver.DockerDriver(mock.Mock()).init_host(CONF.host)


@pytest.fixture
def podman_url():
    program = machine.require_program("podman", package="podman")
    # Podman takes no runroot that is longer than 50 characters.
    with tempfile.TemporaryDirectory() as folder, subprocess.Popen(
            [program, "--root", f"{folder}/root", "--runroot", f"{folder}/run",
             "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs",
             "system", "service", "--time=0", f"unix://{folder}/socket"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        waiting.until(Path(folder, "socket").exists, seconds=30)
        yield f"unix://{folder}/socket"
        process.terminate()
        process.wait(timeout=30)


def test_it_does_not_start_on_podman_and_says_what_to_install(settings, podman_url):
    settings.config(group="docker", engine_url=podman_url)
    with pytest.raises(nova_exception.NovaException, match=r"it is Podman \d.*Install Docker"):
        nova_driver.DockerDriver(mock.Mock()).init_host(CONF.host)


def test_the_host_has_what_the_engine_says(driver, api):
    info = api.info()
    resources = driver.get_available_resource(CONF.host)
    assert resources["vcpus"] == info["NCPU"]
    assert resources["memory_mb"] == info["MemTotal"] >> 20
    assert 0 <= resources["memory_mb_used"] <= resources["memory_mb"]
    assert 0 <= resources["local_gb_used"] <= resources["local_gb"]
    assert resources["hypervisor_type"] == fields.HVType.DOCKER
    assert driver.get_available_nodes() == [CONF.host]
    assert driver.get_host_ip_addr() == "127.0.0.1"


def test_what_a_killed_boot_left_is_removed_at_the_next_start(boots, api, ovs):
    whole = boots.archive(instances.busybox(), instances.network(instances.vif()))
    halves = []
    for lost in (naming.workload_name,):
        half = boots.archive(instances.busybox(), instances.network(instances.vif()))
        api.remove_container(lost(half.uuid), force=True)
        halves.append(half)
    with cloud.quiet_nova():
        restarted = nova_driver.DockerDriver(mock.Mock())
        restarted.init_host(CONF.host)
        restarted.cleanup_host(CONF.host)
    assert boots.driver.list_instance_uuids() == [whole.uuid]
    assert len(ovs.ports) == 1
    found = leaks.traces(api, CONF.host)
    assert len(found.links) == 1


def test_an_engine_that_stops_in_the_middle_of_a_boot_is_said_and_nothing_is_left(
        engine_url, settings, tmp_path, glance, ovs, context, api):
    with gate.opened(engine_url, tmp_path / "gate.sock") as way, cloud.quiet_nova():
        settings.config(group="docker", engine_url=f"unix://{tmp_path}/gate.sock")
        driver = nova_driver.DockerDriver(cloud.WiredAtOnce())
        driver.init_host(CONF.host)
        instance = instances.instance()
        archive = instances.busybox().archive()

        def interrupted(context, image_id, data, trusted_certs=None):
            data.write(archive[:100_000])
            way.shut()
            data.write(archive[100_000:])

        network = instances.network(instances.vif())
        with mock.patch("nova.image.glance.API.download", mock.Mock(side_effect=interrupted)), \
                pytest.raises(exception.EngineUnavailable, match="not available"):
            driver.spawn(context, instance, instances.image_meta(instance.uuid), [], None, {},
                         network_info=network)
        way.reopen()
        # As Nova's compute manager does after a failed spawn.
        driver.destroy(context, instance, network)
        driver.cleanup_host(CONF.host)


def test_a_lost_engine_disables_the_service_and_its_return_enables_it(
        engine_url, settings, tmp_path, ovs):
    service = mock.Mock(disabled=False, disabled_reason=None)
    with gate.opened(engine_url, tmp_path / "gate.sock") as way, cloud.quiet_nova():
        settings.config(group="docker", engine_url=f"unix://{tmp_path}/gate.sock")
        with mock.patch.object(objects.Service, "get_by_compute_host", return_value=service):
            driver = nova_driver.DockerDriver(mock.Mock())
            driver.init_host(CONF.host)
            try:
                way.shut()
                waiting.until(lambda: service.disabled is True, seconds=3)
                assert service.disabled_reason.startswith("AUTO: ")
                way.reopen()
                waiting.until(lambda: service.disabled is False, seconds=8)
            finally:
                way.reopen()
                driver.cleanup_host(CONF.host)


@pytest.mark.parametrize("backend", ["eventlet", "threading"])
def test_a_boot_works_under_both_concurrency_backends(engine_url, backend):
    environment = {**os.environ, "NOVA_DOCKER_TEST_ENGINE": engine_url,
                   "OS_NOVA_DISABLE_EVENTLET_PATCHING": "0" if backend == "eventlet" else "1"}
    run = subprocess.run([sys.executable, "-W", "ignore", "-m", "tests.engine.one_boot", backend],
                         cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.split() == ["running", "stopped", "gone"]
