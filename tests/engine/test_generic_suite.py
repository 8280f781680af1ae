"""Nova's own suite for compute drivers passes, on methods that are ours."""

import os
from pathlib import Path
import re
import subprocess
import sys

from nova.virt import driver as nova_virt_driver
import pytest

from nova_docker import driver as docker_driver

ROOT = Path(__file__).resolve().parents[2]
# nova.tests.unit first: it decides about eventlet before anybody can import it.
RUN = ("import nova.tests.unit, sys, testtools.run; "
       "testtools.run.main(['run', 'tests.engine.generic_suite'], sys.stdout)")

# What the suite calls and the driver leaves to ComputeDriver, and why.
PLUMBING = "belongs to ComputeDriver itself: no driver overrides it"
LATER = "the driver does not offer this operation yet"
NOT_OURS = {
    "_get_allocation_ratios": PLUMBING,
    "emit_event": PLUMBING,
    "register_event_listener": PLUMBING,
    "network_binding_host_id": "the base class gives the instance's host, as Neutron wants it",
    **dict.fromkeys((
        "attach_volume", "block_stats", "detach_volume",
        "get_device_name_for_instance", "get_instance_disk_info",
        "get_mks_console", "get_spice_console", "get_vnc_console",
        "host_power_action", "live_migration_abort",
        "poll_rebooting_instances", "post_claim_migrate_data",
        "set_host_enabled",
        "swap_volume", "trigger_crash_dump",
    ), LATER),
    "restore": "Nova powers on instead",
}


@pytest.fixture(scope="module")
def called(engine_url, sandbox_image, tmp_path_factory) -> set[str]:
    """Run the suite.  :returns: the methods of the driver that it called"""
    record = tmp_path_factory.mktemp("generic") / "called"
    environment = {**os.environ, "OS_NOVA_DISABLE_EVENTLET_PATCHING": "1",
                   "NOVA_DOCKER_TEST_ENGINE": engine_url, "NOVA_DOCKER_TEST_CALLED": str(record)}
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", RUN], cwd=ROOT, env=environment,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=500)
    assert run.returncode == 0, run.stdout[-20_000:]
    ran = re.search(r"^Ran (\d+) tests", run.stdout, re.MULTILINE)
    assert ran, run.stdout[-2000:]
    assert int(ran.group(1)) > 60, "most of the suite was not run"
    return set(record.read_text().split())


def is_ours(method: str) -> bool:
    return (getattr(docker_driver.DockerDriver, method, None)
            is not getattr(nova_virt_driver.ComputeDriver, method, None))


def test_the_suite_passes_and_every_method_it_calls_is_ours(called):
    assert {method for method in called if not is_ours(method)} - set(NOT_OURS) == set()


def test_the_suite_called_what_the_driver_is_for(called):
    assert called >= {"init_host", "spawn", "destroy", "reboot", "power_on",
                      "power_off", "pause", "unpause", "get_info", "get_console_output",
                      "list_instances", "list_instance_uuids", "get_num_instances",
                      "get_available_nodes", "get_available_resource", "get_host_ip_addr",
                      "get_host_uptime"}


def test_no_reason_is_given_for_a_method_that_is_ours():
    assert {method for method in NOT_OURS if is_ours(method)} == set()
