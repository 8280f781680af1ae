"""``nova-docker-status upgrade check`` names what is wrong with a host, and the fix."""

from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import nova.conf
from oslo_config import cfg
from oslo_config import fixture as config_fixture
from oslo_privsep import priv_context
from oslo_upgradecheck import upgradecheck
import pytest

from nova_docker import exception
from nova_docker import status
from nova_docker.engine import client
from tests.unit.test_style import ROOT

CONF = nova.conf.CONF
SUCCESS, WARNING, FAILURE = (
    upgradecheck.Code.SUCCESS, upgradecheck.Code.WARNING, upgradecheck.Code.FAILURE)

GOOD = {"Driver": "btrfs", "CgroupVersion": "2", "MemoryLimit": True, "SwapLimit": True,
        "PidsLimit": True, "CpuCfsQuota": True}


@pytest.fixture(autouse=True)
def settings() -> Iterator[config_fixture.Config]:
    with config_fixture.Config(CONF) as config:
        CONF([], project="nova", default_config_files=[])
        config.config(compute_driver="docker.DockerDriver")
        yield config


@pytest.fixture
def engine() -> Iterator[mock.Mock]:
    """An engine that is as it shall be, unless the test says otherwise."""
    made = mock.create_autospec(client.Engine, instance=True)
    made.api_version = (1, 41)
    made.info.return_value = dict(GOOD)
    made.version.return_value = {"Components": [{"Name": "Engine", "Version": "20.10.24"}]}
    with mock.patch.object(status.client, "from_configuration", return_value=made):
        yield made


def outcomes(*names: str) -> dict[str, tuple[upgradecheck.Code, str]]:
    """What the checks of these names say, run in their order."""
    checks = status.Checks()
    results = {name: check(checks) for name, check in checks._upgrade_checks if name in names}
    return {name: (result.code, result.details or "") for name, result in results.items()}


def outcome(name: str) -> tuple[upgradecheck.Code, str]:
    return outcomes("Docker engine", name)[name]


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("name", [
    "Nova and nova.virt.docker", "Files with secrets", "Docker engine", "Limits of the kernel",
    "Image store", "Sandbox image", "Disk quota"])
def test_a_good_host_passes(name: str) -> None:
    with mock.patch.object(status.importlib.util, "find_spec", return_value=object()):
        assert outcome(name)[0] == SUCCESS


def test_an_engine_that_does_not_answer_fails_and_the_rest_is_not_guessed(
        settings: config_fixture.Config) -> None:
    settings.config(group="docker", engine_url="unix:///nonexistent/docker.sock")
    found = outcomes("Docker engine", "Limits of the kernel", "Disk quota")
    assert found["Docker engine"][0] == FAILURE
    assert "group of its socket" in found["Docker engine"][1]
    assert found["Limits of the kernel"] == found["Disk quota"] == (
        WARNING, "not checked, because the engine does not answer.")


def test_plain_tcp_fails(settings: config_fixture.Config) -> None:
    settings.config(group="docker", engine_url="tcp://127.0.0.1:2375")
    assert "root on this host" in outcome("Docker engine")[1]


def test_podman_fails_and_is_asked_nothing_more(engine: mock.Mock) -> None:
    engine.version.return_value = {"Components": [{"Name": "Podman Engine", "Version": "4.3.1"}]}
    found = outcomes("Docker engine", "Disk quota")
    assert found["Docker engine"][0] == FAILURE
    assert "it is Podman 4.3.1" in found["Docker engine"][1]
    assert found["Disk quota"][0] == WARNING


