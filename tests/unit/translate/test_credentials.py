"""What Docker's config.json has for a registry."""

import base64
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from nova_docker import exception
from nova_docker.translate import credentials

SECRET = "very-secret"
PAIR = {"username": "alice", "password": "p:w"}
AUTH = {"auth": base64.b64encode(b"alice:p:w").decode()}


def of(registry: str, **auths: Any) -> dict[str, str]:
    found = credentials.for_registry(json.dumps({"auths": auths}), registry)
    found.pop("serveraddress", None)
    return found


@pytest.mark.parametrize(("key", "registry"), [
    ("registry.example.org", "registry.example.org"),
    ("Registry.example.org", "registry.example.org"),
    ("https://registry.example.org/v2/", "registry.example.org"),
    ("http://127.0.0.1:5000", "127.0.0.1:5000"),
    ("https://index.docker.io/v1/", "docker.io"), ("docker.io", "docker.io"),
    ("https://index.docker.io/v1/", "index.docker.io"),
])
def test_a_registry_is_found_by_its_key(key, registry):
    assert of(registry, **{key: AUTH}) == PAIR


@pytest.mark.parametrize("registry", ["example.org", "registry.example.org:5000", "docker.io",
                                      "registry.example.org.evil.net"])
def test_another_registry_is_asked_anonymously(registry):
    assert of(registry, **{"registry.example.org": AUTH}) == {}


@pytest.mark.parametrize(("entry", "found"), [
    (AUTH, PAIR), (PAIR, PAIR), ({**AUTH, "email": "x"}, PAIR),
    ({**AUTH, "identitytoken": "t"}, {"identitytoken": "t"}), ({"identitytoken": "t"},
                                                               {"identitytoken": "t"}),
    ({}, {}), ({"auth": ""}, {}),
])
def test_an_entry_has_a_pair_or_a_token(entry, found):
    assert of("a.org", **{"a.org": entry}) == found


@pytest.mark.parametrize(("content", "why"), [
    ("", "not JSON"), ('{"auths":\n{"' + SECRET, r"line 2"), ("[]", "auths"), ("null", "auths"),
    ('{"auths": ["very-secret"]}', "auths"), ('{"auths": {"a.org": "very-secret"}}', "a.org"),
    ('{"auths": {"a.org": {"auth": "very-secret!"}}}', "base64 of <username>:<password>"),
    ('{"auths": {"a.org": {"auth": "YWxpY2U="}}}', "base64 of <username>:<password>"),
    ('{"auths": {"a.org": {"auth": 1}}}', "base64"),
    ('{"auths": {"a.org": {"password": "very-secret"}}}', "username"),
    ('{"auths": {"a.org": {"username": ["very-secret"]}}}', "no text"),
    ('{"credsStore": "pass"}', "credential helpers"),
])
def test_a_malformed_file_is_explained_and_not_quoted(content, why):
    with pytest.raises(exception.MalformedCredentials, match=why) as error:
        credentials.for_registry(content, "a.org")
    assert SECRET not in str(error.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
        st.sampled_from(["auths", "a.org", "auth", "username", "password", "identitytoken"]),
        inner, max_size=3), max_leaves=12)


@given(json_values)
def test_whatever_is_in_the_file_the_outcome_is_credentials_or_an_explanation(value):
    try:
        found = credentials.for_registry(json.dumps(value), "a.org")
    except exception.MalformedCredentials:
        return
    assert all(isinstance(part, str) for part in found.values())
