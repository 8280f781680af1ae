"""NICs in a real network namespace, made and repaired through netlink alone."""

from collections.abc import Iterator
import concurrent.futures
import dataclasses
import errno
import json
import os
from pathlib import Path
import subprocess
from unittest import mock
import uuid

import pytest

from nova_docker import exception
from nova_docker.privileged import netns
from nova_docker.translate import netplan
from tests import machine
from tests.engine import instances

HOSTS = "127.0.0.1\tlocalhost\n"


@pytest.fixture
def sandbox(api, sandbox_image, host) -> Iterator[int]:
    """The process of a container without any network."""
    yield from running(api)


def running(api) -> Iterator[int]:
    image = next(tag for entry in api.images() for tag in entry["RepoTags"] or ()
                 if "nova-docker.invalid/sandbox" in tag)
    config = api.create_host_config(network_mode="none")
    made = api.create_container(image, host_config=config)["Id"]
    try:
        api.start(made)
        yield api.inspect_container(made)["State"]["Pid"]
    finally:
        api.remove_container(made, force=True)


def plans(host: str, *vifs) -> list[dict[str, object]]:
    made = netplan.nic_plans(str(uuid.uuid4()), host, vifs)
    return [dataclasses.asdict(plan) for plan in made]


def inside(pid: int, *command: str) -> list[dict[str, object]]:
    """What iproute2, which is not ours, says about the namespace."""
    ip = machine.require_program("ip", package="iproute2")
    run = subprocess.run(
        ["nsenter", f"--net=/proc/{pid}/ns/net", ip, "-json", *command],
        check=True, capture_output=True, text=True)
    return json.loads(run.stdout or "[]")


def names(pid: int) -> set[object]:
    return {link["ifname"] for link in inside(pid, "link")} - {"sit0", "tunl0", "ip6tnl0"}


def addresses(pid: int, device: str) -> set[str]:
    entry, = inside(pid, "addr", "show", device)
    return {f"{a['local']}/{a['prefixlen']}" for a in entry["addr_info"]  # type: ignore
            if a["scope"] == "global"}


def plug(pid: int, nics: list[dict[str, object]], resolv_conf: str | None = None) -> None:
    netns.plug_nics(pid, nics, resolv_conf, HOSTS)


def host_link(name: str) -> dict[str, object] | None:
    run = subprocess.run(["ip", "-json", "link", "show", name], capture_output=True, text=True)
    return json.loads(run.stdout)[0] if run.returncode == 0 else None


def offload(pid: int, device: str) -> str:
    ethtool = machine.require_program("ethtool", package="ethtool")
    run = subprocess.run(["nsenter", f"--net=/proc/{pid}/ns/net", ethtool, "-k", device],
                         check=True, capture_output=True, text=True)
    return next(line.split()[1] for line in run.stdout.splitlines()
                if line.startswith("tx-checksumming:"))


def test_one_nic_is_as_planned(sandbox, host):
    vif = instances.vif(instances.subnet(), instances.subnet6())
    nics = plans(host, vif)
    plug(sandbox, nics)
    link, = inside(sandbox, "link", "show", "eth0")
    assert (link["address"], link["mtu"], link["operstate"]) == (vif["address"], 1400, "UP")
    assert addresses(sandbox, "eth0") == {"10.99.0.5/24", "fd99::5/64"}
    assert {(r["dst"], r.get("gateway")) for r in inside(sandbox, "route")} >= {
        ("default", "10.99.0.1")}
    assert {(r["dst"], r.get("gateway")) for r in inside(sandbox, "-6", "route")} >= {
        ("default", "fd99::1")}
    outside = host_link(vif["devname"])
    assert outside is not None
    assert outside["ifalias"] == nics[0]["alias"]
    assert outside["mtu"] == 1400


def test_loopback_is_up(sandbox, host):
    plug(sandbox, plans(host, instances.vif()))
    link, = inside(sandbox, "link", "show", "lo")
    assert "UP" in link["flags"]  # type: ignore[operator]


