"""Whatever an engine does wrong, the caller gets one of the driver's exceptions.

And in time, and without a request done twice that must not be.
"""

from collections.abc import Iterator
from pathlib import Path
import time

import pytest

from nova_docker import exception
from nova_docker.engine.client import Engine
from tests.archives import pieces
from tests.fakes import daemon
from tests.fakes.daemon import Daemon

LABELS = {"a": "b"}
CREATE = "POST /containers/create"
LIST = "GET /containers/json"
LOAD = "POST /images/load"
LOGS = "GET /containers/x/logs"
PULL = "POST /images/create"
VERSION = "GET /version"
REFERENCE = "registry.test/x:1"


@pytest.fixture
def dockerd(tmp_path: Path) -> Iterator[Daemon]:
    with daemon.running(tmp_path / "s") as scripted:
        yield scripted


@pytest.fixture
def engine(dockerd: Daemon) -> Iterator[Engine]:
    connected = Engine(dockerd.url, timeout=1, stream_timeout=1)
    connected.connect()
    yield connected
    connected.close()


def test_nobody_listens(tmp_path: Path):
    engine = Engine(f"unix://{tmp_path}/absent", timeout=1)
    with pytest.raises(exception.EngineUnavailable, match=f"{tmp_path}/absent"):
        engine.connect()


def test_an_engine_that_is_too_old_is_named_with_what_is_needed(dockerd: Daemon):
    dockerd.answer(VERSION, daemon.reply({"ApiVersion": "1.40", "Version": "19.3"}))
    with pytest.raises(exception.EngineTooOld, match=r"1\.40.*1\.41"):
        Engine(dockerd.url, timeout=1).connect()


def test_versions_are_compared_as_numbers(dockerd: Daemon):
    """1.100 is newer than 1.41."""
    dockerd.answer(VERSION, daemon.reply({"ApiVersion": "1.100", "Version": "99"}))
    engine = Engine(dockerd.url, timeout=1)
    engine.connect()
    assert engine.api_version == (1, 100)


def test_an_engine_that_hangs_up_at_once_is_not_available(dockerd: Daemon):
    dockerd.answer(VERSION, daemon.hang_up)
    with pytest.raises(exception.EngineUnavailable):
        Engine(dockerd.url, timeout=1).connect()


def test_a_silent_engine_costs_no_more_than_the_time_limit(dockerd: Daemon, engine: Engine):
    dockerd.answer(CREATE, daemon.stay_silent)
    began = time.monotonic()
    with pytest.raises(exception.EngineUnavailable):
        engine.create_container("x", {})
    assert time.monotonic() - began < 5


def test_a_harmless_request_is_repeated_when_its_connection_breaks(
        dockerd: Daemon, engine: Engine):
    dockerd.answer(LIST, daemon.hang_up, daemon.reply([{"Id": "1"}]))
    assert engine.list_containers(LABELS) == [{"Id": "1"}]


def test_it_is_repeated_once_and_no_more(dockerd: Daemon, engine: Engine):
    dockerd.answer(LIST, daemon.hang_up)
    with pytest.raises(exception.EngineUnavailable):
        engine.list_containers(LABELS)
    assert dockerd.requests.count(LIST) == 2


def test_a_creation_is_never_repeated(dockerd: Daemon, engine: Engine):
    """The engine may have done it before the connection broke."""
    dockerd.answer(CREATE, daemon.hang_up, daemon.reply({"Id": "1"}))
    with pytest.raises(exception.EngineUnavailable):
        engine.create_container("x", {})
    assert dockerd.requests.count(CREATE) == 1


def test_an_error_of_the_engine_is_passed_on_with_its_words(dockerd: Daemon, engine: Engine):
    dockerd.answer(CREATE, daemon.status(500, "no space left on device"))
    with pytest.raises(exception.EngineError, match=r"container x.*no space left on device"):
        engine.create_container("x", {})


@pytest.mark.parametrize("spoil", [daemon.hang_up, daemon.stay_silent])
def test_a_pull_that_stops_half_way_fails(dockerd: Daemon, engine: Engine, spoil: daemon.Answer):
    dockerd.answer(PULL, daemon.stream({"status": "Downloading"}, then=spoil))
    with pytest.raises(exception.EngineError):
        engine.pull_image(REFERENCE)


@pytest.mark.parametrize("spoil", [daemon.hang_up, daemon.stay_silent])
def test_a_load_that_stops_half_way_fails(dockerd: Daemon, engine: Engine, spoil: daemon.Answer):
    dockerd.answer(LOAD, daemon.stream({"stream": "Loading"}, then=spoil))
    with pytest.raises(exception.EngineError):
        engine.load_image(pieces(b""))


