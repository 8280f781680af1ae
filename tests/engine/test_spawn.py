"""What a boot gives: the image, the limits, the names and the NICs that were asked for."""

import concurrent.futures

from nova import exception as nova_exception
from nova.compute import power_state
import pytest

from nova_docker.translate import naming
from tests import archives
from tests.engine import instances
from tests.engine import waiting

# "novalocal" is the default of [api]/dhcp_domain.
RESOLVER = "search novalocal\nnameserver 192.0.2.53"


def output_of(boots, instance) -> str:
    return boots.driver.get_console_output(boots.context, instance)


def shell(script: str, **settings) -> archives.Image:
    return instances.busybox(command=["sh", "-c", script], **settings)


def inside(api, instance, *command: str) -> str:
    made = api.exec_create(naming.workload_name(instance.uuid), list(command))
    return api.exec_start(made["Id"]).decode().strip()


def test_the_tags_of_an_archive_never_appear_on_the_engine(boots, api):
    image = instances.busybox(tags=["library/evil:latest", "nova-docker.invalid/glance:stolen"])
    instance = boots.archive(image)
    tags = {tag for entry in api.images() for tag in entry["RepoTags"] or ()}
    assert not {tag for tag in tags if "evil" in tag or "stolen" in tag}
    assert {tag for tag in tags if instance.uuid in tag} == {
        naming.private_tag(instance.uuid, "0" * 32)}


def test_the_first_instruction_sees_every_nic(boots):
    network = instances.network(
        instances.vif(instances.subnet(), instances.subnet6()),
        instances.vif(instances.subnet("10.98.0.0/24", "10.98.0.7", None)))
    instance = boots.archive(shell("ip addr; ip route; ip -6 route; exec sleep 3600"), network)
    waiting.until(lambda: "default via fd99::1" in output_of(boots, instance))
    seen = output_of(boots, instance)
    for fact in ("eth0", "eth1", "10.99.0.5/24", "fd99::5/64", "10.98.0.7/24", "mtu 1400",
                 network[0]["address"], network[1]["address"], "default via 10.99.0.1"):
        assert fact in seen


def test_every_port_joins_the_switch_and_leaves_it_at_the_end(boots, ovs):
    network = instances.network(instances.vif(), instances.vif())
    instance = boots.archive(instances.busybox(), network)
    assert ovs.ports == {vif["id"] for vif in network}
    boots.driver.destroy(boots.context, instance, network)
    assert ovs.ports == set()


def test_the_nic_survives_restarts_that_nova_knows_nothing_of(boots, api):
    instance = boots.archive(shell("echo up; exec sleep 3600"),
                             instances.network(instances.vif()))
    api.restart(naming.workload_name(instance.uuid), timeout=0)
    assert "10.99.0.5/24" in inside(api, instance, "ip", "addr")
    api.kill(naming.workload_name(instance.uuid))
    boots.driver.power_on(boots.context, instance, instances.network())
    assert "10.99.0.5/24" in inside(api, instance, "ip", "addr")


def test_an_instance_outlives_its_sandbox_and_a_hard_reboot_makes_it_anew(boots, api):
    network = instances.network(instances.vif())
    instance = boots.archive(instances.busybox(), network)
    api.kill(naming.sandbox_name(instance.uuid))
    # Its program runs on in the network namespace, and so it is shown.
    assert boots.driver.get_info(instance).state == power_state.RUNNING
    boots.driver.plug_vifs(instance, network)
    assert "10.99.0.5/24" in inside(api, instance, "ip", "addr")
    boots.driver.reboot(boots.context, instance, network, "HARD")
    assert "10.99.0.5/24" in inside(api, instance, "ip", "addr")


def test_the_name_and_the_resolver_are_the_instances(boots, api):
    network = instances.network(instances.vif(instances.subnet(dns=("192.0.2.53",))))
    instance = boots.archive(instances.busybox(), network)
    assert inside(api, instance, "hostname") == "web-1"
    assert inside(api, instance, "cat", "/etc/resolv.conf") == RESOLVER
    assert "10.99.0.5\tweb-1.novalocal web-1" in inside(api, instance, "cat", "/etc/hosts")


