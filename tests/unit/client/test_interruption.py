"""Who stops a command stops its work, and not the tidying up."""

import os
import signal

import docker
import pytest

from nova_docker.client import engine
from nova_docker.client import interruption


def send(number: int) -> None:
    os.kill(os.getpid(), number)


def test_sigterm_stops_like_ctrl_c():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), interruption.also_by_sigterm():
        send(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_tidying_up_is_not_stopped(number: int):
    before = signal.getsignal(number)
    with interruption.held_back():
        send(number)
    assert signal.getsignal(number) == before


@pytest.mark.parametrize(("error", "advice"), [
    ("PermissionError(13, 'Permission denied')", "You may not use the Docker engine at unix:///x"),
    ("FileNotFoundError(2, 'No such file or directory')", "start Docker"),
    ("ConnectTimeoutError(\n'timed out')", "Check that it runs")])
def test_an_engine_that_cannot_be_used_is_told_with_what_to_do(error: str, advice: str):
    said = engine._unreachable("unix:///x", docker.errors.DockerException(error))
    assert advice in said
    assert "\n" not in said