def test_logs_that_stop_half_way_are_asked_for_again(dockerd: Daemon, engine: Engine):
    dockerd.answer(LOGS, daemon.stream("half", then=daemon.hang_up), daemon.stream("whole"))
    assert b"whole" in engine.tail_logs("x", lines=1, max_bytes=100)


def test_an_error_within_a_pull_is_no_success(dockerd: Daemon, engine: Engine):
    dockerd.answer(PULL, daemon.stream({"status": "Downloading"}, {"error": "disk is full"}))
    with pytest.raises(exception.ImagePullFailed, match="disk is full"):
        engine.pull_image(REFERENCE)


def test_an_error_within_a_load_is_no_success(dockerd: Daemon, engine: Engine):
    dockerd.answer(LOAD, daemon.stream({"error": "disk is full"}))
    with pytest.raises(exception.ImageLoadFailed, match="disk is full"):
        engine.load_image(pieces(b""))


def test_a_denied_pull_says_what_the_registry_said(dockerd: Daemon, engine: Engine):
    dockerd.answer(PULL, daemon.status(404, "pull access denied for x, repository does not "
                                            "exist or may require 'docker login'"))
    with pytest.raises(exception.EngineImageNotFound, match="pull access denied"):
        engine.pull_image(REFERENCE)


def test_a_registry_that_is_refused_by_the_engine_is_a_failed_pull(
        dockerd: Daemon, engine: Engine):
    dockerd.answer(PULL, daemon.status(500, "Get https://registry.test/v2/: EOF"))
    with pytest.raises(exception.ImagePullFailed, match="EOF"):
        engine.pull_image(REFERENCE)


def test_a_broken_event_stream_ends_and_does_not_raise(dockerd: Daemon, engine: Engine):
    dockerd.answer("GET /events", daemon.stream({"Action": "start"}, then=daemon.hang_up))
    assert [event["Action"] for event in engine.events(LABELS)] == ["start"]


@pytest.mark.parametrize("message", [
    'OCI runtime create failed: exec: "/x": stat /x: no such file or directory: unknown',
    'OCI runtime create failed: runc create failed: exec: "x": executable file not found in $PATH',
    'failed to create task: exec: "/x": permission denied: unknown',
    "standard_init_linux.go:228: exec user process caused: exec format error",
])
def test_a_command_that_cannot_run_is_told_from_other_failures(
        dockerd: Daemon, engine: Engine, message: str):
    dockerd.answer("POST /containers/x/start", daemon.status(400, message))
    with pytest.raises(exception.CommandNotRunnable):
        engine.start_container("x")


@pytest.mark.parametrize("message", [
    'OCI runtime create failed: mounting "/a" to rootfs at "/b": no such file or directory',
    "OCI runtime create failed: lookup /proc/77/ns/net: no such file or directory",
    'failed to start shim: binary not installed "containerd-shim-runc-v2": file does not exist',
])
def test_a_failure_of_the_host_is_not_blamed_on_the_command(
        dockerd: Daemon, engine: Engine, message: str):
    dockerd.answer("POST /containers/x/start", daemon.status(500, message))
    with pytest.raises(exception.EngineError) as raised:
        engine.start_container("x")
    assert not isinstance(raised.value, exception.CommandNotRunnable)


@pytest.mark.parametrize(("status", "words", "kind"), [
    # Docker 20.10
    (500, "received unexpected HTTP status: 503 Service Unavailable", "RegistryUnavailable"),
    (500, "toomanyrequests: You have reached your pull rate limit", "RegistryUnavailable"),
    (500, 'Get "https://r.test/v2/": EOF', "RegistryUnavailable"),
    (500, 'Get "https://r.test/v2/": net/http: TLS handshake timeout', "RegistryUnavailable"),
    (500, 'Get "http://r.test/v2/": dial tcp 10.0.0.1:80: connect: connection refused',
     "RegistryUnreachable"),
    (500, 'Get "https://r.test/v2/": dial tcp: lookup r.test: no such host',
     "RegistryUnreachable"),
    (500, "unauthorized: authentication required", "RegistryRefused"),
    (500, 'Head "http://r.test/v2/x/manifests/1": no basic auth credentials', "RegistryRefused"),
    (404, "pull access denied for x, repository does not exist or may require 'docker login': "
          "denied: requested access to the resource is denied", "EngineImageNotFound"),
    (404, "no matching manifest for linux/amd64 in the manifest list entries: not found",
     "PlatformNotFound"),
    (500, 'Get "https://r.test/v2/": x509: certificate signed by unknown authority',
     "ImagePullFailed"),
])
def test_the_engine_s_words_tell_what_a_failed_pull_means(
        dockerd: Daemon, engine: Engine, status: int, words: str, kind: str):
    dockerd.answer(PULL, daemon.status(status, words))
    with pytest.raises(exception.EngineError) as error:
        engine.pull_image(REFERENCE)
    assert type(error.value).__name__ == kind
    assert words in str(error.value)
