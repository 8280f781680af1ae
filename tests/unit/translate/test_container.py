"""What the engine is asked for, and what its answers mean."""

import dataclasses

from nova.compute import power_state
import pytest

from nova_docker.translate import container
from nova_docker.translate import cpus
from nova_docker.translate import naming
from nova_docker.translate import userdata

IDENTITY = container.Identity(uuid="u-1", name="instance-1", host="h1", hostname="web")
LIMITS = container.Limits(vcpus=2, cpu_mode="quota", memory_mb=512, swap_mb=0, pids=100,
                          disk_gb=0, no_new_privileges=False)
API = (1, 41)


def host_config(api=API, **changes):
    limits = dataclasses.replace(LIMITS, **changes)
    return container.workload_config(IDENTITY, "sha256:1", limits, api)["HostConfig"]


def test_memory_is_the_flavors_and_without_swap_both_limits_are_the_same():
    assert host_config()["Memory"] == host_config()["MemorySwap"] == 512 << 20


def test_swap_comes_on_top_of_memory():
    assert host_config(swap_mb=256)["MemorySwap"] == 768 << 20


def test_quota_gives_each_vcpu_one_whole_cpu():
    config = host_config(vcpus=3)
    assert config["CpuQuota"] / config["CpuPeriod"] == 3
    assert "CpuShares" not in config


def test_shares_are_proportional_and_never_cap():
    config = host_config(cpu_mode="shares", vcpus=2)
    assert config["CpuShares"] == 2 * host_config(cpu_mode="shares", vcpus=1)["CpuShares"]
    assert "CpuQuota" not in config


def test_shares_stay_below_the_kernels_limit():
    assert host_config(cpu_mode="shares", vcpus=1000)["CpuShares"] == 262144


def test_cpus_of_its_own_are_its_limit():
    config = host_config(cpuset=cpus.Cpuset(cpus="1", mems="0", exclusive=True))
    assert (config["CpusetCpus"], config["CpusetMems"]) == ("1", "0")
    assert not {"CpuQuota", "CpuShares"} & config.keys()


def test_cpus_that_others_share_are_limited_by_quota_too():
    config = host_config(cpuset=cpus.Cpuset(cpus="2-5"))
    assert config["CpusetCpus"] == "2-5"
    assert config["CpuQuota"] == 2 * config["CpuPeriod"]
    assert "CpusetMems" not in config


def test_zero_pids_means_no_limit():
    assert host_config(pids=7)["PidsLimit"] == 7
    assert "PidsLimit" not in host_config(pids=0)


def test_the_disk_is_limited_only_when_asked():
    assert host_config(disk_gb=3)["StorageOpt"] == {"size": "3G"}
    assert "StorageOpt" not in host_config()


def test_setuid_programs_lose_their_power_only_when_asked():
    assert host_config(no_new_privileges=True)["SecurityOpt"] == ["no-new-privileges"]
    assert "SecurityOpt" not in host_config()


def test_an_instance_sees_its_own_resources_where_lxcfs_is_mounted():
    mounts = host_config(lxcfs_root="/var/lib/lxcfs/")["Mounts"]
    assert all(mount["ReadOnly"] and mount["Source"] == f"/var/lib/lxcfs{mount['Target']}"
               for mount in mounts)
    assert {"/proc/cpuinfo", "/proc/meminfo"} <= {mount["Target"] for mount in mounts}


def test_nothing_is_privileged_and_raw_sockets_are_refused():
    config = host_config()
    assert not {"Privileged", "CapAdd", "Devices", "Binds", "Mounts", "PidMode"} & config.keys()
    assert "NET_RAW" in config["CapDrop"]


@pytest.mark.parametrize("api", [(1, 41), (1, 42), (1, 9)])
def test_older_engines_get_no_annotations(api):
    assert "Annotations" not in host_config(api)
    assert "Annotations" not in container.sandbox_config(IDENTITY, "i", api)["HostConfig"]


@pytest.mark.parametrize("api", [(1, 43), (1, 100), (2, 0)])
def test_both_containers_share_a_shim_where_the_engine_has_annotations(api):
    workload = host_config(api)["Annotations"]
    assert workload == container.sandbox_config(IDENTITY, "i", api)["HostConfig"]["Annotations"]
    assert list(workload.values()) == [IDENTITY.uuid]


