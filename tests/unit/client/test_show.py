"""What an image would run is read from its archive."""

import io

from osc_lib import exceptions
import pytest

from nova_docker.client import archive
from tests import archives
from tests import commands
from tests import hostile
from tests import tars
from tests.fakes import glance as fake_glance

LAYERS = [tars.tar(("a", b"a")), tars.tar(("b", b"b"))]
WEB = archives.Image(files={"small": b"x"}, entrypoint=["/web server"],
                     command=["--port", "80"], env=["A=1", "B=\x1b[2Jtwo"])


@pytest.mark.parametrize("compress", tars.COMPRESSIONS.values(), ids=tars.COMPRESSIONS)
@pytest.mark.parametrize("layout", tars.LAYOUTS.values(), ids=tars.LAYOUTS)
def test_every_layout_is_read(layout, compress):
    packed = compress(tars.tar(*layout(LAYERS, ["web:1"])))
    found = archive.configuration(io.BytesIO(packed))
    assert found["config"] == {"Cmd": ["/x"]}
    assert len(found["rootfs"]["diff_ids"]) == 2


@pytest.mark.parametrize("compress", [bytes, tars.gzipped])
@pytest.mark.parametrize("name", hostile.CORPUS)
def test_a_hostile_archive_ends_in_a_message_or_is_shown(name: str, compress):
    """What is wrong with the layers does not matter here."""
    try:
        archive.configuration(io.BytesIO(compress(hostile.CORPUS[name][0])))
    except exceptions.CommandError as e:
        assert "\n" not in str(e)


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_layers_are_passed_over_where_glance_knows_ranges(
        glance: fake_glance.Glance, cloud, knows_ranges: bool):
    large = archives.Image(files={"large": bytes(40 << 20)}, command=["/x"])
    glance.knows_ranges = knows_ranges
    glance.add(large.archive(), name="large")
    assert commands.run(cloud, "show", "large")["command"] == ["/x"]
    # What the sockets between the two hold is sent in vain.
    assert (glance.sent < 30 << 20) is knows_ranges


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
