"""A resize in place, by the engine's word and by that of the kernel inside."""

from types import SimpleNamespace

from nova import exception as nova_exception
from nova import objects
from nova.compute import power_state
import nova.conf
import pytest

from nova_docker.translate import naming
from tests.engine import instances

CONF = nova.conf.CONF
HERE = SimpleNamespace(source_compute="here", dest_compute="here")
MIB = 1 << 20


def flavor(**changes):
    return instances.instance(**changes).flavor


LARGE = {"vcpus": 2, "memory_mb": 128, "root_gb": 2, "extra_specs": {"docker:pids_limit": "50"}}


@pytest.fixture
def vifs():
    return instances.network(instances.vif())


def resize(boots, instance, new, vifs, power_on=True):
    """As the compute manager does."""
    disk_info = boots.driver.migrate_disk_and_power_off(
        boots.context, instance, CONF.my_ip, new, vifs)
    instance.old_flavor, instance.flavor = instance.flavor, new
    boots.driver.finish_migration(
        boots.context, HERE, instance, disk_info, vifs, instance.image_meta, True, {},
        power_on=power_on)


def revert(boots, instance, vifs, power_on=True):
    """As the compute manager does."""
    instance.task_state = "resize_reverting"
    data = boots.driver.check_instance_shared_storage_local(boots.context, instance)
    here = boots.driver.check_instance_shared_storage_remote(boots.context, data)
    boots.driver.destroy(boots.context, instance, vifs, destroy_disks=not here)
    instance.flavor, instance.task_state = instance.old_flavor, None
    boots.driver.finish_revert_migration(boots.context, instance, vifs, HERE, power_on=power_on)


def inside(api, instance, *command):
    return api.exec_start(api.exec_create(
        naming.workload_name(instance.uuid), [*command])["Id"]).decode()


def kernel_limits(api, instance):
    """What the kernel holds the instance to: (MiB, CPUs, processes)."""
    one = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.cfs_quota_us " \
          "/sys/fs/cgroup/pids/pids.max"
    two = "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max /sys/fs/cgroup/pids.max"
    unified = "memory.max" in inside(api, instance, "ls", "/sys/fs/cgroup")
    memory, quota, *_, pids = inside(api, instance, "sh", "-c", two if unified else one).split()
    return int(memory) // MIB, int(quota) // 100_000, int(pids)


def shown_limits(api, instance):
    """The same by the engine's word."""
    host = api.inspect_container(naming.workload_name(instance.uuid))["HostConfig"]
    return host["Memory"] // MIB, host["CpuQuota"] // 100_000, host["PidsLimit"]


def state(api, instance):
    return api.inspect_container(naming.workload_name(instance.uuid))["State"]


def nics(api, instance):
    shown = inside(api, instance, "ip", "-o", "addr", "show", "eth0")
    # The kernel takes the link's own IPv6 address for tentative during a second.
    return (api.inspect_container(naming.sandbox_name(instance.uuid))["Id"],
            shown.replace(" tentative", ""))


def test_an_instance_grows_while_it_runs_and_shrinks_back(boots, api, vifs):
    instance = boots.archive(instances.busybox(), vifs)
    before, network = state(api, instance), nics(api, instance)
    inside(api, instance, "sh", "-c", "echo kept > /kept")
    resize(boots, instance, flavor(**LARGE), vifs)
    assert state(api, instance)["StartedAt"] == before["StartedAt"], "it was restarted"
    assert kernel_limits(api, instance) == shown_limits(api, instance) == (128, 2, 50)
    assert nics(api, instance) == network
    revert(boots, instance, vifs)
    assert kernel_limits(api, instance) == shown_limits(api, instance) == (64, 1, 4096)
    assert nics(api, instance) == network
    assert inside(api, instance, "cat", "/kept") == "kept\n"


def test_an_instance_that_gets_less_memory_is_restarted_and_confirmed(boots, api, vifs):
    instance = boots.archive(instances.busybox(), vifs)
    before, network = state(api, instance), nics(api, instance)
    resize(boots, instance, flavor(memory_mb=32), vifs)
    boots.driver.confirm_migration(boots.context, HERE, instance, vifs)
    assert state(api, instance)["StartedAt"] != before["StartedAt"]
    assert kernel_limits(api, instance) == (32, 1, 4096)
    assert nics(api, instance) == network


