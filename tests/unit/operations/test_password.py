"""The administrator's password: where it goes, and what a user is told when it cannot."""

from types import SimpleNamespace
import uuid

from nova import exception as nova_exception
from oslo_utils import secretutils
import pytest

from nova_docker.operations import password
from nova_docker.translate import naming
from tests.archives import Image
from tests.archives import pieces
from tests.fakes.engine import FakeEngine

SHADOW = b"root:*:0:0:99999:7:::\napp:!:0:0:99999:7:::\n"


def instance(**properties: str) -> SimpleNamespace:
    return SimpleNamespace(
        uuid=str(uuid.uuid4()), name="instance-00000001",
        system_metadata={f"image_{key}": value for key, value in properties.items()})


def run(engine: FakeEngine, of: SimpleNamespace, shadow: bytes | None) -> str:
    """A workload whose image may have a shadow file.  Its name."""
    files = {"/bin/sleep": b"", "/etc/passwd": b"", **({"/etc/shadow": shadow} if shadow else {})}
    made = Image(files=files, command=["/bin/sleep", "1000"])
    engine.load_image(pieces(made.archive()))
    name = naming.workload_name(of.uuid)
    engine.create_container(name, {"Image": made.id})
    engine.start_container(name)
    return name


@pytest.mark.parametrize("properties", [{}, {"os_admin_user": "app"}])
def test_the_administrators_hash_is_set_and_no_other(engine: FakeEngine, properties):
    server = instance(**properties)
    name = run(engine, server, SHADOW)
    before = engine.read_file(name, "/etc/shadow")
    password.set_password(engine, server, "correct horse")
    after = engine.read_file(name, "/etc/shadow")
    entries = dict(line.split(":")[:2] for line in after.content.decode().splitlines())
    hashed = entries.pop(properties.get("os_admin_user", "root"))
    assert secretutils.crypt_password("correct horse", hashed) == hashed
    assert hashed.startswith("$6$")
    assert set(entries.values()) <= {"*", "!"}
    assert (after.mode, after.uid, after.gid) == (before.mode, before.uid, before.gid)


@pytest.mark.parametrize(("shadow", "properties", "advice"), [
    (None, {}, "no /etc/shadow"),
    (SHADOW, {"os_admin_user": "admin"}, "no user 'admin'.*os_admin_user"),
])
def test_what_cannot_be_set_is_refused_with_what_to_change(engine, shadow, properties, advice):
    server = instance(**properties)
    run(engine, server, shadow)
    with pytest.raises(nova_exception.SetAdminPasswdNotSupported, match=advice):
        password.set_password(engine, server, "secret")


def test_an_absent_instance_is_not_found(engine: FakeEngine):
    with pytest.raises(nova_exception.InstanceNotFound):
        password.set_password(engine, instance(), "secret")


def test_the_log_says_so_without_the_password(engine: FakeEngine, caplog):
    caplog.set_level("INFO")
    server = instance()
    run(engine, server, SHADOW)
    password.set_password(engine, server, "hunter2-hunter2")
    assert "Set the password of user root" in caplog.text
    assert "hunter2" not in caplog.text
    assert "$6$" not in caplog.text


def test_a_boot_gets_the_password_that_nova_made(engine: FakeEngine):
    server = instance()
    name = run(engine, server, SHADOW)
    password.set_first_password(engine, server, "made by nova")
    hashed = engine.read_file(name, "/etc/shadow").content.decode().split(":")[1]
    assert secretutils.crypt_password("made by nova", hashed) == hashed


@pytest.mark.parametrize("first", ["made by nova", None, ""])
def test_a_boot_needs_no_image_that_can_have_one(engine: FakeEngine, first):
    server = instance()
    run(engine, server, None)
    password.set_first_password(engine, server, first)
    assert "write_file" not in {call[0] for call in engine.calls}
