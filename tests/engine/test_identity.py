"""An instance's key, config drive, injected files and machine id, on a real engine."""

from collections.abc import Iterator
import json
from typing import Any
from unittest import mock

from nova import exception as nova_exception
from nova import objects
from nova.network import security_group_api
import pytest

from nova_docker.operations import reconcile
from nova_docker.translate import naming
from tests import archives
from tests.engine import instances
from tests.engine import waiting
from tests.engine.test_spawn import inside

KEY = "ssh-ed25519 AAAAC3Nza someone@laptop"
PASSWD = b"root:x:0:0::/root:/bin/sh\napp:x:7:8::/home/app:/bin/sh\n"


def image(**changes: Any) -> archives.Image:
    made = instances.busybox(**changes)
    made.files.update({"etc/passwd": PASSWD, "etc/machine-id": b"0" * 32 + b"\n",
                       "home/app/.ssh/authorized_keys": b"ssh-rsa baked"})
    return made


def stat(api: Any, instance: Any, path: str) -> str:
    return str(inside(api, instance, "stat", "-c", "%a %u %g", path)).strip()


@pytest.fixture
def database() -> Iterator[None]:
    """What Nova's builder reads from its database."""
    disks = objects.BlockDeviceMappingList(objects=[])
    with (mock.patch.object(objects.BlockDeviceMappingList, "get_by_instance_uuid",
                            return_value=disks),
          mock.patch.object(security_group_api, "get_instance_security_groups",
                            return_value=[])):
        yield


def with_drive(**changes: Any) -> dict[str, Any]:
    """The fields of an instance that Nova's builder reads."""
    ids = objects.EC2Ids(instance_id="i-1", ami_id="ami-1", kernel_id=None, ramdisk_id=None)
    return {"config_drive": "True", "ec2_ids": ids,
            "user_data": None, "keypairs": objects.KeyPairList(objects=[]),
            "device_metadata": None, "availability_zone": "nova",
            "launch_index": 0, "reservation_id": "r-1", "key_name": None, "ephemeral_gb": 0,
            "root_device_name": None, "default_ephemeral_device": None,
            "default_swap_device": None, "kernel_id": "", "ramdisk_id": "", "image_ref": "",
            **changes}


@pytest.mark.parametrize(("properties", "home", "owner", "before"), [
    ({}, "/root", "0 0", ""),
    ({"docker_key_user": "app"}, "/home/app", "7 8", "ssh-rsa baked\n")])
def test_the_key_is_the_users_survives_reboots_and_is_in_no_snapshot(
        boots, api, properties, home, owner, before):
    instance = boots.archive(image(), properties=properties, key_data=KEY)
    path = f"{home}/.ssh/authorized_keys"
    api.remove_container(naming.sandbox_name(instance.uuid), force=True, v=True)
    boots.driver.reboot(boots.context, instance, instances.network(), "HARD")
    boots.driver.power_off(instance)
    boots.driver.power_on(boots.context, instance, instances.network())
    assert inside(api, instance, "cat", path) == f"{before}{KEY}"
    assert stat(api, instance, path) == f"600 {owner}"
    assert stat(api, instance, f"{home}/.ssh") == f"700 {owner}"
    inside(api, instance, "sh", "-c", f"echo more >> {path}")
    assert inside(api, instance, "cat", path).endswith("more")

    commit = api.commit(naming.workload_name(instance.uuid))["Id"]
    try:
        kept = b"".join(api.get_image(commit))
    finally:
        api.remove_image(commit)
    assert KEY.split()[1].encode() not in kept
    assert b"more\n" not in kept
    assert b"ssh-rsa baked" in kept


