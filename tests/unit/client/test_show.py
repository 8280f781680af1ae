"""What an image would run is read from its archive."""

from osc_lib import exceptions
import pytest

from nova_docker.client import archive
from tests import archives
from tests import commands
from tests import hostile
from tests import tars
from tests.fakes import glance as fake_glance

LAYERS = [tars.tar(("a", b"a")), tars.tar(("b", b"b"))]
WEB = archives.Image(files={"big": bytes(8 << 20)}, entrypoint=["/web server"],
                     command=["--port", "80"], env=["A=1", "B=\x1b[2Jtwo"])


@pytest.mark.parametrize("compress", tars.COMPRESSIONS.values(), ids=tars.COMPRESSIONS)
@pytest.mark.parametrize("layout", tars.LAYOUTS.values(), ids=tars.LAYOUTS)
def test_every_layout_is_read(layout, compress):
    packed = compress(tars.tar(*layout(LAYERS, ["web:1"])))
    found = archive.configuration(archives.pieces(packed, 1000))
    assert found["config"] == {"Cmd": ["/x"]}
    assert len(found["rootfs"]["diff_ids"]) == 2


@pytest.mark.parametrize("name", hostile.CORPUS)
def test_a_hostile_archive_ends_in_a_message_or_is_shown(name: str):
    """What is wrong with the layers does not matter here."""
    try:
        archive.configuration(archives.pieces(hostile.CORPUS[name][0]))
    except exceptions.CommandError as e:
        assert "\n" not in str(e)


def test_no_more_is_read_than_is_needed(glance: fake_glance.Glance, cloud):
    config = archives.only_members(WEB.archive(), f"{WEB.id.removeprefix('sha256:')}.json",
                                   "manifest.json")
    glance.add(config[:-10240] + WEB.archive() * 4, name="web")
    commands.run(cloud, "show", "web")
    assert glance.sent < len(WEB.archive()) * 4


def test_an_archive_is_shown_as_it_would_run(glance: fake_glance.Glance, cloud):
    glance.add(WEB.archive(), name="web")
    shown = commands.run(cloud, "show", "web")
    assert shown["entrypoint"] == ["/web server"]
    assert shown["command"] == ["--port", "80"]
    assert shown["env"] == ["A=1", "B=?[2Jtwo"], "it could have moved the cursor"
    assert (shown["user"], shown["workdir"], shown["layers"]) == ("root", "/", 1)
    assert shown["architecture"] in ("x86_64", "aarch64")


def test_a_command_of_the_operator_takes_the_place_of_the_images(
        glance: fake_glance.Glance, cloud):
    glance.add(WEB.archive(), name="web", os_command_line="--port '8 0'")
    assert commands.run(cloud, "show", "web")["command"] == ["--port", "8 0"]


def test_an_image_of_a_registry_is_shown_as_what_would_be_pulled(
        glance: fake_glance.Glance, cloud):
    glance.add(b"x", name="web", docker_image="nginx:1.27")
    assert commands.run(cloud, "show", "web")["docker_image"] == "nginx:1.27"


def test_what_cannot_be_shown_is_told_in_a_line(glance: fake_glance.Glance, cloud):
    glance.add(None, name="queued")
    glance.add(b"\x7fELF" * 1000, name="kernel")
    glance.add(WEB.archive(), name="twice")
    glance.add(WEB.archive(), name="twice", number="2")
    for name, reason in {"absent": "There is no image absent", "queued": "is queued",
                         "kernel": "docker save", "twice": "give the id"}.items():
        assert reason in commands.refusal(cloud, "show", name)
