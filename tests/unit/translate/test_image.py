"""What an image's properties say about where it is and what it runs."""

import base64

from nova import exception as nova_exception
import pytest

from nova_docker.translate import image
from nova_docker.translate import naming


def test_an_image_without_a_reference_is_an_archive_under_its_private_tag():
    source = image.image_source("i-1", "abc", {})
    assert source.in_glance
    assert source.reference == naming.private_tag("i-1", "abc")


def test_an_image_with_a_reference_is_pulled():
    source = image.image_source("i-1", "abc", {"docker_image": " quay.io/a/nginx:1.27 "})
    assert source == image.ImageSource("i-1", "quay.io/a/nginx:1.27", in_glance=False)


@pytest.mark.parametrize(("reference", "meant"), [
    ("nginx", "docker.io/library/nginx"), ("a/nginx:1", "docker.io/a/nginx:1"),
    ("docker.io/nginx", "docker.io/nginx"), ("localhost/x", "localhost/x"),
    ("localhost:5000/x", "localhost:5000/x"),
    ("10.0.0.1:5000/a/b@sha256:1", "10.0.0.1:5000/a/b@sha256:1"),
    ("sha256:" + "a" * 64, "docker.io/library/sha256:" + "a" * 64),
    ("0123456789ab", "docker.io/library/0123456789ab"), ("a" * 64, "docker.io/library/" + "a" * 64),
])
def test_a_reference_never_means_an_image_that_is_on_the_engine_by_its_id(reference, meant):
    assert image.image_source("i-1", None, {"docker_image": reference}).reference == meant


@pytest.mark.parametrize("repository", [naming.GLANCE_REPOSITORY, naming.SANDBOX_REPOSITORY])
def test_a_reference_to_another_tenants_archive_is_refused(repository):
    for spelling in (repository, repository.replace("nova-docker", "Nova-Docker")):
        with pytest.raises(nova_exception.InvalidInput, match="docker_image"):
            image.image_source("i-1", None, {"docker_image": f"{spelling}:x"})


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


def test_an_open_image_is_what_the_user_data_say():
    user_data = base64.b64encode(b"#docker\nimage: nginx\nuser: www").decode()
    source = image.image_source("i-1", None, {"docker_image": "*"}, user_data)
    assert source.reference == "docker.io/library/nginx"
    assert source.process.user == "www"
    assert source.named_in == "image of the user data"


def test_user_data_name_no_archive_of_glance_either():
    reference = naming.private_tag("i-2", "0" * 32)
    user_data = base64.b64encode(f"#docker\nimage: {reference}".encode()).decode()
    with pytest.raises(nova_exception.InvalidInput, match="images of Glance"):
        image.image_source("i-1", None, {"docker_image": "*"}, user_data)


def test_other_images_do_not_look_at_the_user_data():
    user_data = base64.b64encode(b"#docker\nimage: nginx").decode()
    assert image.image_source("i-1", "abc", {}, user_data).in_glance