def test_the_config_drive_is_novas_read_only_and_survives_stop_and_start(boots, api, database):
    boots.admin_password = "made by nova"
    boots.injected_files = [("/etc/motd", b"hello")]
    instance = boots.archive(image(), instances.network(instances.vif()), **with_drive(
        user_data="IyEvYmluL3NoCg==", metadata={"role": "db"}))
    boots.driver.power_off(instance)
    boots.driver.power_on(boots.context, instance, instances.network())
    for root in ("/mnt/config", "/var/lib/cloud/seed/config_drive"):
        latest = f"{root}/openstack/latest"
        found = json.loads(inside(api, instance, "cat", f"{latest}/meta_data.json"))
        assert (found["uuid"], found["hostname"]) == (instance.uuid, "web-1.novalocal")
        assert (found["meta"], found["admin_pass"]) == ({"role": "db"}, "made by nova")
        assert found["files"] == [{"path": "/etc/motd", "content_path": "/content/0000"}]
        assert inside(api, instance, "cat", f"{root}/openstack/content/0000") == "hello"
        assert inside(api, instance, "cat", f"{latest}/user_data") == "#!/bin/sh"
        network = json.loads(inside(api, instance, "cat", f"{latest}/network_data.json"))
        assert network["networks"][0]["ip_address"] == "10.99.0.5"
        assert {"vendor_data.json", "vendor_data2.json"} <= set(
            inside(api, instance, "ls", latest).split())
        assert inside(api, instance, "ls", f"{root}/ec2/latest").split() == [
            "meta-data.json", "user-data"]
        assert stat(api, instance, f"{latest}/user_data") == "444 0 0"
        assert stat(api, instance, f"{latest}/meta_data.json") == "400 0 0"
        assert "Read-only" in inside(api, instance, "sh", "-c", f"echo > {root}/x 2>&1; true")


def test_the_first_instruction_sees_all_of_it(boots, database, settings):
    settings.config(force_config_drive=True)
    command = ("cat /root/.ssh/authorized_keys /etc/machine-id /etc/motd; "
               "ls /mnt/config/openstack/latest; exec sleep 3600")
    boots.injected_files = [("/etc/motd", b"hello\n")]
    instance = boots.archive(image(command=["sh", "-c", command]), **with_drive(
        key_data=KEY, config_drive=""))
    waiting.until(lambda: "vendor_data2" in boots.driver.get_console_output(
        boots.context, instance), seconds=60)
    shown = boots.driver.get_console_output(boots.context, instance).splitlines()
    assert shown[:3] == [KEY, instance.uuid.replace("-", ""), "hello"]


def test_injected_files_are_roots_and_on_the_disk(boots, api):
    boots.injected_files = [("/srv/new/file", b"one"), ("/etc/passwd", PASSWD + b"x:x:1:1:::\n"),
                            ("/bin/echo", b"not a link")]
    instance = boots.archive(image())
    assert inside(api, instance, "cat", "/srv/new/file") == "one"
    assert inside(api, instance, "tail", "-n", "1", "/etc/passwd") == "x:x:1:1:::"
    assert inside(api, instance, "cat", "/bin/echo") == "not a link"
    assert stat(api, instance, "/srv/new/file") == "644 0 0"
    assert stat(api, instance, "/srv/new") == "755 0 0"


@pytest.mark.parametrize("path", ["/etc", "/etc/passwd/x", "/etc/../x", "/proc/x"])
def test_an_absurd_path_aborts_the_build_and_leaves_nothing(boots, path):
    boots.injected_files = [(path, b"")]
    with pytest.raises(nova_exception.InvalidInput, match="choose another path"):
        boots.archive(image())


def test_a_user_that_the_image_has_not_aborts_the_build(boots):
    with pytest.raises(nova_exception.InvalidInput, match="docker_key_user"):
        boots.archive(image(), properties={"docker_key_user": "absent"}, key_data=KEY)


def test_the_home_may_be_behind_links(boots, api):
    made = image()
    made.files["var/data/x"] = b""
    made.links.update({"data": "var/data", "var/data/.ssh": "../keys"})
    made.files["var/keys/x"] = b""
    made.files["etc/passwd"] = b"root:x:0:0::/data:/bin/sh\n"
    instance = boots.archive(made, key_data=KEY)
    assert inside(api, instance, "cat", "/data/.ssh/authorized_keys") == KEY
    assert stat(api, instance, "/var/keys") == "700 0 0"


@pytest.mark.parametrize("left", ["sandbox and store", "store"])
def test_what_a_killed_boot_left_goes_at_the_next_start(driver, api, left):
    instance = instances.instance(key_data=KEY)
    driver._sandboxes.create_draft(instance)
    if left == "store":
        api.remove_container(naming.draft_sandbox_name(instance.uuid), v=True)
    assert naming.store_name(instance.uuid) in str(api.volumes())
    reconcile.reconcile(driver._engine, driver._network, driver._sandboxes)
    assert naming.store_name(instance.uuid) not in str(api.volumes())
    assert instance.uuid not in str(api.containers(all=True))
