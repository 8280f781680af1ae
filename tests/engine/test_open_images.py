"""An open image runs what its user names in the user data, within the operator's rule."""

import base64
from collections.abc import Iterator
import uuid

from nova import exception as nova_exception
import nova.conf
import pytest

from nova_docker.translate import image as image_translation
from nova_docker.translate import naming
from tests.engine import instances
from tests.engine import leaks

CONF = nova.conf.CONF


@pytest.fixture
def published(registry, api) -> Iterator[str]:
    """An image that the engine has already."""
    reference = registry.publish(f"open/{uuid.uuid4().hex}", "1", instances.busybox())
    api.pull(reference)
    yield reference
    api.remove_image(reference)


@pytest.fixture
def boot(published, boots):
    def start(text: str):
        return boots.reference(image_translation.OPEN, user_data=base64.b64encode(
            f"#docker\n{text}".encode()).decode())
    return start


@pytest.fixture
def fault_of(boot, api):
    def start(text: str) -> str:
        before = leaks.traces(api, CONF.host)
        with pytest.raises((nova_exception.BuildAbortException,
                            nova_exception.InvalidInput)) as fault:
            boot(text)
        assert leaks.traces(api, CONF.host) == before
        return str(fault.value)
    return start


def test_it_runs_what_the_user_wants(boot, api, published):
    instance = boot(f"""image: {published}
entrypoint: [sh, -c]
cmd: ["echo $COLOUR; pwd; cat /proc/self/status | grep Uid; exec sleep 60"]
env: {{COLOUR: red}}
workdir: /srv
user: 10:20
""")
    name = naming.workload_name(instance.uuid)
    stat = api.exec_start(api.exec_create(name, ["stat", "-c", "%u:%g", "/proc/1"])["Id"])
    assert stat.strip() == b"10:20"
    shown = api.inspect_container(name)["Config"]
    assert "COLOUR=red" in shown["Env"]
    assert shown["WorkingDir"] == "/srv"
    output = api.logs(name).split()
    assert output[:2] == [b"red", b"/srv"]


def test_the_operator_s_rule_holds(fault_of, settings, published):
    settings.config(group="docker", registry_allow=["docker.io/library/*"])
    assert "[docker]/registry_allow" in fault_of(f"image: {published}")


def test_a_mistake_is_named_and_nothing_is_made(fault_of):
    fault = fault_of("imag: nginx\nuser: a b")
    assert "'imag'" in fault
    assert "'a b'" in fault


@pytest.mark.parametrize(("setting", "word"), [
    ("user: nobody-knows-me", "unable to find user nobody-knows-me"),
    ("workdir: /etc/passwd", "not a directory"),
    ("cmd: nosuch", "nosuch"),
])
def test_what_only_the_engine_finds_wrong_aborts_too(fault_of, published, setting, word):
    fault = fault_of(f"image: {published}\n{setting}")
    assert word in fault
    assert "user data" in fault


def test_an_absent_image_is_named(fault_of, registry):
    fault = fault_of(f"image: {registry.address}/no/such:1")
    assert "has no image" in fault
    assert "Correct image of the user data" in fault
