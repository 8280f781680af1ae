"""A Glance for every test of the client, and no engine."""

from collections.abc import Iterator
from pathlib import Path

import openstack
import pytest

from tests.fakes import glance as fake_glance


@pytest.fixture
def serving() -> Iterator[tuple[fake_glance.Glance, openstack.connection.Connection]]:
    with fake_glance.serving() as made:
        yield made


@pytest.fixture
def glance(serving) -> fake_glance.Glance:
    return serving[0]


@pytest.fixture
def cloud(serving) -> openstack.connection.Connection:
    return serving[1]


@pytest.fixture(autouse=True)
def no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"unix://{tmp_path}/nobody"
    monkeypatch.setenv("DOCKER_HOST", url)
    return url