def test_a_stopped_instance_is_resized_and_reverted_and_stays_stopped(boots, api, vifs):
    instance = boots.archive(instances.busybox(), vifs)
    boots.driver.power_off(instance)
    resize(boots, instance, flavor(**LARGE), vifs, power_on=False)
    assert (shown_limits(api, instance), state(api, instance)["Running"]) == ((128, 2, 50), False)
    revert(boots, instance, vifs, power_on=False)
    assert (shown_limits(api, instance), state(api, instance)["Running"]) == ((64, 1, 4096), False)
    boots.driver.power_on(boots.context, instance, vifs)
    assert kernel_limits(api, instance) == (64, 1, 4096)


def test_a_resize_that_broke_off_goes_back_or_forth_by_repetition(boots, api, vifs):
    instance = boots.archive(instances.busybox(), vifs)
    large = flavor(**LARGE)
    # nova-compute dies in the first step, and goes back when it starts again.
    boots.driver.migrate_disk_and_power_off(boots.context, instance, CONF.my_ip, large, vifs)
    boots.driver.finish_revert_migration(boots.context, instance, vifs, HERE)
    assert kernel_limits(api, instance) == (64, 1, 4096)
    # It dies in the second step; a hard reboot makes of it what Nova knows.
    boots.driver.migrate_disk_and_power_off(boots.context, instance, CONF.my_ip, large, vifs)
    instance.flavor = large
    boots.driver.reboot(boots.context, instance, vifs, "HARD")
    assert kernel_limits(api, instance) == (128, 2, 50)


def test_what_cannot_be_is_refused_while_the_instance_runs_on(boots, api, vifs):
    instance = boots.archive(instances.busybox(), vifs, root_gb=2)
    before = api.inspect_container(naming.workload_name(instance.uuid))
    for address, new, reason in (
            (CONF.my_ip, flavor(root_gb=1), "at least 2 GiB"),
            ("192.0.2.7", flavor(root_gb=2), "own host only")):
        with pytest.raises(nova_exception.InstanceFaultRollback, match=reason):
            boots.driver.migrate_disk_and_power_off(boots.context, instance, address, new, vifs)
    assert api.inspect_container(naming.workload_name(instance.uuid)) == before
    assert boots.driver.get_info(instance).state == power_state.RUNNING


def test_what_only_a_new_container_can_have_comes_and_goes_with_the_files_kept(
        boots, api, vifs):
    """The image declares a volume, and the key is bound in: neither is in a commit."""
    key = "ssh-ed25519 AAAAC3Nza someone@laptop"
    instance = boots.archive(instances.busybox(volumes=["/data"]), vifs, key_data=key)
    first, network = api.inspect_container(naming.workload_name(instance.uuid)), nics(api, instance)
    inside(api, instance, "sh", "-c", "echo layer > /kept; echo volume > /data/kept")
    granting = flavor(extra_specs={"docker:cap_add": "NET_ADMIN", "docker:shm_size_mb": "7"})
    resize(boots, instance, granting, vifs)
    assert "7168k" in inside(api, instance, "grep", " /dev/shm ", "/proc/mounts")
    inside(api, instance, "ip", "link", "set", "lo", "mtu", "1234")
    assert "mtu 1234" in inside(api, instance, "ip", "link", "show", "lo")
    boots.driver.rescue(boots.context, instance, vifs, instance.image_meta, None, None, None)
    assert inside(api, instance, "cat", "/mnt/rescue/kept", "/mnt/rescue/data/kept").split() == [
        "layer", "volume"]
    assert "kept" not in inside(api, instance, "ls", "/").split()
    instance.info_cache = objects.InstanceInfoCache(network_info=vifs)
    boots.driver.unrescue(boots.context, instance)
    revert(boots, instance, vifs)
    host = api.inspect_container(naming.workload_name(instance.uuid))["HostConfig"]
    assert (host["CapAdd"], host["ShmSize"]) == (None, first["HostConfig"]["ShmSize"])
    assert inside(api, instance, "cat", "/kept", "/data/kept",
                  "/.ssh/authorized_keys").splitlines() == ["layer", "volume", key]
    assert nics(api, instance) == network
    volumes = {mount["Name"] for mount in first["Mounts"] if mount["Type"] == "volume"}
    boots.driver.destroy(boots.context, instance, vifs)
    assert not volumes & {volume["Name"] for volume in api.volumes()["Volumes"] or ()}
    assert api.images(naming.COMMIT_REPOSITORY) == []
