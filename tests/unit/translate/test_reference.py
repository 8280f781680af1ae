"""Which images of registries an operator allows."""

from nova import exception as nova_exception
import pytest

from nova_docker.translate import reference

DIGEST = "@sha256:" + "0" * 64


def allowed(name: str, *patterns: str) -> bool:
    try:
        reference.require_allowed(name, patterns)
    except nova_exception.InvalidInput:
        return False
    return True


def test_without_a_rule_everything_is_allowed():
    assert allowed("anything.example.org/at/all:1")


@pytest.mark.parametrize(("name", "pattern"), [
    ("docker.io/library/nginx:1.27", "docker.io/library/*"),
    ("docker.io/nginx", "docker.io/library/*"),
    ("docker.io/library/nginx" + DIGEST, "docker.io/library/nginx"),
    ("docker.io/library/nginx:1" + DIGEST, "docker.io/library/nginx"),
    ("registry.example.org/a/b/c:x", "registry.example.org/*"),
    ("registry.example.org/a/b/c:x", "registry.example.org"),
    ("Registry.Example.org/a", "registry.example.org/*"),
    ("registry.example.org:5000/web/shop_1", "registry.example.org:5000/web/*"),
    ("[::1]:5000/web", "[::1]:5000/*"),
    ("eu.example.org/web", "*.example.org/*"),
    ("quay.io/web", "*"),
])
def test_what_a_pattern_covers(name: str, pattern: str):
    assert allowed(name, "first.example.org/*", f" {pattern} ")


@pytest.mark.parametrize(("name", "pattern"), [
    ("docker.io/somebody/nginx", "docker.io/library/*"),
    ("docker.io/library/nginx2", "docker.io/library/nginx"),
    ("registry.example.org:5000/a", "registry.example.org/*"),
    ("registry.example.org.evil.net/a", "registry.example.org/*"),
    ("evil.net/registry.example.org/a", "*registry.example.org/*"),
    ("evil.net/a.example.org/web", "*.example.org/*"),
    ("registryXexample.org/a", "registry.example.org/*"),
    ("evil.net/a:docker.io", "*docker.io/*"),
    ("quay.io/web", ""),
])
def test_what_a_pattern_does_not_cover(name: str, pattern: str):
    assert not allowed(name, pattern)


@pytest.mark.parametrize("name", [
    "docker.io/library/x@evil.net/y", "docker.io/library/../../evil", "docker.io/UPPER/case",
    "docker.io//x", "docker.io/x y", "docker.io/x\n", "http://docker.io/x", "docker.io/a:b:c",
    "docker.io/x@sha256:12", "docker.io/é",
])
def test_what_is_no_reference_is_covered_by_no_pattern(name: str):
    assert not allowed(name, "*", "docker.io/*", "http:*")


def test_the_fault_names_the_image_the_rule_and_what_it_allows():
    with pytest.raises(nova_exception.InvalidInput) as fault:
        reference.require_allowed("quay.io/a/b:1", ["docker.io/library/*", "ghcr.io/us/*"])
    assert "'quay.io/a/b:1'" in str(fault.value)
    assert "[docker]/registry_allow" in str(fault.value)
    assert "docker.io/library/*, ghcr.io/us/*" in str(fault.value)


@pytest.mark.parametrize(("name", "known"), [
    ("docker.io/library/nginx:1", "nginx" + DIGEST),
    ("docker.io/nginx", "nginx" + DIGEST),
    ("index.docker.io/nginx", "nginx" + DIGEST),
    ("docker.io/library/nginx", "docker.io/library/nginx" + DIGEST),
    ("docker.io/library/nginx" + DIGEST, ""),
    ("docker.io/library/nginx:1" + DIGEST, "other.example.org/nginx" + DIGEST[:-1] + "1"),
])
def test_a_tag_is_pinned_to_the_digest_of_its_repository(name: str, known: str):
    others = ["other.example.org/nginx" + DIGEST[:-1] + "2", "a/nginx" + DIGEST[:-1] + "3"]
    assert reference.pinned(name, [*others, known]) == "docker.io/library/nginx" + DIGEST


def test_a_name_that_was_given_on_the_engine_has_no_digest():
    assert reference.pinned("quay.io/web:1", []) == ""
    assert reference.pinned("quay.io/web:1", ["nginx" + DIGEST, "<none>@<none>"]) == ""
    assert reference.pinned("quay.io/We b", ["<none>@<none>"]) == ""