def test_four_nics_keep_their_order(sandbox, host):
    vifs = [instances.vif(instances.subnet(f"10.{n}.0.0/24", f"10.{n}.0.5", f"10.{n}.0.1"))
            for n in range(4)]
    plug(sandbox, plans(host, *vifs))
    assert names(sandbox) == {"lo", "eth0", "eth1", "eth2", "eth3"}
    for n, vif in enumerate(vifs):
        assert addresses(sandbox, f"eth{n}") == {f"10.{n}.0.5/24"}
        link, = inside(sandbox, "link", "show", f"eth{n}")
        assert link["address"] == vif["address"]
    defaults = [r for r in inside(sandbox, "route") if r["dst"] == "default"]
    assert [r["gateway"] for r in defaults] == ["10.0.0.1"]


def test_a_gateway_may_lie_outside_the_subnet(sandbox, host):
    plug(sandbox, plans(host, instances.vif(instances.subnet(gateway="192.0.2.1"))))
    assert ("default", "192.0.2.1") in {(r["dst"], r.get("gateway"))
                                        for r in inside(sandbox, "route")}


def test_a_destination_without_a_gateway_is_a_neighbour(sandbox, host):
    nic, = plans(host, instances.vif())
    plug(sandbox, [{**nic, "routes": [("169.254.169.254/32", None)]}])
    assert {"scope": "link", "dev": "eth0"}.items() <= {
        r["dst"]: r for r in inside(sandbox, "route")}["169.254.169.254"].items()
    netns.plug_nics(sandbox, [{**nic, "routes": []}], None, HOSTS, True)
    assert "169.254.169.254" not in {r["dst"] for r in inside(sandbox, "route")}


def test_plugging_again_changes_nothing(sandbox, host):
    nics = plans(host, instances.vif(instances.subnet(), instances.subnet6()), instances.vif())
    plug(sandbox, nics)
    before = inside(sandbox, "addr")
    plug(sandbox, nics)
    assert [(e["ifindex"], e["ifname"]) for e in inside(sandbox, "addr")] == [
        (e["ifindex"], e["ifname"]) for e in before]


def test_what_a_port_has_lost_goes_and_what_a_program_added_goes_at_its_start(sandbox, host):
    first, = plans(host, instances.vif(instances.subnet(), instances.subnet6()))
    plug(sandbox, [first])
    inside(sandbox, "addr", "add", "10.99.0.77/24", "dev", "eth0")
    inside(sandbox, "route", "add", "192.0.2.0/24", "via", "10.99.0.1", "proto", "static")
    lost = {**first, "addresses": ("10.99.0.6/24", "fd99::6/64"), "routes": ()}
    plug(sandbox, [lost])
    assert addresses(sandbox, "eth0") == {"10.99.0.6/24", "fd99::6/64", "10.99.0.77/24"}
    netns.plug_nics(sandbox, [lost], None, HOSTS, True)
    assert addresses(sandbox, "eth0") == {"10.99.0.6/24", "fd99::6/64"}
    assert not [r for r in inside(sandbox, "route") + inside(sandbox, "-6", "route")
                if "gateway" in r]
    netns.plug_nics(sandbox, [first], None, HOSTS, True)
    assert {r.get("gateway") for r in inside(sandbox, "route")} == {"10.99.0.1", None}


@pytest.mark.parametrize("lost", [0, 1])
def test_a_nic_that_was_deleted_comes_back_and_the_other_stays(sandbox, host, lost):
    nics = plans(host, instances.vif(), instances.vif())
    plug(sandbox, nics)
    kept = f"eth{1 - lost}"
    before, = inside(sandbox, "link", "show", kept)
    netns.delete_links([str(nics[lost]["host_device"])])
    assert f"eth{lost}" not in names(sandbox)
    plug(sandbox, nics)
    after, = inside(sandbox, "link", "show", kept)
    assert after["ifindex"] == before["ifindex"]
    assert addresses(sandbox, f"eth{lost}") == {"10.99.0.5/24"}


def test_the_link_of_another_sandbox_is_replaced(api, sandbox, host):
    nics = plans(host, instances.vif())
    for old in running(api):
        plug(old, nics)
        plug(sandbox, nics)
        assert names(old) == {"lo"}
    assert names(sandbox) == {"lo", "eth0"}
    assert host_link(str(nics[0]["host_device"])) is not None


