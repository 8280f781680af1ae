"""The ``docker:`` extra specs of a flavor, seen from inside the instance."""

from nova_docker.translate import naming
from tests.engine import instances
from tests.engine.test_bad_input import refused

RAW_AND_FUSE = {"docker:cap_add": "NET_RAW", "docker:pids_limit": "37",
                "docker:shm_size_mb": "3", "docker:devices": "/dev/null:/dev/granted:r"}
_NET_RAW = 1 << 13  # linux/capability.h


def inside(api, instance, script: str) -> str:
    made = api.exec_create(naming.workload_name(instance.uuid), ["sh", "-c", script])
    return api.exec_start(made["Id"]).decode().strip()


def capabilities(api, instance) -> int:
    return int(inside(api, instance, "grep CapBnd /proc/self/status").split()[1], 16)


def test_a_flavor_grants_what_its_extra_specs_say(boots, api):
    instance = boots.archive(instances.busybox(), extra_specs=RAW_AND_FUSE)
    assert capabilities(api, instance) & _NET_RAW
    assert "size=3072k" in inside(api, instance, "grep /dev/shm /proc/mounts")
    assert inside(api, instance, "stat -c %F /dev/granted") == "character special file"
    limits = api.inspect_container(naming.workload_name(instance.uuid))["HostConfig"]
    assert limits["PidsLimit"] == 37
    assert limits["Devices"][0]["CgroupPermissions"] == "r"


def test_a_flavor_without_them_grants_nothing(boots, api):
    instance = boots.archive(instances.busybox())
    assert not capabilities(api, instance) & _NET_RAW
    assert inside(api, instance, "ls /dev/granted 2>/dev/null") == ""


def of_extra_spec(boots, api, ovs, name, value) -> str:
    network = instances.network(instances.vif())
    return refused(boots, api, ovs, lambda: boots.archive(
        instances.busybox(), network, extra_specs={name: value}))


def test_a_runtime_that_the_engine_lacks_is_one_clear_fault(boots, api, ovs):
    fault = of_extra_spec(boots, api, ovs, "docker:runtime", "no-such-runtime")
    assert "no-such-runtime" in fault
    assert "flavor" in fault
