"""What a booted container has of its instance, and where."""

from types import SimpleNamespace
from typing import Any

from nova import exception as nova_exception
import pytest

from nova_docker import configdrive
from nova_docker.engine.client import File
from nova_docker.engine.client import Folder
from nova_docker.operations import identity
from nova_docker.operations import sandbox
from nova_docker.translate import naming
from tests.archives import Image
from tests.archives import pieces
from tests.fakes.engine import FakeEngine

KEY = "ssh-ed25519 AAAAC3Nza someone@laptop"
FILES = {"/bin/sleep": b"", "/etc/passwd": b"root:x:0:0::/root:/bin/sh\napp:x:7:8::/home/app:/x\n",
         "/home/app/.ssh/authorized_keys": b"ssh-rsa baked\n", "/etc/machine-id": b"0" * 32}


@pytest.fixture
def make(engine: FakeEngine, sandboxes: sandbox.Sandboxes, instance: SimpleNamespace):
    """Make the containers.  :returns: the workload's name"""
    def made(files: Any = (), image: dict[str, bytes] = FILES) -> str:
        archive = Image(files=image, command=["/bin/sleep", "9"])
        engine.load_image(pieces(archive.archive()))
        sandboxes.remove(instance.uuid)
        sandboxes.create_draft(instance)
        identity.Identities(engine).create_workload(
            instance, {"Image": archive.id, "HostConfig": {}}, files)
        return naming.workload_name(instance.uuid)
    return made


def test_without_wishes_nothing_is_mounted(engine: FakeEngine, instance, make):
    name = make()
    assert engine.inspect_container(name)["Mounts"] == []
    assert engine.inspect_container(naming.draft_sandbox_name(instance.uuid))["Mounts"] == []


@pytest.mark.parametrize(("user", "home", "owner", "before"), [
    (None, "/root", (0, 0), b""), ("app", "/home/app", (7, 8), b"ssh-rsa baked\n")])
def test_the_user_has_the_key_beside_the_images_own(
        engine: FakeEngine, instance, make, user, home, owner, before):
    instance.key_data = KEY
    if user:
        instance.system_metadata["image_docker_key_user"] = user
    name = make()
    path = f"{home}/.ssh/authorized_keys"
    assert engine.read_file(name, path) == File(before + KEY.encode() + b"\n", 0o600, *owner)
    files = engine._find(name, "look").files
    assert files[f"{home}/.ssh"] == Folder(0o700, *owner)
    assert path not in files or files[path].content == before, "the key is on the disk"


def test_a_user_that_the_image_has_not_is_a_mistake_and_no_root_is_none(
        engine: FakeEngine, instance, make):
    instance.key_data = KEY
    instance.system_metadata["image_docker_key_user"] = "absent"
    with pytest.raises(nova_exception.InvalidInput, match=r"docker_key_user.*'absent'"):
        make()
    engine.remove_container(naming.workload_name(instance.uuid))
    del instance.system_metadata["image_docker_key_user"]
    name = make(image={"/bin/sleep": b""})
    assert engine.inspect_container(name)["Mounts"] == []


def test_every_instance_has_a_machine_id_of_its_own_where_the_image_has_one(
        engine: FakeEngine, instance, make):
    file = engine.read_file(make(), "/etc/machine-id")
    assert file == File(instance.uuid.replace("-", "").encode() + b"\n", 0o444, 0, 0)


def test_files_are_injected_for_root_with_the_folders_they_need(engine: FakeEngine, make):
    name = make([("/etc/motd", b"hello"), ("/srv/a/b", b"1"), ("srv/a/c", b"2")])
    assert engine.read_file(name, "/etc/motd") == File(b"hello", 0o644, 0, 0)
    assert engine.read_file(name, "/srv/a/b").content == b"1"
    files = engine._find(name, "look").files
    assert files["/srv"] == files["/srv/a"] == Folder(0o755, 0, 0)
    assert "/etc" not in files


@pytest.mark.parametrize(("files", "why"), [
    ([("/etc", b"")], "is a folder in the image"),
    ([("/etc/passwd/x", b"")], "is below /etc/passwd, which is no folder"),
    ([("/new", b""), ("/new/x", b"")], "is below /new, which is a file"),
])
def test_a_file_is_not_injected_where_the_images_files_forbid_it(make, files, why):
    with pytest.raises(nova_exception.InvalidInput, match=why):
        make(files)


def test_an_injected_file_of_keys_is_kept_and_the_key_added(engine: FakeEngine, instance, make):
    instance.key_data = KEY
    name = make([("/root/.ssh/authorized_keys", b"ssh-rsa injected\n")])
    assert engine.read_file(name, "/root/.ssh/authorized_keys").content == (
        f"ssh-rsa injected\n{KEY}\n".encode())


def test_the_drive_is_where_cloud_init_and_people_look_for_it(
        engine: FakeEngine, instance, make, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(configdrive, "content", lambda *_: {
        "openstack/latest/meta_data.json": b"{}", "openstack/latest/user_data": b"#!"})
    instance.config_drive = "True"
    name = make()
    identity.Identities(engine).write_drive(instance, [], [], "secret")
    for root in ("/mnt/config", "/var/lib/cloud/seed/config_drive"):
        assert engine.read_file(name, f"{root}/openstack/latest/user_data") == File(
            b"#!", 0o444, 0, 0)
        assert engine.read_file(name, f"{root}/openstack/latest/meta_data.json").mode == 0o400
    assert all(bind.endswith(":ro") for bind in
               engine.inspect_container(name)["HostConfig"]["Binds"])


def test_what_a_failed_boot_left_is_made_anew(engine: FakeEngine, sandboxes, instance, make):
    sandboxes.ensure_running(instance)
    instance.key_data = KEY
    assert engine.read_file(make(), "/root/.ssh/authorized_keys").content


def test_a_sandbox_that_was_lost_has_the_same_store_again(
        engine: FakeEngine, sandboxes: sandbox.Sandboxes, instance, make):
    instance.key_data = KEY
    name = make()
    sandboxes.finish_draft(instance.uuid)
    engine.remove_container(naming.sandbox_name(instance.uuid))
    sandboxes.ensure_running(instance)
    assert KEY in engine.read_file(name, "/root/.ssh/authorized_keys").content.decode()
    sandboxes.remove(instance.uuid)
    assert engine.volumes == {}