def test_a_link_that_cannot_be_asked_for_does_not_count_as_absent(sandbox, host):
    nics = plans(host, instances.vif())
    plug(sandbox, nics)
    with (mock.patch("socket.socket", side_effect=OSError(errno.EMFILE, "Too many open files")),
          pytest.raises(OSError, match="Too many open files")):
        netns.list_unwired(sandbox, nics)


def test_deleting_links_can_be_repeated(sandbox, host):
    nics = plans(host, instances.vif())
    plug(sandbox, nics)
    for _ in range(2):
        netns.delete_links([str(nics[0]["host_device"]), "nosuch0"])
    assert names(sandbox) == {"lo"}


@pytest.mark.parametrize(("datapath", "expected"), [("netdev", "off"), ("system", "on")])
def test_checksums_are_finished_where_the_datapath_needs_it(sandbox, host, datapath, expected):
    plug(sandbox, plans(host, instances.vif(datapath_type=datapath)))
    assert offload(sandbox, "eth0") == expected


def test_name_resolution_is_written_in_place(sandbox, host):
    root = Path(f"/proc/{sandbox}/root/etc")
    inode = root.joinpath("hosts").stat().st_ino
    plug(sandbox, plans(host, instances.vif()), "nameserver 192.0.2.53\n")
    assert root.joinpath("resolv.conf").read_text() == "nameserver 192.0.2.53\n"
    assert root.joinpath("hosts").read_text() == HOSTS
    assert root.joinpath("hosts").stat().st_ino == inode


def test_a_resolver_that_neutron_does_not_name_is_left_alone(sandbox, host):
    path = Path(f"/proc/{sandbox}/root/etc/resolv.conf")
    before = path.read_text()
    plug(sandbox, plans(host, instances.vif()), None)
    assert path.read_text() == before


def test_the_cable_can_be_pulled_and_put_back(sandbox, host):
    nics = plans(host, instances.vif(), instances.vif())
    plug(sandbox, nics)
    prefix = str(nics[0]["alias"]).rsplit(":", 2)[0]
    for state, operstate in (("down", {"LOWERLAYERDOWN", "DOWN"}), ("up", {"UP"})):
        netns.set_links_state(prefix, state)
        for device in ("eth0", "eth1"):
            link, = inside(sandbox, "link", "show", device)
            assert link["operstate"] in operstate


def test_the_host_is_no_ipv6_neighbour_of_the_instance(sandbox, host):
    vif = instances.vif()
    plug(sandbox, plans(host, vif))
    path = Path(f"/proc/sys/net/ipv6/conf/{vif['devname']}/disable_ipv6")
    assert path.read_text().strip() == "1"


def test_a_process_that_is_gone_is_named(host):
    with pytest.raises(exception.NetnsError, match="4194304"):
        plug(4194304, plans(host, instances.vif()))


def test_what_a_failure_half_way_leaves_can_be_deleted_by_name(sandbox, host):
    nics = plans(host, instances.vif())
    nics[0]["addresses"] = ("300.0.0.1/24",)
    with pytest.raises(exception.NetnsError):
        plug(sandbox, nics)
    netns.delete_links([str(nics[0]["host_device"])])


def test_forty_plugs_at_once_neither_hang_nor_mix(api, sandbox_image, host):
    sandboxes = [running(api) for _ in range(40)]
    pids = [next(made) for made in sandboxes]
    jobs = [(pid, plans(host, instances.vif())) for pid in pids]
    try:
        assert len(set(pids)) == 40
        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            work = [pool.submit(plug, pid, nics) for pid, nics in jobs]
            work += [pool.submit(netns.list_aliases) for _ in range(40)]
            for future in concurrent.futures.as_completed(work, timeout=60):
                future.result()
        for pid, nics in jobs:
            link, = inside(pid, "link", "show", "eth0")
            assert link["address"] == nics[0]["mac"]
    finally:
        for made in sandboxes:
            made.close()


def test_a_process_of_the_host_is_refused_and_its_files_are_kept() -> None:
    """A sandbox that died may have left its pid to another process."""
    before = Path("/etc/hosts").read_text()
    with pytest.raises(exception.NetnsError, match="is one of the host"):
        plug(os.getpid(), [])
    assert Path("/etc/hosts").read_text() == before