def test_the_name_and_the_resolver_survive_a_hard_reboot(boots, api):
    network = instances.network(instances.vif(instances.subnet(dns=("192.0.2.53",))))
    instance = boots.archive(instances.busybox(), network)
    api.kill(naming.sandbox_name(instance.uuid))
    boots.driver.reboot(boots.context, instance, network, "HARD")
    assert inside(api, instance, "cat", "/etc/resolv.conf") == RESOLVER
    assert "10.99.0.5\tweb-1.novalocal web-1" in inside(api, instance, "cat", "/etc/hosts")


def test_metadata_become_environment_variables(boots, api):
    instance = boots.archive(instances.busybox(env=["A=image"]), metadata={"B": "x y=z"})
    seen = inside(api, instance, "env").splitlines()
    assert "A=image" in seen
    assert "B=x y=z" in seen


def test_the_command_line_of_the_image_property_replaces_the_command(boots):
    instance = boots.archive(instances.busybox(), properties={
        "os_command_line": "sh -c 'echo \"two  words\"; exec sleep 3600'"})
    waiting.until(lambda: "two  words" in output_of(boots, instance))


def test_the_limits_are_in_force(boots, api):
    instance = boots.archive(instances.busybox(), memory_mb=48, vcpus=2)
    limits = api.inspect_container(naming.workload_name(instance.uuid))["HostConfig"]
    assert limits["Memory"] == limits["MemorySwap"] == 48 << 20
    assert limits["CpuQuota"] / limits["CpuPeriod"] == 2
    assert limits["PidsLimit"] == 4096
    assert not limits["Privileged"]


def test_a_program_that_takes_too_much_memory_is_killed(boots):
    script = "dd if=/dev/zero of=/dev/null bs=100M count=1 && echo alive; exec sleep 3600"
    instance = boots.archive(shell(script), memory_mb=32)
    waiting.until(lambda: "Killed" in output_of(boots, instance), seconds=10)
    assert "alive" not in output_of(boots, instance)


def test_a_fork_bomb_stays_inside(boots, settings):
    settings.config(group="docker", pids_limit=20)
    script = "for i in 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3; do sleep 60 & done; wait"
    instance = boots.archive(shell(script))
    waiting.until(lambda: "can't fork" in output_of(boots, instance))


def test_a_program_of_another_architecture_shows_as_crashed(boots):
    image = archives.Image(files={"a": b"MZ\0\0" * 200}, command=["/a"])
    instance = boots.archive(image)
    waiting.until(lambda: boots.driver.get_info(instance).state == power_state.CRASHED)
    assert "exec format error" in output_of(boots, instance)


def test_an_image_is_fetched_once_for_many_boots(boots, registry):
    reference = registry.publish("web/many", "1", instances.busybox())
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: boots.reference(reference), range(8)))
    assert sorted(boots.driver.list_instance_uuids()) == sorted(i.uuid for i in made)


def test_an_instance_made_without_power_does_not_run(boots):
    instance = instances.instance()
    boots.glance.images[instance.uuid] = instances.busybox().archive()
    boots.driver.spawn(boots.context, instance, instances.image_meta(instance.uuid), [], None, {},
                       network_info=instances.network(), power_on=False)
    try:
        assert boots.driver.get_info(instance).state != 1
    finally:
        boots.driver.destroy(boots.context, instance, instances.network())
        boots.driver._engine.remove_image(naming.private_tag(instance.uuid, "0" * 32))


def test_an_instance_is_not_made_twice(boots, api):
    instance = boots.archive(instances.busybox())
    running = api.inspect_container(naming.workload_name(instance.uuid))["State"]["Pid"]
    with pytest.raises(nova_exception.InstanceExists):
        boots.driver.spawn(boots.context, instance, instances.image_meta(instance.uuid), [], None,
                           {}, network_info=instances.network())
    assert api.inspect_container(naming.workload_name(instance.uuid))["State"]["Pid"] == running
