"""What an image's properties say about where it is and what it runs."""

from nova import exception as nova_exception
import pytest

from nova_docker.translate import image
from nova_docker.translate import naming


def test_an_image_without_a_reference_is_an_archive_under_its_private_tag():
    source = image.image_source("i-1", "abc", {})
    assert source.in_glance
    assert source.reference == naming.private_tag("i-1", "abc")


def test_an_image_with_a_reference_is_pulled():
    source = image.image_source("i-1", "abc", {"docker_image": " nginx:1.27 "})
    assert source == image.ImageSource("i-1", "nginx:1.27", in_glance=False)


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_reference_is_none(blank):
    assert image.image_source("i-1", None, {"docker_image": blank}).in_glance


def test_properties_are_found_in_the_instances_system_metadata():
    found = image.image_properties({"image_docker_image": "nginx", "image_base_image_ref": "x",
                                    "boot_roles": "member", "old_image_y": "z"})
    assert found == {"docker_image": "nginx", "base_image_ref": "x"}


@pytest.mark.parametrize(("line", "words"), [
    (None, None), ("", None), ("   ", None),
    ("sleep 5", ["sleep", "5"]),
    ("""sh -c 'echo "$A" > /b'""", ["sh", "-c", 'echo "$A" > /b']),
])
def test_the_command_line_is_split_as_a_shell_would(line, words):
    assert image.command(line) == words


def test_quotes_that_do_not_match_are_a_clear_mistake():
    with pytest.raises(nova_exception.InvalidInput, match=r"os_command_line.*[Nn]o closing"):
        image.command("sh -c 'sleep 5")
