"""The cloud that tools/quickstart brought up, and its users."""

from collections.abc import Iterator
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import machine_state
from tests.cloud import program
from tests.cloud import user


@pytest.fixture(scope='session')
def facts() -> dict[str, Any]:
    """Where everything of the cloud is."""
    path = Path(os.environ.get('AIO_DIR', '/var/lib/nova-docker-aio')) / 'run/aio.json'
    if not path.exists():
        message = 'no all-in-one cloud: run tools/quickstart --no-demo'
        if os.environ.get('CI'):
            pytest.fail(message)
        pytest.skip(message)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.fixture(scope='session')
def admin(facts: dict[str, Any]) -> user.User:
    """The cloud's administrator."""
    return user.User(facts['clouds'], 'aio-admin')


@pytest.fixture(scope='session')
def compute(facts: dict[str, Any], admin: user.User) -> program.Program:
    """The nova-compute process."""
    return program.nova_compute(facts, admin)


@pytest.fixture(scope='session')
def agent(facts: dict[str, Any], admin: user.User) -> program.Program:
    """The agent that wires the ports."""
    if facts['network'] == 'ovn':
        pytest.skip('OVN wires the ports of this cloud')
    return program.ovs_agent(facts, admin)


@pytest.fixture(autouse=True)
def nothing_left(facts: dict[str, Any], admin: user.User) -> Iterator[None]:
    """Every test ends with the machine as it was before."""
    known = frozenset(image.id for image in admin.api.image.images())
    before = machine_state.leavings(known)
    yield
    machine_state.assert_nothing_left(before, known)


@pytest.fixture
def tenant(facts: dict[str, Any], nothing_left: None) -> Iterator[user.User]:
    """A user of the demo project, whose things are deleted after the test."""
    someone = user.User(facts['clouds'], 'aio-demo')
    yield someone
    someone.clean_up()
