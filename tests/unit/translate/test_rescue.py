"""How the files of a stopped container come into another one."""

import pytest

from nova_docker import exception
from nova_docker.translate import naming
from nova_docker.translate import rescue

LABELS = naming.labels(naming.ROLE_WORKLOAD, instance_uuid="u", instance_name="n", host="h")


def original(layers: int = 2, driver: str = "overlay2", **changes):
    lower = ":".join(f"/d/overlay2/{number:064}/diff" for number in range(layers))
    return {
        "Config": {"Labels": {**LABELS, "of": "the image"}, "Tty": True, "OpenStdin": True,
                   "Env": ["A=b"], "Cmd": ["run"], "Entrypoint": None, "User": "u",
                   "WorkingDir": "/w", "Hostname": "h"},
        "HostConfig": {"NetworkMode": "container:id", "Memory": 5,
                       "Mounts": [{"Target": "/proc/stat"}]},
        "GraphDriver": {"Name": driver, "Data": {
            "LowerDir": lower, "UpperDir": "/d/upper", "WorkDir": "/d/work"}},
        "Mounts": [], **changes}


def test_its_layers_are_mounted_as_the_engine_would_mount_them():
    (root,) = rescue.mounts(original(layers=1))
    assert root["Target"] == "/mnt/rescue"
    assert "Source" not in root, "a volume with a name would outlive the rescue"
    options = root["VolumeOptions"]["DriverConfig"]["Options"]
    assert options["type"] == "overlay"
    assert options["o"] == (f"index=off,lowerdir=/d/overlay2/{0:064}/diff,upperdir=/d/upper,"
                            "workdir=/d/work")


def test_the_volumes_of_the_image_are_beside_and_keep_their_names():
    _, data = rescue.mounts(original(Mounts=[
        {"Type": "volume", "Name": "v1", "Destination": "/data"},
        {"Type": "bind", "Source": "/x", "Destination": "/y"}]))
    assert data == {"Type": "volume", "Source": "v1", "Target": "/mnt/rescue/data"}


@pytest.mark.parametrize(("unfit", "why"), [
    (original(driver="btrfs"), "btrfs"), (original(layers=60), "too many layers"),
    (original(GraphDriver={"Name": "overlay2", "Data": None}), "shows no files")])
def test_what_cannot_be_mounted_is_refused_with_advice(unfit, why):
    with pytest.raises(exception.NotRescuable, match=why) as refused:
        rescue.mounts(unfit)
    assert "Reboot hard" in str(refused.value)
    assert len(str(refused.value)) < 170, "Nova's own words take the rest"


def test_limits_and_identity_are_the_originals_and_the_network_is_the_sandboxs():
    made = rescue.config(original(), "the-sandbox", "sha256:1", {"Cmd": ["fix"]})
    assert made["HostConfig"]["Memory"] == 5
    assert [mount["Target"] for mount in made["HostConfig"]["Mounts"]] == [
        "/proc/stat", "/mnt/rescue"]
    assert made["HostConfig"]["NetworkMode"] == "container:the-sandbox"
    assert made["Labels"] == {**LABELS, naming.LABEL_ORIGIN: made["Image"]}
    assert (made["Image"], made["Cmd"]) == ("sha256:1", ["fix"])
    assert "Hostname" not in made, "the engine refuses it on a container that joins a network"


def test_its_own_image_runs_what_the_original_runs_and_another_its_own_command():
    assert rescue.own_process(original()) == {
        "Cmd": ["run"], "Entrypoint": None, "Env": ["A=b"], "User": "u", "WorkingDir": "/w"}
    assert rescue.process(None, {"b": "2", "a": "1"}) == {"Env": ["a=1", "b=2"]}
    assert rescue.process(["fix"], {}) == {"Env": [], "Cmd": ["fix"]}