def test_the_image_store_of_containerd_is_warned_of(engine: mock.Mock) -> None:
    engine.info.return_value = {
        **GOOD, "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}
    code, details = outcome("Image store")
    assert code == WARNING
    assert "daemon.json" in details


def test_limits_that_the_kernel_lacks_are_named(engine: mock.Mock) -> None:
    engine.info.return_value = {**GOOD, "SwapLimit": False}
    code, details = outcome("Limits of the kernel")
    assert code == WARNING
    assert "SwapLimit" in details
    assert "MemoryLimit" not in details


def test_an_absent_sandbox_image_fails(
        engine: mock.Mock, settings: config_fixture.Config) -> None:
    settings.config(group="docker", sandbox_image="registry.test/pause:1")
    engine.inspect_image.side_effect = exception.EngineImageNotFound(action="a", reason="b")
    code, details = outcome("Sandbox image")
    assert code == FAILURE
    assert "docker pull registry.test/pause:1" in details


def test_a_storage_driver_without_quota_is_a_warning(engine: mock.Mock) -> None:
    engine.info.return_value = {**GOOD, "Driver": "overlay2",
                                "DriverStatus": [["Backing Filesystem", "extfs"]]}
    assert outcome("Disk quota")[0] == WARNING


def test_a_hidden_nova_fails() -> None:
    with mock.patch.object(status.nova, "__file__", None):
        assert "Install Nova as a wheel" in outcome("Nova and nova.virt.docker")[1]


def test_an_absent_shim_fails() -> None:
    with mock.patch.object(status.importlib.util, "find_spec", return_value=None):
        assert "install nova-docker" in outcome("Nova and nova.virt.docker")[1]


def test_another_compute_driver_is_a_warning(settings: config_fixture.Config) -> None:
    settings.config(compute_driver="libvirt.LibvirtDriver")
    with mock.patch.object(status.importlib.util, "find_spec", return_value=object()):
        assert outcome("Nova and nova.virt.docker")[0] == WARNING


def test_a_key_that_everybody_reads_is_a_warning(
        settings: config_fixture.Config, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text("secret")
    settings.config(group="docker", tls_key_file=str(key))
    key.chmod(0o640)
    assert outcome("Files with secrets")[0] == SUCCESS
    key.chmod(0o644)
    assert outcome("Files with secrets") == (
        WARNING, f"everybody can read {key}: make the group that of nova-compute's user, and "
        "the mode 0640.")


@pytest.mark.parametrize(("content", "code"), [
    ('{"auths": {"a.org": {"auth": "YTpi"}}}', SUCCESS),
    ('{"auths": {"a.org": {"auth": "very-secret"}}}', FAILURE), (None, FAILURE)])
def test_a_file_of_credentials_that_cannot_be_used_fails_and_is_not_quoted(
        tmp_path: Path, settings: config_fixture.Config, content: str | None,
        code: upgradecheck.Code) -> None:
    path = tmp_path / "auth.json"
    settings.config(group="docker", registry_auth_file=str(path))
    if content:
        path.write_text(content)
        path.chmod(0o600)
    found = outcome("Files with secrets")
    assert found[0] == code
    assert "very-secret" not in found[1]
    assert code == SUCCESS or str(path) in found[1]


def test_a_folder_that_nova_compute_cannot_use_fails(
        settings: config_fixture.Config, tmp_path: Path) -> None:
    settings.config(state_path=str(tmp_path))
    assert outcome("Folder of nova-compute") == (SUCCESS, str(tmp_path))
    settings.config(state_path=str(tmp_path / "absent"))
    code, details = outcome("Folder of nova-compute")
    assert code == FAILURE
    assert str(tmp_path / "absent") in details


def test_a_file_that_cannot_be_read_is_an_error_of_one_line_not_a_trace(
        capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "CONF", cfg.ConfigOpts())
    monkeypatch.setattr(status.sys, "argv", [
        "nova-docker-status", "--config-file", "/nonexistent.conf", "upgrade", "check"])
    assert status.main() == 255
    said = capsys.readouterr().err
    assert "/nonexistent.conf" in said
    assert "as the user of nova-compute" in said
    assert "Traceback" not in said


def test_without_a_command_the_helper_is_started_by_rootwrap_as_nova_compute_does() -> None:
    with (mock.patch.object(priv_context.PrivContext, "start"),
          mock.patch.object(priv_context.PrivContext, "stop")):
        assert outcome("Privileged helper")[0] == SUCCESS
    command = status.privileged.context.helper_command("/tmp/abc/privsep.sock")
    assert command[:4] == ["sudo", "nova-rootwrap", "/etc/nova/rootwrap.conf", "privsep-helper"]


@pytest.mark.parametrize(("name", "section"), [
    ("Privileged helper", "nova_docker_privileged"),
    ("Privileged helper of os-vif", "vif_plug_ovs_privileged")])
def test_a_helper_that_does_not_start_fails(
        settings: config_fixture.Config, name: str, section: str) -> None:
    status.os_vif.initialize()
    settings.config(group=section, helper_command="false --config-file /etc/a.conf")
    code, details = outcome(name)
    assert code == FAILURE
    assert f"[{section}]/helper_command" in details
    assert details.endswith("Its command: false --config-file /etc/a.conf")


def test_an_absent_open_vswitch_fails(settings: config_fixture.Config) -> None:
    status.os_vif.initialize()
    settings.config(group="os_vif_ovs", ovsdb_connection="unix:/nonexistent")
    assert "ovs-vsctl set-manager" in outcome("Open vSwitch")[1]
    settings.config(group="os_vif_ovs", ovsdb_connection="tcp:127.0.0.1:1")
    assert outcome("Open vSwitch")[0] == FAILURE


def test_the_manual_page_explains_every_check():
    page = ROOT / "doc/source/cli/nova-docker-status.rst"
    lines = page.read_text().splitlines()
    terms = {term for line in lines if line and not line.startswith(" ")
             for term in line.split(", ")}
    assert {name for name, _ in status.Checks._upgrade_checks} <= terms
