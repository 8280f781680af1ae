"""Who gets a config drive."""

from collections.abc import Iterator
from types import SimpleNamespace

import nova.conf
from oslo_config import fixture as config_fixture
import pytest

from nova_docker import configdrive


@pytest.fixture
def settings() -> Iterator[config_fixture.Config]:
    with config_fixture.Config(nova.conf.CONF) as config:
        yield config


@pytest.mark.parametrize(("asked", "of_image", "forced", "launched", "given"), [
    ("", {}, False, None, False),
    ("True", {}, False, None, True),
    ("", {"img_config_drive": "mandatory"}, False, None, True),
    ("", {}, True, None, True),
    ("", {}, True, "2026-01-01", False),
])
def test_the_user_the_image_and_the_operator_can_ask_for_it(
        settings, asked, of_image, forced, launched, given):
    settings.config(force_config_drive=forced)
    instance = SimpleNamespace(config_drive=asked, launched_at=launched,
                               image_meta=SimpleNamespace(properties=of_image))
    assert configdrive.required_by(instance) is given
