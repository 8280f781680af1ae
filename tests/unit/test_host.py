"""The compute service is disabled and enabled by the driver, never against the operator."""

import os
from types import SimpleNamespace
from unittest import mock

from nova import exception as nova_exception
from nova import objects
from nova.compute.monitors.cpu import virt_driver
from nova.objects import monitor_metric
from oslo_config import fixture as config_fixture
import pytest

from nova_docker import host


class Service(SimpleNamespace):
    saves = 0

    def save(self) -> None:
        self.saves += 1


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    made = Service(disabled=False, disabled_reason=None,
                   compute_node=SimpleNamespace(uuid="node"))
    monkeypatch.setattr(objects.Service, "get_by_compute_host", lambda context, name: made)
    return made


@pytest.fixture
def virtapi() -> mock.Mock:
    return mock.Mock()


@pytest.fixture
def compute_host(virtapi: mock.Mock) -> host.Host:
    return host.Host(mock.Mock(), virtapi, "h1")


def test_a_loss_disables_with_the_reason_and_a_return_enables(compute_host, service, virtapi):
    compute_host.set_service_enabled(False, "engine gone")
    assert (service.disabled, service.disabled_reason) == (True, "AUTO: engine gone")
    virtapi.update_compute_provider_status.assert_called_with(mock.ANY, "node", enabled=False)
    compute_host.set_service_enabled(True)
    assert (service.disabled, service.disabled_reason) == (False, None)
    virtapi.update_compute_provider_status.assert_called_with(mock.ANY, "node", enabled=True)


def test_an_operators_own_disabling_is_kept(compute_host, service):
    service.disabled, service.disabled_reason = True, "maintenance"
    compute_host.set_service_enabled(False, "engine gone")
    compute_host.set_service_enabled(True)
    assert (service.disabled, service.disabled_reason, service.saves) == (True, "maintenance", 0)


def test_what_is_so_already_is_not_said_again(compute_host, service):
    compute_host.set_service_enabled(True)
    compute_host.set_service_enabled(False, "x")
    compute_host.set_service_enabled(False, "y")
    assert service.saves == 1


def test_a_long_reason_fits_novas_column(compute_host, service):
    compute_host.set_service_enabled(False, "x" * 1000)
    assert len(service.disabled_reason) == 255


def test_a_service_that_is_not_registered_yet_is_no_error(compute_host, monkeypatch):
    monkeypatch.setattr(objects.Service, "get_by_compute_host", mock.Mock(
        side_effect=nova_exception.ComputeHostNotFound(host="h1")))
    compute_host.set_service_enabled(True)


def test_placement_that_does_not_answer_is_logged_and_no_error(
        compute_host, service, virtapi, caplog):
    virtapi.update_compute_provider_status.side_effect = OSError("no route")
    compute_host.set_service_enabled(False, "x")
    assert service.disabled
    assert "Placement" in caplog.text


def test_the_uptime_reads_as_the_command_prints_it():
    assert "load average: " in host.uptime()
    assert " up " in host.uptime()


def test_the_host_has_worked_in_every_way_and_never_less_than_before():
    before, after = host.cpu_stats(), host.cpu_stats()
    assert before.keys() == {"user", "kernel", "idle", "iowait", "frequency"}
    assert all(after[name] >= before[name] > 0 for name in ("user", "kernel", "idle"))
    seconds = sum(value for name, value in before.items() if name != "frequency") / 1e9
    with open("/proc/uptime", encoding="ascii") as f:
        uptime = float(f.read().split()[0])
    assert seconds < 1.5 * uptime * (os.cpu_count() or 1)


def test_novas_monitor_makes_percentages_of_it():
    driver = SimpleNamespace(get_host_cpu_stats=host.cpu_stats)
    metrics = monitor_metric.MonitorMetricList(objects=[])
    with config_fixture.Config(host.CONF) as config:
        config.config(compute_driver="docker.DockerDriver")
        virt_driver.Monitor(SimpleNamespace(driver=driver)).populate_metrics(metrics)
    shares = {metric.name: metric.value for metric in metrics.objects}
    assert 98 <= sum(shares[f"cpu.{kind}.percent"]
                     for kind in ("user", "kernel", "idle", "iowait")) <= 100
