"""Another container takes an instance's place, repairs its files, and goes."""

from unittest import mock

from nova import exception as nova_exception
from nova.compute import power_state
import pytest

from nova_docker import exception
from nova_docker.operations import reconcile
from nova_docker.operations import rescue
from nova_docker.translate import naming
from tests.engine import instances
from tests.engine import waiting
from tests.engine.test_password import with_shadow
from tests.engine.test_spawn import inside

IMAGE = "5e5c0e00-0000-4000-8000-00000000c0de"
# Fails once somebody has broken its configuration.
PROGRAM = '''test -f /config || echo good > /config
grep -q good /config && echo up && exec sleep 3600'''


@pytest.fixture
def vifs():
    return instances.network(instances.vif())


@pytest.fixture
def instance(boots, vifs):
    made = boots.archive(instances.busybox(command=["sh", "-c", PROGRAM]), vifs)
    made.obj_reset_changes()
    wait_for_output(boots, made, "up")
    with mock.patch.object(type(made), "get_network_info", return_value=vifs):
        yield made


@pytest.fixture
def rescue_image(boots):
    """Another image, in Glance.  Its id."""
    boots.glance.images[IMAGE] = with_shadow(
        command=["sh", "-c", "echo rescuing; exec sleep 3600"]).archive()
    boots._fetched.append(f"{naming.GLANCE_REPOSITORY}:{IMAGE}")
    known = {"checksum": "0" * 32, "properties": {}}
    with mock.patch("nova.image.glance.API.get", return_value=known):
        yield IMAGE


@pytest.fixture
def begin(boots, vifs, instance):
    def begin(image_id: str = instance.image_ref, password: str = "rescuer") -> None:
        boots.driver.rescue(boots.context, instance, vifs, instances.image_meta(image_id),
                            password, None, None)
    return begin


def start_up(driver):
    reconcile.reconcile(driver._engine, driver._network, driver._sandboxes)


def wait_for_output(boots, instance, text):
    waiting.until(lambda: text in boots.driver.get_console_output(boots.context, instance))


def state(boots, instance):
    return boots.driver.get_info(instance).state


def break_it(boots, api, instance):
    inside(api, instance, "sh", "-c", "echo bad > /config; echo mine > /mine")
    boots.driver.power_off(instance)


def test_a_broken_instance_is_repaired_and_keeps_its_network_and_other_files(
        boots, api, instance, rescue_image, begin):
    link = inside(api, instance, "ip", "-o", "link", "show", "eth0").split()[1]
    break_it(boots, api, instance)
    begin(rescue_image)
    assert state(boots, instance) == power_state.RUNNING
    wait_for_output(boots, instance, "rescuing")
    assert inside(api, instance, "cat", "/mnt/rescue/config").strip() == "bad"
    assert inside(api, instance, "ip", "-o", "link", "show", "eth0").split()[1] == link
    assert ":$6$" in inside(api, instance, "cat", "/etc/shadow")
    inside(api, instance, "sh", "-c", "echo good > /mnt/rescue/config; echo lost > /lost")

    boots.driver.unrescue(boots.context, instance)
    assert state(boots, instance) == power_state.RUNNING
    assert inside(api, instance, "cat", "/config", "/mine").split() == ["good", "mine"]
    changed = {change["Path"] for change in api.diff(naming.workload_name(instance.uuid))}
    assert not changed & {"/lost", "/mnt", "/mnt/rescue", "/etc/shadow"}
    assert api.volumes()["Volumes"] in (None, [])


def test_who_has_the_key_of_an_instance_enters_its_rescue(boots, api, vifs):
    made = boots.archive(instances.busybox(), vifs, key_data="ssh-ed25519 AAAAC3Nza me@laptop")
    boots.driver.rescue(boots.context, made, vifs, instances.image_meta(made.image_ref),
                        None, None, None)
    assert "AAAAC3Nza" in inside(api, made, "sh", "-c", "cat /*/.ssh/authorized_keys ~/.ssh/*")


def test_without_an_image_the_instances_own_runs_beside_its_files(
        boots, api, instance, begin):
    inside(api, instance, "sh", "-c", "echo mine > /mine")
    boots.glance.images.clear()
    begin()
    assert inside(api, instance, "cat", "/mnt/rescue/mine").strip() == "mine"
    assert "mine" not in inside(api, instance, "ls", "/").split()


