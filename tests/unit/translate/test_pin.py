"""What a tag was resolved to is booted again until another image is asked for."""

import pytest

from nova_docker.translate import image
from nova_docker.translate import pin

ONE = "sha256:" + "1" * 64


def asked_for(reference: str, image_id: str = "a" * 36) -> image.ImageSource:
    return image.image_source(image_id, None, {"docker_image": reference})


def kept(source: image.ImageSource, pinned: str) -> dict[str, str]:
    return {pin.KEY: pin.pin(source, pinned)}


@pytest.mark.parametrize("again", ["nginx:1", "docker.io/library/nginx:1"])
def test_the_same_image_is_the_same_bytes(again: str):
    before = kept(asked_for("nginx:1"), f"docker.io/library/nginx@{ONE}")
    assert pin.recall(before, asked_for(again)) == f"docker.io/library/nginx@{ONE}"


@pytest.mark.parametrize("now", [
    asked_for("nginx:1", "b" * 36), asked_for("nginx:2"), asked_for("quay.io/nginx:1")])
def test_another_image_or_another_reference_is_asked_for_anew(now: image.ImageSource):
    before = kept(asked_for("nginx:1"), f"docker.io/library/nginx@{ONE}")
    assert pin.recall(before, now) == ""


@pytest.mark.parametrize("metadata", [{}, {pin.KEY: ""}, {pin.KEY: "of another release"}])
def test_without_a_pin_the_tag_is_resolved(metadata: dict[str, str]):
    assert pin.recall(metadata, asked_for("nginx:1")) == ""


def test_it_fits_into_what_nova_keeps_whatever_the_length_of_the_reference():
    long = "registry.example.org/" + "a" * 230
    assert len(kept(asked_for(long), f"{long}@{ONE}")[pin.KEY]) <= 255
