"""What a flavor's ``docker:`` extra specs grant, and which are refused."""

from hypothesis import given
from hypothesis import strategies
from nova import exception as nova_exception
from nova.api.validation.extra_specs import base
import pytest

from nova_docker import exception
from nova_docker import extra_specs
from nova_docker.translate import flavor

VALIDATORS: dict[str, base.ExtraSpecValidator] = {
    validator.name: validator for validator in extra_specs.register()}

GOOD = [
    ("docker:privileged", "true"), ("docker:privileged", "no"),
    ("docker:cap_add", "NET_RAW"), ("docker:cap_add", "CAP_SYS_PTRACE,NET_ADMIN"),
    ("docker:pids_limit", "0"), ("docker:pids_limit", "100"), ("docker:shm_size_mb", "64"),
    ("docker:runtime", "kata-runtime"), ("docker:devices", "/dev/fuse"),
    ("docker:devices", "/dev/sda:/dev/xvdc:r,/dev/kvm:rw"),
]
BAD = [
    ("docker:privileged", "perhaps"), ("docker:privileged", ""),
    ("docker:cap_add", "NO_SUCH"), ("docker:cap_add", "NET_RAW,"), ("docker:cap_add", "net_raw"),
    ("docker:pids_limit", "-1"), ("docker:pids_limit", "many"),
    ("docker:shm_size_mb", "0"), ("docker:shm_size_mb", "64m"), ("docker:runtime", "a b"),
    ("docker:devices", "/etc/shadow"), ("docker:devices", "/dev/fuse:x"),
    ("docker:devices", "/dev/fuse:"), ("docker:devices", "/dev/../etc/shadow"),
]


def test_a_flavor_without_extra_specs_grants_nothing():
    assert flavor.grants({}) == flavor.grants({"hw:cpu_policy": "shared"}) == flavor.Grants()


def test_every_extra_spec_is_granted_as_it_is_written():
    assert flavor.grants({
        "docker:privileged": "yes", "docker:cap_add": "CAP_SYS_PTRACE,NET_RAW",
        "docker:pids_limit": "0", "docker:shm_size_mb": "128", "docker:runtime": "runsc",
        "docker:devices": "/dev/fuse,/dev/sda:/dev/xvdc:r,/dev/kvm:rw",
    }) == flavor.Grants(
        privileged=True, cap_add=("SYS_PTRACE", "NET_RAW"), pids=0, shm_mb=128, runtime="runsc",
        devices=(flavor.Device("/dev/fuse", "/dev/fuse", "rwm"),
                 flavor.Device("/dev/sda", "/dev/xvdc", "r"),
                 flavor.Device("/dev/kvm", "/dev/kvm", "rw")))


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_what_is_right_passes_the_api_and_the_boot(name, value):
    VALIDATORS[name].validate(name, value)
    flavor.grants({name: value})


@pytest.mark.parametrize(("name", "value"), BAD)
def test_what_is_wrong_is_refused_by_the_api_and_by_the_boot(name, value):
    with pytest.raises(nova_exception.ValidationError):
        VALIDATORS[name].validate(name, value)
    with pytest.raises(exception.InvalidExtraSpec, match=name):
        flavor.grants({name: value})


def test_an_unknown_name_is_refused_with_the_names_there_are():
    with pytest.raises(exception.InvalidExtraSpec, match="docker:pids_limit"):
        flavor.grants({"docker:pids": "5"})


@given(strategies.sampled_from(sorted(VALIDATORS)), strategies.text())
def test_the_api_and_the_boot_never_disagree_for_the_worse(name, value):
    """What the API lets pass the boot understands."""
    try:
        VALIDATORS[name].validate(name, value)
    except nova_exception.ValidationError:
        return
    flavor.grants({name: value})
