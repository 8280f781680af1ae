"""Snapshots: what is in them, and that nothing else is left of them."""

from collections.abc import Callable
from collections.abc import Iterator
import time
from typing import Any
from unittest import mock

from nova import exception as nova_exception
from nova.compute import task_states
import nova.conf
import pytest

from nova_docker import exception
from nova_docker.translate import naming
from tests.engine import instances

IMAGE = "3b8f0c1e-0000-4000-8000-00000000c0de"


class Store:
    """The one image that Nova makes before it asks for a snapshot."""

    def __init__(self) -> None:
        self.image: dict[str, Any] | None = {
            "properties": {"docker_image": "busybox", "os_command_line": "sleep 50"}}
        self.data = b""
        self.while_uploading: Callable[[], None] = lambda: None

    def get(self, context: Any, image_id: str) -> dict[str, Any]:
        if self.image is None:
            raise nova_exception.ImageNotFound(image_id=image_id)
        return self.image

    def update(self, context: Any, image_id: str, changes: dict[str, Any], data: Any) -> None:
        image = self.get(context, image_id)
        image["properties"].update(changes.pop("properties"))
        self.data = data.read(65536)
        self.while_uploading()
        while piece := data.read(65536):
            self.data += piece
        image.update(changes, size=len(self.data))

    def delete(self, context: Any, image_id: str) -> None:
        self.get(context, image_id)
        self.image = None


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store()
    with mock.patch.multiple("nova.image.glance.API", get=made.get, update=made.update,
                             delete=made.delete):
        yield made


@pytest.fixture
def instance(boots):
    """It keeps a file, and has what the driver gives an instance."""
    image = instances.busybox(
        command=["sh", "-c", "echo kept > /kept; exec sleep 3600"], env=["OF=image"],
        settings={"User": "0:0", "WorkingDir": "/etc", "ExposedPorts": {"8080/tcp": {}}})
    network = instances.network(instances.vif(instances.subnet(dns=("10.99.0.53",))))
    return boots.archive(image, network, metadata={"secret": "of-the-instance"},
                         key_data="ssh-ed25519 AAAAC3Nza of@the-instance")


INJECTED = (b"of-the-instance", b"AAAAC3Nza", b"10.99.0.53", b"web-1")
"""Metadata, key, name server, host name."""


@pytest.fixture
def snapshot(boots, store, instance):
    states: list[Any] = []

    def update_task_state(task_state: str, expected_state: str = task_states.IMAGE_SNAPSHOT):
        states.append((expected_state, task_state))

    def take() -> list[Any]:
        boots.driver.snapshot(boots.context, instance, IMAGE, update_task_state)
        return states

    return take


def commits(api) -> list[Any]:
    return list(api.images(naming.SNAPSHOT_REPOSITORY))


def wait_for_file(api, instance) -> None:
    made = api.exec_create(naming.workload_name(instance.uuid), [
        "sh", "-c", "until grep kept /kept; do sleep 0.1; done"])
    assert b"kept" in api.exec_start(made["Id"])


@pytest.mark.parametrize("state", ["running", "paused", "exited"])
def test_a_snapshot_boots_as_the_original_with_its_files_and_nothing_injected(
        boots, api, store, instance, snapshot, state):
    wait_for_file(api, instance)
    if state == "paused":
        boots.driver.pause(instance)
    if state == "exited":
        boots.driver.power_off(instance)
    assert snapshot() == [
        (task_states.IMAGE_SNAPSHOT, task_states.IMAGE_PENDING_UPLOAD),
        (task_states.IMAGE_PENDING_UPLOAD, task_states.IMAGE_UPLOADING)]
    inspected = api.inspect_container(naming.workload_name(instance.uuid))
    assert inspected["State"]["Status"] == state
    assert commits(api) == []
    assert not [word for word in (*INJECTED, instance.uuid.encode()) if word in store.data]

    again = boots.archive(store.data)
    booted = api.inspect_image(api.inspect_container(
        naming.workload_name(again.uuid))["Image"])["Config"]
    assert booted == api.inspect_image(inspected["Image"])["Config"]
    assert (booted["User"], booted["WorkingDir"]) == ("0:0", "/etc")
    assert booted["ExposedPorts"] == {"8080/tcp": {}}
    wait_for_file(api, again)


def test_the_image_says_where_it_can_run_and_what_it_was_told_to_run(store, snapshot):
    snapshot()
    assert store.image["disk_format"] == "raw"
    assert store.image["container_format"] == "docker"
    properties = store.image["properties"]
    assert properties["img_hv_type"] == "docker"
    assert properties["hw_architecture"]
    assert properties["os_command_line"] == "sleep 50"
    assert not properties["docker_image"], "it would boot what the registry has"


@pytest.mark.parametrize(("state", "acts"), [("running", ["pause", "commit", "unpause"]),
                                             ("paused", ["commit"])])
def test_it_is_paused_while_the_engine_commits_and_not_while_glance_stores(
        boots, api, store, instance, snapshot, state, acts):
    if state == "paused":
        boots.driver.pause(instance)
    name, begin, seen = naming.workload_name(instance.uuid), time.time(), []
    store.while_uploading = lambda: seen.append(api.inspect_container(name)["State"]["Status"])
    snapshot()
    assert seen == [state]
    told = api.events(since=begin, until=time.time(), decode=True,
                      filters={"container": name, "event": ["pause", "commit", "unpause"]})
    assert [event["Action"] for event in told] == acts


def test_an_upload_that_fails_leaves_neither_commit_nor_image(api, store, instance, snapshot):
    def refuse():
        raise nova_exception.GlanceConnectionFailed(server="glance", reason="503")

    store.while_uploading = refuse
    with pytest.raises(nova_exception.GlanceConnectionFailed):
        snapshot()
    assert commits(api) == []
    assert store.image is None
    name = naming.workload_name(instance.uuid)
    assert api.inspect_container(name)["State"]["Status"] == "running"


def test_an_image_that_lacks_the_beginning_is_deleted(api, store, snapshot):
    def lose():
        store.data = b""

    store.while_uploading = lose
    with pytest.raises(exception.UploadFailed):
        snapshot()
    assert commits(api) == []
    assert store.image is None


def test_an_instance_can_be_deleted_during_the_upload(boots, api, store, instance, snapshot):
    store.while_uploading = lambda: boots.driver.destroy(
        boots.context, instance, instances.network())
    snapshot()
    assert commits(api) == []


def test_an_absent_instance_has_no_snapshot(boots, instance, snapshot):
    boots.driver.destroy(boots.context, instance, instances.network())
    with pytest.raises(nova_exception.InstanceNotRunning):
        snapshot()


def test_the_start_removes_what_a_killed_snapshot_left_and_no_other_hosts(
        boots, api, instance, settings):
    name = naming.workload_name(instance.uuid)
    api.commit(name, repository=naming.SNAPSHOT_REPOSITORY, tag=IMAGE)
    host = nova.conf.CONF.host
    settings.config(host="another")
    boots.driver._snapshot.remove_leftovers()
    assert len(commits(api)) == 1
    settings.config(host=host)
    boots.driver._snapshot.remove_leftovers()
    assert commits(api) == []
