"""An image gets into Glance whole, or nothing of it stays."""

from collections.abc import Iterator

from osc_lib import exceptions
import pytest

from nova_docker.client import glance as client_glance
from tests import commands
from tests.fakes import glance as fake_glance

GIB = 1 << 30
BODY = client_glance.description("web", GIB + 1, hw_architecture="x86_64")


@pytest.fixture
def images(cloud) -> client_glance.Images:
    return client_glance.Images(cloud.image)


def test_it_says_where_it_can_run_and_what_it_needs(glance: fake_glance.Glance, images):
    made = images.create(BODY, [b"ab", b"c"])
    assert glance.data[made["id"]] == b"abc"
    assert {key: made[key] for key in (
        "name", "status", "container_format", "disk_format", "hw_architecture", "img_hv_type",
        "min_disk", "min_ram")} == {
            "name": "web", "status": "active", "container_format": "docker", "disk_format": "raw",
            "hw_architecture": "x86_64", "img_hv_type": "docker", "min_disk": 2, "min_ram": 6}


def test_no_chunk_is_too_long_for_a_server_before_glance(glance: fake_glance.Glance, images):
    images.create(BODY, [bytes(3 << 20)])
    assert glance.longest_chunk <= 1 << 20


@pytest.mark.parametrize(("where", "status", "advice"), [
    ("POST images", 403, "Ask the operator"), ("POST images", 400, "Correct"),
    ("PUT file", 413, "quota"), ("PUT file", 500, "Try again")])
def test_what_glance_refuses_is_told_in_a_line_and_leaves_nothing(
        glance: fake_glance.Glance, images, where: str, status: int, advice: str):
    glance.refusals[where] = status
    with pytest.raises(exceptions.CommandError, match=f"because of a test.*{advice}"):
        images.create(BODY, [b"abc"])
    assert glance.images == {}


def test_an_upload_that_lost_bytes_leaves_nothing(glance: fake_glance.Glance, images):
    glance.lost = 1
    with pytest.raises(exceptions.CommandError, match=r"has 2 of 3 bytes.*Try again"):
        images.create(BODY, [b"abc"])
    assert glance.images == {}


@pytest.mark.parametrize("failure", [KeyboardInterrupt, exceptions.CommandError("broke off")])
def test_whoever_interrupts_it_leaves_nothing(
        glance: fake_glance.Glance, images, failure: BaseException):
    def pieces() -> Iterator[bytes]:
        yield b"a"
        raise failure

    with pytest.raises((KeyboardInterrupt, exceptions.CommandError)):
        images.create(BODY, pieces())
    assert glance.images == {}


def test_what_cannot_be_deleted_either_is_named(glance: fake_glance.Glance, images):
    def pieces() -> Iterator[bytes]:
        yield b"a"
        glance.refusals[f"DELETE {next(iter(glance.images))}"] = 500
        raise KeyboardInterrupt

    with pytest.raises(exceptions.CommandError, match="Run \"openstack image delete"):
        images.create(BODY, pieces())


def test_registering_makes_an_active_image_that_names_another(glance: fake_glance.Glance, cloud):
    shown = commands.run(cloud, "register", "nginx:1.27", "--architecture", "aarch64")
    made = glance.images[shown["id"]]
    assert made["status"] == "active"
    assert (made["name"], made["docker_image"]) == ("nginx:1.27", "nginx:1.27")
    assert (made["hw_architecture"], made["img_hv_type"]) == ("aarch64", "docker")


def test_without_an_engine_an_image_is_registered_for_every_architecture(
        glance: fake_glance.Glance, cloud):
    shown = commands.run(cloud, "register", "nginx", "--name", "web")
    assert shown["name"] == "web"
    assert "hw_architecture" not in glance.images[shown["id"]]


def test_an_open_image_is_registered(glance: fake_glance.Glance, cloud):
    shown = commands.run(cloud, "register", "*", "--name", "any image")
    assert glance.images[shown["id"]]["docker_image"] == "*"


@pytest.mark.parametrize("wrong", ["Nginx", "a b", "docker://nginx", "nginx:", "a/b@sha256:12",
                                   "x" * 256])
def test_what_names_no_image_is_not_registered(glance: fake_glance.Glance, cloud, wrong: str):
    assert "image" in commands.refusal(cloud, "register", wrong)
    assert glance.images == {}


@pytest.mark.parametrize("arguments", [("import", "nginx"), ("build", ".", "--file", "LICENSE")])
def test_without_an_engine_one_is_told_where_it_was_looked_for(
        glance: fake_glance.Glance, cloud, no_engine: str, arguments: tuple[str, ...]):
    assert commands.refusal(cloud, *arguments) == (
        f"No Docker engine answers at {no_engine}: start Docker, or name an engine in "
        f"DOCKER_HOST.")
    assert glance.images == {}
