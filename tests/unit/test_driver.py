"""The driver is what Nova 34 expects: every signature, and every method that it must have."""

import inspect

from nova.virt import driver as nova_virt_driver
import pytest

from nova_docker import driver

BASE = nova_virt_driver.ComputeDriver
DEMANDED = (
    "init_host", "cleanup_host", "list_instances", "list_instance_uuids", "instance_exists",
    "get_num_instances", "get_info", "spawn", "destroy", "cleanup", "reboot", "power_off",
    "power_on", "pause", "unpause", "plug_vifs", "unplug_vifs", "get_console_output",
    "get_available_nodes", "get_available_resource", "update_provider_tree", "get_host_ip_addr",
    "get_host_uptime", "set_admin_password")
OVERRIDDEN = sorted(
    name for name, member in vars(driver.DockerDriver).items()
    if inspect.isfunction(member) and hasattr(BASE, name))


def shape(method: object) -> list[tuple[str, object, object]]:
    """Names, kinds and defaults of the parameters."""
    parameters = inspect.signature(method).parameters.values()  # type: ignore[arg-type]
    return [(p.name, p.kind, p.default) for p in parameters]


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_the_signature_is_exactly_novas(name):
    assert shape(getattr(driver.DockerDriver, name)) == shape(getattr(BASE, name))


@pytest.mark.parametrize("name", DEMANDED)
def test_the_method_is_the_drivers_own(name):
    assert name in OVERRIDDEN


def test_every_public_method_is_one_that_nova_knows():
    public = {name for name, member in vars(driver.DockerDriver).items()
              if inspect.isfunction(member) and not name.startswith("_")}
    assert public <= set(OVERRIDDEN)


def test_capabilities_are_those_that_nova_knows():
    assert driver.DockerDriver.capabilities.keys() == BASE.capabilities.keys()
    assert driver.DockerDriver.capabilities["supports_image_type_raw"]
    assert not driver.DockerDriver.capabilities["supports_image_type_qcow2"]
