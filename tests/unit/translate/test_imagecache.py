"""Which images the cache may remove, and since when nobody uses them."""

from typing import Any

import pytest

from nova_docker.translate import imagecache
from nova_docker.translate import naming
from nova_docker.translate import reference

ID = "sha256:" + "a" * 64
LOADED = naming.private_tag("0f3c", "c" * 32)
NGINX = imagecache.pulled_tag(ID, "docker.io/library/nginx")
DIGEST = "sha256:" + "d" * 64


def entry(*tags: str, digests: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"Id": ID, "RepoTags": [*tags] or None, "RepoDigests": [*digests] or None}


@pytest.mark.parametrize(("reference_given", "name"), [
    ("docker.io/nginx", "nginx:latest"),
    ("docker.io/library/nginx:1.27", "nginx:1.27"),
    ("index.docker.io/me/web", "me/web:latest"),
    ("REGISTRY.example.org:5000/a/b:1", "registry.example.org:5000/a/b:1"),
    (f"docker.io/library/nginx:1.27@{DIGEST}", f"nginx@{DIGEST}"),
    ("localhost/web", "localhost/web:latest"),
])
def test_a_reference_and_the_name_that_the_engine_lists_are_one(reference_given, name):
    assert reference.canonical(reference_given) == reference.canonical(name)


@pytest.mark.parametrize("names", [
    entry(LOADED),
    entry(NGINX, "nginx:latest", digests=(f"nginx@{DIGEST}",)),
    entry(imagecache.pulled_tag(ID, f"docker.io/library/nginx@{DIGEST}"),
          digests=(f"nginx@{DIGEST}",)),
    entry(NGINX, digests=(f"nginx@{DIGEST}",)),
    entry(LOADED, digests=(f"{naming.GLANCE_REPOSITORY}@{DIGEST}",)),
    entry(imagecache.used_tag(ID, 5)),
])
def test_what_was_fetched_for_instances_is_ours(names):
    found = imagecache.cached_image(names)
    assert found is not None
    assert {*found.names} == {*(names["RepoTags"] or ()), *(names["RepoDigests"] or ())}


@pytest.mark.parametrize("names", [
    entry(),
    entry("nginx:latest", digests=(f"nginx@{DIGEST}",)),
    entry(LOADED, "nginx:latest"),
    entry(NGINX, "nginx:latest", "nginx:1.27"),
    entry(NGINX, "nginx:latest", digests=(f"other/nginx@{DIGEST}",)),
    entry(imagecache.pulled_tag("sha256:" + "b" * 64, "nginx"), "nginx:latest"),
    entry(LOADED, naming.snapshot_tag("0f3c")),
    entry(f"{naming.SANDBOX_REPOSITORY}:1"),
    entry("<none>:<none>", digests=("<none>@<none>",)),
])
def test_what_somebody_else_has_a_name_for_is_not(names):
    assert imagecache.cached_image(names) is None


def test_the_later_of_two_times_counts_and_what_makes_it_ours_goes_last():
    found = imagecache.cached_image(entry(
        NGINX, imagecache.used_tag(ID, 999), "nginx:latest", imagecache.used_tag(ID, 1000)))
    assert found is not None
    assert found.last_used == 1000
    assert found.names[-2:] == ("nginx:latest", NGINX)


def test_an_image_knows_its_image_of_glance():
    found = imagecache.cached_image(entry(LOADED))
    assert found is not None
    assert found.is_of("0f3c")
    assert not found.is_of("0f")
