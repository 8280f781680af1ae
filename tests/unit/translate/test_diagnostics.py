"""The engine's counters, in Nova's units and names."""

import datetime

import pytest

from nova_docker.translate import diagnostics

RUNNING = {"State": {"Running": True, "Status": "running",
                     "StartedAt": "2026-11-26T06:58:33.536437803Z"}}
NOW = datetime.datetime(2026, 11, 26, 7, 0, 0)
V1 = {"cpu_stats": {"cpu_usage": {"total_usage": 7, "percpu_usage": [3, 4]}},
      "memory_stats": {"usage": 3 << 20, "limit": 64 << 20,
                       "stats": {"inactive_file": 0, "total_inactive_file": 1 << 20}},
      "blkio_stats": {"io_service_bytes_recursive": [
          {"major": 8, "minor": 0, "op": "Read", "value": 4096},
          {"major": 8, "minor": 16, "op": "Read", "value": 1},
          {"major": 8, "minor": 0, "op": "Total", "value": 4097}],
          "io_serviced_recursive": [{"major": 8, "minor": 0, "op": "Write", "value": 2}]}}
V2 = {"cpu_stats": {"cpu_usage": {"total_usage": 7}},
      "memory_stats": {"usage": 3 << 20, "limit": 64 << 20, "stats": {"inactive_file": 1 << 20}},
      "blkio_stats": {"io_service_bytes_recursive": [
          {"major": 8, "minor": 0, "op": "read", "value": 4097}],
          "io_serviced_recursive": [{"major": 8, "minor": 0, "op": "write", "value": 2}]}}
# Of Docker 26.1 on cgroup v2 whose controllers are not there.
V2_BARE = {"cpu_stats": {"cpu_usage": {"total_usage": 9}},
           "memory_stats": {"stats": {"active_anon": 0, "inactive_file": 0}}, "pids_stats": {},
           "blkio_stats": {"io_service_bytes_recursive": None, "io_serviced_recursive": None}}
STOPPED = {"cpu_stats": {"cpu_usage": {"total_usage": 0}}, "memory_stats": {},
           "blkio_stats": {"io_service_bytes_recursive": None, "io_serviced_recursive": None}}
NIC = diagnostics.NicCounters("tap1", "fa:16:3e:00:00:01", {"rx_octets": 10, "tx_drop": 1})
UNPLUGGED = diagnostics.NicCounters("tap2", "fa:16:3e:00:00:02", {})


def details(stats, *nics):
    return diagnostics.details(RUNNING, diagnostics.usage(stats), nics, vcpus=3,
                               config_drive=True, now=NOW)


@pytest.mark.parametrize("stats", [V1, V2], ids=["cgroup v1", "cgroup v2"])
def test_both_versions_of_cgroups_are_read(stats):
    assert diagnostics.usage(stats) == diagnostics.Usage(
        7, 2 << 20, 64 << 20, {"read_bytes": 4097, "write_requests": 2})


def test_what_a_hierarchy_without_controllers_does_not_count_is_not_told():
    assert diagnostics.usage(V2_BARE) == diagnostics.Usage(9, None, None, {})


def test_the_details_are_those_of_the_api():
    result = details(V2, NIC, UNPLUGGED)
    assert (result.state, result.hypervisor, result.uptime, result.config_drive) == (
        "running", "docker", 86, True)
    assert (result.memory_details.used, result.memory_details.maximum) == (2, 64)
    assert (result.num_cpus, result.num_nics, result.num_disks) == (3, 2, 1)
    assert result.cpu_details[0].time == 7
    assert result.disk_details[0].read_bytes == 4097
    assert [(nic.mac_address, nic.rx_octets) for nic in result.nic_details] == [
        ("fa:16:3e:00:00:01", 10), ("fa:16:3e:00:00:02", None)]


def test_what_the_host_does_not_count_is_left_open():
    result = details(STOPPED)
    assert result.memory_details.used is None
    assert result.disk_details[0].write_bytes is None


def test_earlier_microversions_get_figures_by_libvirts_names():
    assert diagnostics.figures(diagnostics.usage(V1), [NIC, UNPLUGGED]) == {
        "cpu_time": 7, "memory": 64 << 10, "memory-used": 2 << 10, "disk_read": 4097,
        "disk_write_req": 2, "tap1_rx": 10, "tap1_tx_drop": 1}
    assert "memory-used" not in diagnostics.figures(diagnostics.usage(STOPPED), [])
