"""Private registries: the operator's credentials open them, and stay secret."""

import base64
import json
import logging
import uuid

from nova import exception as nova_exception
import nova.conf
import pytest

from nova_docker import exception
from nova_docker.translate import naming
from tests import machine
from tests import registry as test_registry
from tests.engine import instances
from tests.engine import leaks

CONF = nova.conf.CONF
SECRET = "pass:word-" + uuid.uuid4().hex


@pytest.fixture(scope="module")
def private():
    program = machine.require_program("docker-registry", package="docker-registry")
    with test_registry.running(program, {"alice": SECRET}) as running:
        yield running


@pytest.fixture
def image(private) -> str:
    return private.publish(f"private/{uuid.uuid4().hex}", "1", instances.busybox())


@pytest.fixture
def auth_file(tmp_path, settings):
    path = tmp_path / "auth.json"
    settings.config(group="docker", registry_auth_file=str(path))
    return path


def write(path, registry, password: str = SECRET) -> str:
    """:returns: what must be seen nowhere"""
    auth = base64.b64encode(f"alice:{password}".encode()).decode()
    path.write_text(json.dumps({"auths": {f"http://{registry.address}": {"auth": auth}}}))
    return auth


def refused(boots, api, ovs, image: str) -> str:
    before = leaks.traces(api, CONF.host)
    with pytest.raises(nova_exception.BuildAbortException) as abort:
        boots.reference(image, instances.network(instances.vif()))
    assert leaks.traces(api, CONF.host) == before
    return str(abort.value)


def test_a_private_image_boots_and_the_secret_is_seen_nowhere(
        boots, api, private, image, auth_file, caplog):
    caplog.set_level(logging.DEBUG)
    encoded = write(auth_file, private)
    instance = boots.reference(image)
    container = api.inspect_container(naming.workload_name(instance.uuid))
    seen = json.dumps([container, api.inspect_image(image)]) + caplog.text
    assert "Pulling image" in seen
    header = base64.urlsafe_b64encode(SECRET.encode()).decode()
    assert not [secret for secret in (SECRET, encoded, header[4:20]) if secret in seen]


def test_wrong_credentials_fail_with_the_registry_s_word_and_without_themselves(
        boots, api, ovs, private, image, auth_file, caplog):
    caplog.set_level(logging.DEBUG)
    encoded = write(auth_file, private, "wrong-" + SECRET)
    fault = refused(boots, api, ovs, image)
    assert "unauthorized: authentication required" in fault
    assert "[docker]/registry_auth_file" in fault
    assert not [secret for secret in (SECRET, encoded) if secret in fault + caplog.text]


def test_without_credentials_the_fault_says_that_they_are_missing(boots, api, ovs, image):
    fault = refused(boots, api, ovs, image)
    assert "no basic auth credentials" in fault
    assert "[docker]/registry_auth_file" in fault


def test_a_changed_file_holds_at_the_next_boot(boots, api, ovs, private, image, auth_file):
    write(auth_file, private, "old")
    refused(boots, api, ovs, image)
    write(auth_file, private)
    boots.reference(image)


@pytest.mark.parametrize("content", [None, '{"auths": {"a": {"auth": "%s"'],
                         ids=["absent", "malformed"])
def test_a_file_that_cannot_be_used_is_one_clear_error(
        boots, api, ovs, image, auth_file, content):
    if content:
        auth_file.write_text(content % SECRET)
    before = leaks.traces(api, CONF.host)
    with pytest.raises(exception.CredentialsUnusable) as error:
        boots.reference(image, instances.network(instances.vif()))
    assert leaks.traces(api, CONF.host) == before
    assert "[docker]/registry_auth_file" in str(error.value)
    assert str(auth_file) in str(error.value)
    assert SECRET not in str(error.value)
