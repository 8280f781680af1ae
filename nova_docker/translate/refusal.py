"""What is asked of a boot and a container cannot have: refused before anything is made.

Most of what the driver does not do Nova refuses itself, by the driver's
capabilities, traits and inventory; here is what would pass unnoticed.
"""

from collections.abc import Mapping
import typing as ty

from nova import exception as nova_exception
from nova.virt import driver as nova_virt_driver

NO_VOLUMES = 'containers have no volumes yet. Boot from an image, without volumes.'
BlockDeviceInfo = Mapping[str, ty.Any] | None


def refuse_block_devices(block_device_info: BlockDeviceInfo) -> None:
    """:raises InvalidInput: which aborts the build, for it is so on every host"""
    if nova_virt_driver.block_device_info_get_mapping(block_device_info):
        raise nova_exception.InvalidInput(reason=NO_VOLUMES)
    if nova_virt_driver.block_device_info_get_ephemerals(block_device_info):
        raise nova_exception.InvalidInput(reason=(
            'a container has no ephemeral disks. Use a flavor without one '
            '(OS-FLV-EXT-DATA:ephemeral is 0).'))
