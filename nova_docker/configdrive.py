"""The config drive: its content, by Nova's own builder.

Other drivers make a disk of it; here it is a folder, because nobody mounts
disks in a container.  The layout:
https://docs.openstack.org/nova/latest/user/metadata.html#config-drives
"""

from collections.abc import Sequence

from nova.api.metadata import base as instance_metadata
from nova.network import model as network_model
from nova.objects import instance as nova_instance
from nova.virt import configdrive

InjectedFiles = Sequence[tuple[str, bytes]]


def required_by(instance: nova_instance.Instance) -> bool:
    """Whether the user, the image or the operator wants one."""
    return bool(configdrive.required_by(instance))


def content(instance: nova_instance.Instance, network_info: network_model.NetworkInfo,
            injected_files: InjectedFiles = (),
            admin_password: str | None = None) -> dict[str, bytes]:
    """The files of the drive: {path below its root: content}.

    :param network_info: after Neutron's allocation
    :param injected_files: (path, content); they are listed in meta_data.json
    :param admin_password: in meta_data.json, as ``admin_pass``
    """
    metadata = instance_metadata.InstanceMetadata(
        instance, content=list(injected_files),
        extra_md={'admin_pass': admin_password} if admin_password else {},
        network_info=network_info)
    return {path: data.encode() if isinstance(data, str) else data
            for path, data in metadata.metadata_for_config_drive()}