def test_a_name_that_the_kernel_does_not_take_is_cut_to_its_first_label():
    def hostname(name):
        named = dataclasses.replace(IDENTITY, hostname=name)
        return container.sandbox_config(named, "i", API)["Hostname"]
    assert hostname("web.example.org") == "web.example.org"
    assert hostname("w" * 60 + ".example.org") == "w" * 60
    assert hostname("w" * 200) == "w" * 64


def test_the_workload_joins_the_sandbox_which_has_the_host_name():
    sandbox = container.sandbox_config(IDENTITY, "i", API)
    workload = container.workload_config(IDENTITY, "i", LIMITS, API)
    assert sandbox["Hostname"] == "web"
    assert "Hostname" not in workload
    assert workload["HostConfig"]["NetworkMode"] == "container:" + naming.sandbox_name("u-1")


def test_the_labels_tell_the_two_apart():
    sandbox = container.sandbox_config(IDENTITY, "i", API)
    workload = container.workload_config(IDENTITY, "i", LIMITS, API)
    assert container.is_workload(workload)
    assert not container.is_workload(sandbox)
    assert not container.is_workload({"Labels": {}})


def test_the_images_own_command_stays_unless_another_is_given():
    assert "Cmd" not in container.workload_config(IDENTITY, "i", LIMITS, API)
    config = container.workload_config(IDENTITY, "i", LIMITS, API, command=["sleep", "1"])
    assert config["Cmd"] == ["sleep", "1"]
    assert "Entrypoint" not in config


def test_metadata_become_environment_variables():
    config = container.workload_config(IDENTITY, "i", LIMITS, API,
                                       environment={"b": "2=3", "a": "1"})
    assert config["Env"] == ["a=1", "b=2=3"]


def state(status, *, running=False, paused=False, restarting=False, code=0, oom=False):
    return {"State": {"Status": status, "Running": running, "Paused": paused,
                      "Restarting": restarting, "ExitCode": code, "OOMKilled": oom}}


@pytest.mark.parametrize(("inspected", "expected"), [
    (state("running", running=True), power_state.RUNNING),
    (state("paused", running=True, paused=True), power_state.PAUSED),
    (state("created"), power_state.SHUTDOWN),
    (state("created", code=127), power_state.SHUTDOWN),
    (state("exited"), power_state.SHUTDOWN),
    (state("exited", code=130), power_state.SHUTDOWN),
    (state("exited", code=137), power_state.SHUTDOWN),
    (state("exited", code=143), power_state.SHUTDOWN),
    (state("exited", code=1), power_state.CRASHED),
    (state("exited", code=139), power_state.CRASHED),
    (state("exited", code=137, oom=True), power_state.CRASHED),
    (state("restarting", running=True, restarting=True), power_state.SHUTDOWN),
    (state("dead"), power_state.SHUTDOWN),
])
def test_the_power_state_is_what_a_user_would_call_it(inspected, expected):
    assert container.power_state_of(inspected) == expected


def test_a_process_that_nova_stopped_may_end_with_any_code():
    failed = state("exited", code=1)
    assert container.power_state_of(failed, asked_to_stop=True) == power_state.SHUTDOWN


def test_only_a_created_container_was_never_started():
    assert container.never_started({"State": "created"})
    assert not container.never_started({"State": "exited"})


def test_an_open_image_runs_what_the_user_wants():
    process = userdata.Process(command=("a",), entrypoint=("b", "c"), environment={"A": "2"},
                               workdir="/srv", user="1:2")
    config = container.workload_config(IDENTITY, "sha256:1", LIMITS, API, command=["x"],
                                       environment={"A": "1", "B": "1"}, process=process)
    assert {key: config[key] for key in ("Cmd", "Entrypoint", "Env", "WorkingDir", "User")} == {
        "Cmd": ["a"], "Entrypoint": ["b", "c"], "Env": ["A=2", "B=1"], "WorkingDir": "/srv",
        "User": "1:2"}


def test_what_the_user_does_not_say_is_left_to_the_image():
    config = container.workload_config(IDENTITY, "sha256:1", LIMITS, API,
                                       process=userdata.Process())
    assert not {"Cmd", "Entrypoint", "WorkingDir", "User"} & config.keys()
