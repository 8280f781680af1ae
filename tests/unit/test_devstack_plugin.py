"""The DevStack plugin, phase by phase, with a stand-in for DevStack.

It shows what the plugin asks DevStack for; that DevStack then works, only a run of
stack.sh shows.
"""

from pathlib import Path
import re
import subprocess
import tomllib

from packaging.requirements import Requirement
import pytest

from tests.unit.test_style import BIN
from tests.unit.test_style import check
from tests.unit.test_style import ROOT

PLUGIN = ROOT / "devstack"
STAND_IN = ROOT / "tests/devstack/stand_in.sh"
PHASES = ("stack pre-install", "stack install", "stack post-config", "stack extra",
          "stack test-config", "unstack", "clean")


class Plugin:
    """Runs phases, and has the calls that they made."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.settings = {"SERVICES": "n-cpu g-api q-agt tempest", "CONTAINERS": "c1 c2",
                         "IMAGES": "i:1", "GROUP_EXISTS": "", "IMAGES_EXIST": "",
                         "AGENT_STAYS": "", "NAMESPACES": "",
                         "DEFAULT_IMAGE_NAME": "cirros-0.6", "IMAGE_URLS": ""}
        (work / "nova/nova/virt").mkdir(parents=True)
        (work / "nova/.git/info").mkdir(parents=True)

    def bash(self, script: str) -> list[str]:
        """What a script after all settings printed."""
        run = subprocess.run(
            ["bash", "-c", f"source {STAND_IN}; source {PLUGIN}/override-defaults; "
                           f"NOVA_DOCKER_DIR={ROOT}; source {PLUGIN}/settings; {script}"],
            capture_output=True, text=True, check=False,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "WORK": str(self.work),
                 "CALLS": str(self.work / "calls"), **self.settings})
        assert run.returncode == 0, run.stderr
        return run.stdout.splitlines()

    def run(self, phase: str) -> list[str]:
        """The calls of one phase."""
        calls = self.work / "calls"
        calls.unlink(missing_ok=True)
        mode, _, name = phase.partition(" ")
        # As DevStack does, without a second argument where there is no phase.
        self.bash(f"source {PLUGIN}/plugin.sh {mode} {name}")
        return calls.read_text().splitlines() if calls.exists() else []


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    return Plugin(tmp_path)


def test_the_driver_and_an_image_that_it_can_boot_are_chosen(plugin: Plugin):
    plugin.settings["IMAGE_URLS"] = "http://x/cirros-0.6.img,file:///mine.tar"
    assert plugin.bash("echo $VIRT_DRIVER $DOCKER_GROUP $DEFAULT_IMAGE_NAME $IMAGE_URLS") == [
        "docker docker nova-docker-ssh file:///mine.tar"]


def test_an_image_that_the_user_chose_stays_chosen(plugin: Plugin):
    plugin.settings["DEFAULT_IMAGE_NAME"] = "mine"
    assert plugin.bash("echo $DEFAULT_IMAGE_NAME") == ["mine"]


def test_the_engine_is_there_and_its_group_too_before_nova_compute(plugin: Plugin):
    calls = plugin.run("stack pre-install")
    assert "sudo groupadd --system docker" in calls
    assert "add_user_to_group stack docker" in calls
    assert "start_service docker" in calls
    plugin.settings["GROUP_EXISTS"] = "yes"
    assert not any("groupadd" in call for call in plugin.run("stack pre-install"))


def test_instances_see_what_is_theirs_unless_the_user_does_without(plugin: Plugin):
    option = "iniset /etc/nova/nova.conf docker lxcfs_root /var/lib/lxcfs"
    calls = plugin.run("stack pre-install")
    assert calls.index("install_package lxcfs") < calls.index("sudo systemctl daemon-reload") \
        < calls.index("restart_service lxcfs")
    assert option in plugin.run("stack post-config")
    plugin.settings["NOVA_DOCKER_LXCFS"] = "False"
    assert not any("lxcfs" in call for phase in ("stack pre-install", "stack post-config")
                   for call in plugin.run(phase))


def test_the_shim_is_linked_into_the_tree_of_an_editable_nova(plugin: Plugin):
    for _ in range(2):
        calls = plugin.run("stack install")
        assert f"pip_install --config-settings editable_mode=compat -e {ROOT}" in calls
    shim = plugin.work / "nova/nova/virt/docker"
    assert shim.resolve() == ROOT / "nova_virt_docker"
    assert (plugin.work / "nova/.git/info/exclude").read_text() == "/nova/virt/docker\n"


def test_nova_and_neutron_are_configured(plugin: Plugin):
    calls = plugin.run("stack post-config")
    assert "iniset /etc/nova/nova.conf DEFAULT compute_driver docker.DockerDriver" in calls
    assert "iniset /etc/nova/nova.conf docker engine_url unix:///run/docker.sock" in calls
    assert "iniset /etc/neutron/ml2.ini agent polling_interval 1" in calls
    assert any("rootwrap.d/nova-docker.filters" in call for call in calls)
    assert not any("quota" in call for call in calls)


def test_an_ovn_cloud_keeps_its_network_and_gets_the_datapath_that_was_chosen(plugin: Plugin):
    plugin.settings.update(SERVICES="n-cpu g-api ovn-controller q-ovn-agent", Q_AGENT="ovn")
    chosen = ("sudo ovs-vsctl --no-wait set Open_vSwitch . "
              "external_ids:ovn-bridge-datapath-type=netdev")
    assert chosen not in plugin.run("stack extra")
    plugin.settings["OVS_DATAPATH_TYPE"] = "netdev"
    assert chosen in plugin.run("stack extra")
    assert not any("neutron" in call for call in plugin.run("stack post-config"))
    assert not any("q-agt" in call for call in plugin.run("unstack"))


@pytest.mark.parametrize("network", ["q-agt", "ovn-controller"])
def test_a_second_compute_host_has_the_driver_and_nothing_of_the_controller(
        plugin: Plugin, network: str):
    sample = "local.conf.sample" if network == "q-agt" else "local-ovn.conf.sample"
    services, = re.findall("#   ENABLED_SERVICES=(.*)", (PLUGIN / sample).read_text())
    assert network in services
    plugin.settings["SERVICES"] = services.replace(",", " ")
    calls = [call for phase in PHASES for call in plugin.run(phase)]
    assert "start_service docker" in calls
    assert "iniset /etc/nova/nova.conf DEFAULT compute_driver docker.DockerDriver" in calls
    assert not any(call.startswith(("openstack ", "enable_service ", "iniset /tempest.conf "))
                   for call in calls)


def test_a_controller_alone_gets_no_compute_driver(plugin: Plugin):
    plugin.settings["SERVICES"] = "n-api"
    assert not any("iniset" in call for call in plugin.run("stack post-config"))


def test_images_are_uploaded_once(plugin: Plugin):
    calls = [call for call in plugin.run("stack extra") if "image create" in call]
    names = [call.split("image create ")[1].split()[0] for call in calls]
    assert names == ["nova-docker-ssh", "nova-docker-ssh-alt", "docker-reference"]
    assert "--property=docker_image=docker.io/library/busybox:latest" in calls[-1]
    assert all("--container-format docker" in call for call in calls)
    plugin.settings["IMAGES_EXIST"] = "yes"
    assert not any("image create" in call for call in plugin.run("stack extra"))


def test_tempest_is_told_what_the_driver_does(plugin: Plugin):
    plugin.settings["IMAGES_EXIST"] = "yes"
    calls = plugin.run("stack test-config")
    assert "iniset /tempest.conf compute-feature-enabled pause true" in calls
    assert "iniset /tempest.conf compute image_ref the-id" in calls
    plugin.settings["SERVICES"] = "n-cpu"
    assert plugin.run("stack test-config") == []


def test_a_cloud_has_a_way_to_the_serial_consoles_of_all_its_hosts(plugin: Plugin):
    assert plugin.bash("echo $NOVA_SERIAL_ENABLED") == ["True"]
    assert ("iniset /etc/nova/nova.conf serial_console proxyclient_address 192.0.2.7"
            in plugin.run("stack post-config"))
    plugin.settings["SERVICES"] = "n-api"
    assert "enable_service n-sproxy" in plugin.run("stack post-config")


def test_unstack_removes_instances_and_clean_all_of_ours(plugin: Plugin):
    plugin.run("stack install")
    calls = plugin.run("unstack")
    assert calls.index("stop_process n-cpu") < calls.index("sudo docker rm -f -v c1 c2")
    calls = plugin.run("clean")
    assert "sudo docker rmi -f i:1" in calls
    assert "sudo rm -f /etc/nova/rootwrap.d/nova-docker.filters" in calls
    assert not (plugin.work / "nova/nova/virt/docker").exists()


def test_unstack_does_not_wait_for_an_agent_that_does_not_end(plugin: Plugin):
    killed = "sudo systemctl kill --signal KILL devstack@q-agt"
    assert killed not in plugin.run("unstack")
    plugin.settings["AGENT_STAYS"] = "yes"
    assert killed in plugin.run("unstack")
    plugin.settings["SERVICES"] = "n-cpu"
    assert not any("q-agt" in call for call in plugin.run("unstack"))


def test_unstack_removes_ovns_bridges_while_there_is_a_switch(plugin: Plugin):
    plugin.settings.update(SERVICES="n-cpu ovn-controller q-ovn-agent", PUBLIC_INTERFACE="eth1",
                           NAMESPACES="ovnmeta-9a1c (id: 2)\nmine")
    calls = plugin.run("unstack")
    order = ["sudo docker rm -f -v c1 c2", "stop_process q-ovn-agent",
             "stop_service ovn-controller.service",
             "_move_neutron_addresses_route br-ex eth1 False True inet",
             "neutron_ovs_base_cleanup"]
    assert [call for call in calls if call in order] == order
    assert [call for call in calls if "netns delete" in call] == [
        "sudo ip netns delete ovnmeta-9a1c"]
    plugin.settings["SKIP_STOP_OVN"] = "True"
    assert not any("ovn" in call or "ovs" in call for call in plugin.run("unstack"))


@pytest.mark.parametrize("phase", PHASES)
def test_every_phase_can_be_run_twice(plugin: Plugin, phase: str):
    plugin.settings["IMAGES_EXIST"] = "yes"
    assert plugin.run(phase) == plugin.run(phase)


def test_pip_finds_no_conflict_with_what_devstack_installs():
    """Its upper constraints of 2026.2, and Nova's master as pbr numbers it."""
    installed = {"docker": "7.2.0", "nova": "33.1.0.dev347", "os-vif": "5.2.0",
                 "pyroute2": "0.8.1", "cryptography": "43.0.3", "oslo.privsep": "3.12.0",
                 "oslo.utils": "10.1.1", "oslo.concurrency": "7.6.1"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {one.name: one.specifier for one in map(Requirement, project["dependencies"])}
    assert [name for name, version in installed.items()
            if not wanted[name].contains(version, prereleases=True)] == []


def test_the_style_is_devstacks():
    # Not E006: a line may be as long as in Python here.
    check(BIN / "bashate", "-i", "E006", *sorted(
        path for path in PLUGIN.rglob("*") if path.is_file() and path.suffix != ".sample"))
