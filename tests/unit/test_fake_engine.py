"""The fake engine offers what the real client offers, and fails on request.

What its methods do is the contract tests' matter.
"""

import inspect
from typing import Any

import pytest

from nova_docker import exception
from nova_docker.engine.client import Engine
from tests.fakes.engine import FakeEngine


def public(cls: type) -> dict[str, Any]:
    return {name: member for name, member in vars(cls).items() if not name.startswith("_")}


@pytest.mark.parametrize("name", sorted(public(Engine)))
def test_it_has_the_clients_methods_with_their_signatures(name: str):
    real = public(Engine)[name]
    if isinstance(real, property):
        assert hasattr(FakeEngine(), name)
        return
    assert name in public(FakeEngine), f"tests/fakes/engine.py lacks {name}()"
    assert inspect.signature(public(FakeEngine)[name]) == inspect.signature(real)


def test_an_injected_error_is_raised_as_often_as_asked():
    engine = FakeEngine()
    engine.fail("ping", exception.EngineConflict(action="ping", reason="busy"), times=2)
    for _ in range(2):
        with pytest.raises(exception.EngineConflict):
            engine.ping()
    engine.ping()
    assert engine.calls == [("ping",)] * 3


def test_nothing_answers_while_it_is_down():
    engine = FakeEngine()
    stream = engine.events({})
    engine.go_down()
    with pytest.raises(exception.EngineUnavailable):
        engine.list_containers({})
    assert list(stream) == []
    engine.down = False
    assert engine.list_containers({}) == []
