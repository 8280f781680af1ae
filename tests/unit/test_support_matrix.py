"""The support matrix says of the driver what is so."""

import configparser
from dataclasses import dataclass
import importlib.util
from typing import Any

from nova.virt import driver as nova_virt_driver
import pytest

from nova_docker import driver
from tests.unit.test_style import ROOT

SOURCE = ROOT / "doc/source/support-matrix.ini"


@dataclass(frozen=True)
class Marks:
    """What the driver has if it has a feature.

    methods: of ComputeDriver, overridden; capabilities: True;
    modules: of the package, and there
    """

    methods: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()

    def found(self) -> list[bool]:
        return [*(getattr(driver.DockerDriver, name) is not getattr(
                    nova_virt_driver.ComputeDriver, name) for name in self.methods),
                *(driver.DockerDriver.capabilities[name] for name in self.capabilities),
                *(importlib.util.find_spec(f"nova_docker.{name}") is not None
                  for name in self.modules)]


def methods(*names: str) -> Marks:
    return Marks(methods=names)


def capability(*names: str) -> Marks:
    return Marks(capabilities=names)


MARKS = {
    "launch": Marks(("spawn",), ("supports_image_type_raw",)),
    "launch-volume": methods("attach_volume"),
    "delete": methods("destroy", "cleanup"),
    "shutdown": methods("power_off"),
    "restart": methods("power_on"),
    "reboot": methods("reboot"),
    "pause": methods("pause", "unpause"),
    "suspend": methods("suspend", "resume"),
    "resume-state": methods("resume_state_on_host_boot"),
    "rebuild": methods("destroy", "spawn"),
    "rescue": methods("rescue", "unrescue"),
    "snapshot": methods("snapshot"),
    "quiesce": methods("quiesce", "unquiesce"),
    "resize": methods("migrate_disk_and_power_off", "finish_migration", "confirm_migration",
                      "finish_revert_migration"),
    "evacuate": capability("supports_evacuate"),
    "live-migrate": methods("live_migration", "pre_live_migration",
                            "check_can_live_migrate_source"),
    "cache-images": Marks(("manage_image_cache", "cache_image"), ("has_imagecache",)),
    "attach-interface": Marks(("attach_interface",), ("supports_attach_interface",)),
    "detach-interface": methods("detach_interface"),
    "attach-tagged-interface": capability("supports_tagged_attach_interface"),
    "device-tags": capability("supports_device_tagging"),
    "attach-volume": methods("attach_volume", "detach_volume"),
    "extend-volume": Marks(("extend_volume",), ("supports_extend_volume",)),
    "swap-volume": methods("swap_volume"),
    "multiattach-volume": capability("supports_multiattach"),
    "shares": methods("mount_share", "umount_share"),
    "console-log": methods("get_console_output"),
    "serial-console": methods("get_serial_console"),
    "vnc-console": methods("get_vnc_console"),
    "spice-console": methods("get_spice_console"),
    "set-admin-password": methods("set_admin_password"),
    "diagnostics": methods("get_diagnostics", "get_instance_diagnostics"),
    "host-cpu-stats": methods("get_host_cpu_stats"),
    "crash-dump": methods("trigger_crash_dump"),
    "config-drive": Marks(modules=("configdrive",)),
    "inject-files": Marks(modules=("operations.identity",)),
    "placement": methods("update_provider_tree", "get_available_resource"),
    "cpu-pinning": Marks(capabilities=("supports_pcpus",), modules=("translate.cpus",)),
    "page-size": capability("supports_mem_backing_file"),
    "pci-passthrough": capability("supports_remote_managed_ports"),
    "accelerators": capability("supports_accelerators"),
    "secure-boot": capability("supports_secure_boot"),
    "virtual-tpm": capability("supports_vtpm"),
    "trusted-certs": capability("supports_trusted_certs"),
    "encrypted-memory": capability("supports_address_space_passthrough"),
}
# Said elsewhere, or of no use to a container.
OTHER_CAPABILITIES = {
    name for name in nova_virt_driver.ComputeDriver.capabilities
    if name.startswith(("supports_image_type_", "supports_ephemeral_encryption"))} | {
    "supports_migrate_to_same_host", "supports_tagged_attach_volume", "supports_bfv_rescue",
    "supports_socket_pci_numa_affinity", "supports_address_space_emulated", "supports_virtio_fs"}


@pytest.fixture(scope="module")
def matrix() -> dict[str, Any]:
    """The features by their key."""
    parser = configparser.ConfigParser()
    parser.read(SOURCE)
    return {name.removeprefix("operation."): parser[name] for name in parser.sections()
            if name.startswith("operation.")}


def test_every_feature_has_its_marks(matrix):
    assert matrix.keys() == MARKS.keys()


@pytest.mark.parametrize("feature", MARKS)
def test_the_status_is_true(matrix, feature):
    status, found = matrix[feature]["driver.docker"], MARKS[feature].found()
    truth = {"complete": all(found), "partial": any(found), "missing": not any(found)}
    assert truth[status], f"{SOURCE.name} calls {feature} {status}; the driver says otherwise"


def test_a_feature_that_is_there_in_part_says_in_which(matrix):
    assert [name for name, feature in matrix.items() if feature["driver.docker"] == "partial"
            and not feature.get("driver-notes.docker")] == []


def test_every_capability_that_nova_knows_is_told_of():
    told = {name for marks in MARKS.values() for name in marks.capabilities}
    assert told | OTHER_CAPABILITIES == driver.DockerDriver.capabilities.keys()


def test_no_capability_is_claimed_that_is_not_told_of():
    claimed = {name for name, there in driver.DockerDriver.capabilities.items() if there}
    assert claimed & OTHER_CAPABILITIES <= {"supports_image_type_raw"}
