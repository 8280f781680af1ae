"""Nova's objects as a boot brings them, made in memory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
import uuid

from nova import objects
import nova.conf
from nova.network import model

from tests import archives

CONF = nova.conf.CONF
BUSYBOX = "/bin/busybox"
APPLETS = ("sh", "sleep", "cat", "ip", "hostname", "echo", "nc", "env", "wc", "head", "kill",
           "grep", "dd", "tail", "true", "false", "stat", "ls")


def busybox(**changes: Any) -> archives.Image:
    """A small image with a shell, whose command waits."""
    settings: dict[str, Any] = {"command": ["sleep", "3600"], **changes}
    return archives.Image(
        files={"bin/busybox": Path(BUSYBOX).read_bytes(), "etc/passwd": b"root:x:0:0::/:/bin/sh\n"},
        links={f"bin/{applet}": "busybox" for applet in APPLETS}, **settings)


def image_meta(image_id: str, **properties: str) -> objects.ImageMeta:
    known = {key: value for key, value in properties.items() if key != "docker_image"}
    return objects.ImageMeta.from_dict({
        "id": image_id, "name": "image", "checksum": "0" * 32, "status": "active",
        "container_format": "docker", "disk_format": "raw", "properties": known})


def instance(image_properties: Mapping[str, str] | None = None, *, memory_mb: int = 64,
             vcpus: int = 1, swap: int = 0, root_gb: int = 1,
             extra_specs: Mapping[str, str] | None = None, **changes: Any) -> objects.Instance:
    flavor = objects.Flavor(
        id=1, flavorid="1", name="small", vcpus=vcpus, memory_mb=memory_mb, root_gb=root_gb,
        ephemeral_gb=0, swap=swap, rxtx_factor=1.0, extra_specs=dict(extra_specs or {}))
    settings: dict[str, Any] = {
        "id": 42, "uuid": str(uuid.uuid4()), "display_name": "web", "hostname": "web-1",
        "host": CONF.host, "project_id": "project", "user_id": "user", "metadata": {},
        "flavor": flavor,
        "trusted_certs": None, "numa_topology": None, "image_ref": "",
        "key_data": None, "config_drive": "", "launched_at": None,
        "vm_state": "building", "task_state": None,
        "system_metadata": {f"image_{k}": v for k, v in (image_properties or {}).items()}}
    return objects.Instance(**{**settings, **changes})


def vif(*subnets: model.Subnet, **details: Any) -> model.VIF:
    """A port that Open vSwitch would take."""
    port = str(uuid.uuid4())
    network = model.Network(
        id=str(uuid.uuid4()), bridge="br-int", label="private",
        subnets=list(subnets) or [subnet()], mtu=1400)
    return model.VIF(
        id=port, address="fa:16:3e:" + ":".join(port[i:i + 2] for i in (0, 2, 4)),
        network=network, type=model.VIF_TYPE_OVS, devname="tap" + port[:11],
        ovs_interfaceid=port, details={"port_filter": True, **details}, active=True,
        vnic_type=model.VNIC_TYPE_NORMAL, profile={})


def subnet(cidr: str = "10.99.0.0/24", address: str = "10.99.0.5",
           gateway: str | None = "10.99.0.1", dns: tuple[str, ...] = ()) -> model.Subnet:
    version = 6 if ":" in cidr else 4
    return model.Subnet(
        cidr=cidr, version=version, routes=[], dns=[model.IP(d, "dns") for d in dns],
        gateway=model.IP(gateway, "gateway") if gateway else None,
        ips=[model.FixedIP(address=address, version=version)])


def subnet6() -> model.Subnet:
    return subnet("fd99::/64", "fd99::5", "fd99::1")


def network(*vifs: model.VIF) -> model.NetworkInfo:
    return model.NetworkInfo(list(vifs))
