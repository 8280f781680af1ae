"""The administrator's password on a running instance, whatever programs its image has."""

from nova import exception as nova_exception
from oslo_utils import secretutils
import pytest

from nova_docker.translate import naming
from tests.engine import instances
from tests.engine import waiting
from tests.engine.test_spawn import inside

SHADOW = b"root:*:0:0:99999:7:::\napp:!:0:0:99999:7:::\n"


def with_shadow(**changes):
    image = instances.busybox(**changes)
    image.files["etc/shadow"] = SHADOW
    return image


def test_a_running_instance_gets_it_twice_and_keeps_it_over_a_reboot(boots, api):
    instance = boots.archive(with_shadow())
    for password in ("first", "correct horse"):
        boots.driver.set_admin_password(instance, password)
    boots.driver.reboot(boots.context, instance, instances.network(), "HARD")
    root, app = inside(api, instance, "cat", "/etc/shadow").splitlines()
    hashed = root.split(":")[1]
    assert secretutils.crypt_password("correct horse", hashed) == hashed
    assert app == "app:!:0:0:99999:7:::"
    assert inside(api, instance, "stat", "-c", "%a %u %g", "/etc/shadow") == "755 0 0"


def test_the_first_instruction_sees_the_password_of_the_boot(boots):
    boots.admin_password = "made by nova"
    image = with_shadow(command=["sh", "-c", "head -n 1 /etc/shadow; exec sleep 3600"])
    instance = boots.archive(image)
    waiting.until(lambda: "99999" in boots.driver.get_console_output(boots.context, instance),
                  seconds=60)
    shown = boots.driver.get_console_output(boots.context, instance)
    hashed = shown.split(":")[1]
    assert secretutils.crypt_password("made by nova", hashed) == hashed


def test_an_image_without_passwords_says_so_and_is_left_as_it_was(boots, api):
    boots.admin_password = "made by nova"
    instance = boots.archive(instances.busybox())
    with pytest.raises(nova_exception.SetAdminPasswdNotSupported, match="no /etc/shadow"):
        boots.driver.set_admin_password(instance, "secret")
    changes = api.diff(naming.workload_name(instance.uuid)) or []
    assert "/etc/shadow" not in {change["Path"] for change in changes}
