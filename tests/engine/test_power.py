"""An instance lives, stops, is paused and rebooted as Nova's API promises."""

import time

from nova import exception as nova_exception
from nova.compute import power_state
import pytest

from nova_docker.translate import naming
from tests.engine import instances
from tests.engine import waiting


def state(boots, instance):
    return boots.driver.get_info(instance).state


def test_an_archive_boots_and_is_counted(boots):
    instance = boots.archive(instances.busybox())
    assert state(boots, instance) == power_state.RUNNING
    assert boots.driver.list_instance_uuids() == [instance.uuid]
    assert boots.driver.list_instances() == [instance.name]
    assert boots.driver.get_num_instances() == 1
    assert boots.driver.instance_exists(instance)


def test_an_image_of_a_registry_boots(boots, registry):
    instance = boots.reference(registry.publish("web/app", "1", instances.busybox()))
    assert state(boots, instance) == power_state.RUNNING
    assert boots.glance.downloads == 0


def test_power_off_and_on(boots):
    instance = boots.archive(instances.busybox())
    boots.driver.power_off(instance, timeout=0)
    assert state(boots, instance) == power_state.SHUTDOWN
    boots.driver.power_off(instance, timeout=0)
    boots.driver.power_on(boots.context, instance, instances.network())
    assert state(boots, instance) == power_state.RUNNING
    boots.driver.power_on(boots.context, instance, instances.network())


def test_power_off_gives_the_process_its_time_to_end(boots):
    program = 'trap "echo bye; exit 0" TERM; while :; do sleep 0.1; done'
    instance = boots.archive(instances.busybox(command=["sh", "-c", program]))
    begin = time.monotonic()
    boots.driver.power_off(instance, timeout=20, retry_interval=1)
    assert time.monotonic() - begin < 10
    assert "bye" in boots.driver.get_console_output(boots.context, instance)


def test_power_off_kills_a_process_that_does_not_end(boots):
    program = 'trap "" TERM; while :; do sleep 0.1; done'
    instance = boots.archive(instances.busybox(command=["sh", "-c", program]))
    begin = time.monotonic()
    boots.driver.power_off(instance, timeout=1)
    assert 0.9 < time.monotonic() - begin < 10
    assert state(boots, instance) == power_state.SHUTDOWN


def test_pause_freezes_and_unpause_thaws(boots):
    instance = boots.archive(instances.busybox())
    for _ in range(2):
        boots.driver.pause(instance)
        assert state(boots, instance) == power_state.PAUSED
    for _ in range(2):
        boots.driver.unpause(instance)
        assert state(boots, instance) == power_state.RUNNING


@pytest.mark.parametrize("reboot_type", ["SOFT", "HARD"])
def test_a_reboot_starts_the_command_again_on_the_same_disk(boots, api, reboot_type):
    program = "echo boot >> /boots; wc -l < /boots; exec sleep 3600"
    instance = boots.archive(instances.busybox(command=["sh", "-c", program]))
    boots.driver.reboot(boots.context, instance, instances.network(), reboot_type)
    waiting.until(
        lambda: boots.driver.get_console_output(boots.context, instance).split() == ["1", "2"])
    assert state(boots, instance) == power_state.RUNNING


@pytest.mark.parametrize("reboot_type", ["SOFT", "HARD"])
def test_a_stopped_instance_can_be_rebooted(boots, reboot_type):
    instance = boots.archive(instances.busybox())
    boots.driver.power_off(instance)
    boots.driver.reboot(boots.context, instance, instances.network(), reboot_type)
    assert state(boots, instance) == power_state.RUNNING


def test_a_paused_instance_can_be_rebooted_hard(boots):
    instance = boots.archive(instances.busybox())
    boots.driver.pause(instance)
    boots.driver.reboot(boots.context, instance, instances.network(), "HARD")
    assert state(boots, instance) == power_state.RUNNING


def test_a_paused_instance_can_be_stopped_and_destroyed(boots):
    instance = boots.archive(instances.busybox())
    boots.driver.pause(instance)
    boots.driver.power_off(instance)
    assert state(boots, instance) == power_state.SHUTDOWN
    boots.driver.power_on(boots.context, instance, instances.network())
    boots.driver.pause(instance)
    boots.driver.destroy(boots.context, instance, instances.network())
    assert not boots.driver.instance_exists(instance)


def test_a_program_that_fails_shows_as_crashed_and_one_that_ends_as_stopped(boots):
    crashed = boots.archive(instances.busybox(command=["sh", "-c", "exit 3"]))
    ended = boots.archive(instances.busybox(command=["true"]))
    waiting.until(lambda: state(boots, crashed) == power_state.CRASHED)
    waiting.until(lambda: state(boots, ended) == power_state.SHUTDOWN)