def test_a_rescued_instance_is_one_and_can_be_powered_and_rebooted(
        boots, api, instance, vifs, begin):
    own = api.inspect_container(naming.workload_name(instance.uuid))["HostConfig"]
    begin()
    assert boots.driver.list_instance_uuids() == [instance.uuid]
    assert boots.driver.get_num_instances() == 1
    limits = api.inspect_container(naming.workload_name(instance.uuid))["HostConfig"]
    for limit in ("Memory", "MemorySwap", "CpuQuota", "PidsLimit", "CapDrop"):
        assert limits[limit] == own[limit]
    sandbox = api.inspect_container(naming.sandbox_name(instance.uuid))["Id"]
    assert limits["NetworkMode"] == f"container:{sandbox}"
    boots.driver.power_off(instance)
    assert state(boots, instance) == power_state.SHUTDOWN
    boots.driver.power_on(boots.context, instance, vifs)
    boots.driver.reboot(boots.context, instance, vifs, "HARD")
    assert state(boots, instance) == power_state.RUNNING
    assert inside(api, instance, "cat", "/mnt/rescue/config").strip() == "good"


def test_the_volumes_that_the_image_declares_are_there_and_stay(boots, api, vifs):
    image = instances.busybox()
    made = boots.archive(image, vifs)
    name = naming.workload_name(made.uuid)
    # As if its image had declared it.
    config = api.inspect_container(name)
    api.remove_container(name, force=True)
    api.create_container_from_config({
        **config["Config"], "Hostname": None, "Volumes": {"/data": {}},
        "HostConfig": config["HostConfig"]}, name)
    api.start(name)
    inside(api, made, "sh", "-c", "echo kept > /data/file")
    with mock.patch.object(type(made), "get_network_info", return_value=vifs):
        boots.driver.rescue(boots.context, made, vifs, instances.image_meta(made.image_ref),
                            None, None, None)
        assert inside(api, made, "cat", "/mnt/rescue/data/file").strip() == "kept"
        boots.driver.unrescue(boots.context, made)
    assert inside(api, made, "cat", "/data/file").strip() == "kept"


def test_a_rescued_instance_is_deleted_with_all_that_it_had(boots, instance, vifs, begin, api):
    begin()
    boots.driver.destroy(boots.context, instance, vifs)
    assert not boots.driver.instance_exists(instance)
    assert api.volumes()["Volumes"] in (None, [])


def test_what_is_restored_after_a_soft_deletion_is_rescued_no_more(
        boots, api, instance, vifs, begin):
    begin()
    for _ in range(2):
        boots.driver.soft_delete(instance)
        assert state(boots, instance) == power_state.SHUTDOWN
    boots.driver.power_on(boots.context, instance, vifs)
    assert inside(api, instance, "cat", "/config").strip() == "good"


def test_a_rescue_can_begin_anew_with_another_image(boots, api, instance, begin, rescue_image):
    begin()
    begin(rescue_image)
    assert inside(api, instance, "cat", "/mnt/rescue/config").strip() == "good"
    waiting.until(lambda: "rescuing" in boots.driver.get_console_output(boots.context, instance))


def test_an_image_that_cannot_be_run_leaves_the_original_in_its_place(
        boots, api, instance, rescue_image, begin, vifs):
    boots.glance.images[rescue_image] = instances.busybox(command=["no-such-program"]).archive()
    with pytest.raises(exception.NotRescuable, match="os_command_line"):
        begin(rescue_image)
    assert state(boots, instance) == power_state.SHUTDOWN
    boots.driver.power_on(boots.context, instance, vifs)
    assert inside(api, instance, "cat", "/config").strip() == "good"


def test_an_absent_instance_is_said_to_be_absent(boots, vifs):
    absent = instances.instance(image_ref=IMAGE)
    with mock.patch.object(type(absent), "get_network_info", return_value=vifs):
        with pytest.raises(nova_exception.InstanceNotFound):
            boots.driver.unrescue(boots.context, absent)
        with pytest.raises(nova_exception.InstanceNotFound):
            boots.driver.rescue(boots.context, absent, vifs, instances.image_meta(IMAGE),
                                None, None, None)
    assert not boots.driver.instance_exists(absent)


@pytest.mark.parametrize("died_before", ["create_container", "start_container"])
def test_a_start_up_ends_a_rescue_that_died_half_way(
        boots, api, instance, vifs, begin, died_before):
    with (mock.patch.object(rescue.undo.UndoStack, "push"),
          mock.patch.object(boots.driver._engine, died_before,
                            side_effect=exception.EngineError(action="x", reason="killed")),
          pytest.raises(exception.EngineError)):
        begin()
    start_up(boots.driver)
    assert state(boots, instance) == power_state.SHUTDOWN
    boots.driver.power_on(boots.context, instance, vifs)
    assert inside(api, instance, "cat", "/config").strip() == "good"


def test_a_start_up_leaves_a_rescue_alone(boots, api, instance, begin):
    begin()
    start_up(boots.driver)
    assert inside(api, instance, "cat", "/mnt/rescue/config").strip() == "good"


def test_an_unrescue_that_died_half_way_is_repeated(boots, api, instance, begin):
    begin()
    api.remove_container(naming.workload_name(instance.uuid), force=True, v=True)
    for _ in range(2):
        boots.driver.unrescue(boots.context, instance)
        assert inside(api, instance, "cat", "/config").strip() == "good"