def test_an_absent_instance_is_said_to_be_absent(boots):
    absent = instances.instance()
    driver, network = boots.driver, instances.network()
    for call in (lambda: driver.get_info(absent),
                 lambda: driver.get_console_output(boots.context, absent),
                 lambda: driver.power_on(boots.context, absent, network),
                 lambda: driver.reboot(boots.context, absent, network, "HARD"),
                 lambda: driver.pause(absent), lambda: driver.unpause(absent),
                 lambda: driver.resume(boots.context, absent, network)):
        with pytest.raises(nova_exception.InstanceNotFound, match=absent.uuid):
            call()
    driver.power_off(absent)
    assert not driver.instance_exists(absent)


def test_the_console_is_the_end_of_the_output_and_readable_after_the_end(boots):
    program = "i=0; while [ $i -lt 30000 ]; do echo line-$i; i=$((i+1)); done; printf '\\303\\251'"
    instance = boots.archive(instances.busybox(command=["sh", "-c", program]))
    waiting.until(lambda: state(boots, instance) == power_state.SHUTDOWN)
    text = boots.driver.get_console_output(boots.context, instance)
    assert isinstance(text, str)
    assert len(text) <= 100 * 1024
    assert "line-29999" in text
    assert "line-0\n" not in text
    assert text.encode("latin-1").endswith("é".encode())


def test_destroy_leaves_nothing_and_can_be_repeated(boots):
    network = instances.network(instances.vif())
    instance = boots.archive(instances.busybox(), network)
    for _ in range(2):
        boots.driver.destroy(boots.context, instance, network)
        assert boots.driver.list_instances() == []


@pytest.mark.parametrize("lost", [naming.workload_name, naming.sandbox_name])
def test_destroy_copes_with_half_an_instance(boots, api, lost):
    network = instances.network(instances.vif())
    instance = boots.archive(instances.busybox(), network)
    api.remove_container(lost(instance.uuid), force=True)
    boots.driver.destroy(boots.context, instance, network)
    assert not boots.driver.instance_exists(instance)


def test_destroy_without_its_disks_keeps_them_for_the_next_start(boots, api):
    network = instances.network(instances.vif())
    program = "echo boot >> /boots; wc -l < /boots; exec sleep 3600"
    instance = boots.archive(instances.busybox(command=["sh", "-c", program]), network)
    boots.driver.destroy(boots.context, instance, network, destroy_disks=False)
    assert state(boots, instance) != power_state.RUNNING
    boots.driver.power_on(boots.context, instance, network)
    waiting.until(lambda: "2" in boots.driver.get_console_output(boots.context, instance))


def test_a_sandbox_that_somebody_removed_is_made_again(boots, api):
    network = instances.network(instances.vif())
    instance = boots.archive(instances.busybox(), network)
    api.remove_container(naming.sandbox_name(instance.uuid), force=True)
    boots.driver.reboot(boots.context, instance, network, "HARD")
    assert state(boots, instance) == power_state.RUNNING
    shown = api.exec_start(api.exec_create(
        naming.workload_name(instance.uuid), ["ip", "-o", "link"])["Id"])
    assert b"eth0" in shown


def test_neither_another_hosts_nor_a_foreign_container_is_ours(boots, api, settings, host):
    instance = boots.archive(instances.busybox())
    image = api.inspect_container(naming.workload_name(instance.uuid))["Image"]
    foreign = api.create_container(image, ["sleep", "9"], labels={"com.example": "x"})
    try:
        assert boots.driver.list_instance_uuids() == [instance.uuid]
        settings.config(host="another")
        assert boots.driver.list_instance_uuids() == []
    finally:
        api.remove_container(foreign, force=True)
        settings.config(host=host)


def test_suspend_freezes_and_resume_thaws(boots):
    instance = boots.archive(instances.busybox())
    boots.driver.suspend(boots.context, instance)
    assert state(boots, instance) == power_state.PAUSED
    boots.driver.resume(boots.context, instance, instances.network())
    assert state(boots, instance) == power_state.RUNNING
    boots.driver.resume(boots.context, instance, instances.network())


def test_what_was_suspended_or_ran_comes_back_after_the_host_did(boots, api):
    vifs = instances.network(instances.vif())
    instance = boots.archive(instances.busybox(), vifs)
    for call in (lambda: boots.driver.resume(boots.context, instance, vifs),
                 lambda: boots.driver.resume_state_on_host_boot(
                     boots.context, instance, vifs, share_info=None)):
        # All that the engine runs is dead after the host was.
        for name in (naming.workload_name(instance.uuid), naming.sandbox_name(instance.uuid)):
            api.kill(name)
        waiting.until(lambda: state(boots, instance) != power_state.RUNNING)
        call()
        assert state(boots, instance) == power_state.RUNNING
        shown = api.exec_start(api.exec_create(
            naming.workload_name(instance.uuid), ["ip", "-o", "link"])["Id"])
        assert b"eth0" in shown
