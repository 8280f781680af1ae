"""The way to an engine over TCP is verified at both ends, on real dockerds."""

from collections.abc import Iterator
import contextlib
import http.server
from pathlib import Path
import subprocess
import threading
import time
from typing import Any

import pytest

from nova_docker import exception
from nova_docker.engine import tls
from nova_docker.engine.client import Engine
from tests import authority
from tests import machine
from tests import ports


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> authority.Authority:
    return authority.Authority(tmp_path_factory.mktemp("ca"))


@contextlib.contextmanager
def dockerd(folder: Path, ca: authority.Authority, certificate: authority.Pair,
            host: str = "127.0.0.1") -> Iterator[str]:
    """An engine that demands a client certificate of the authority.  :yields: its URL"""
    machine.require_program("dockerd", package="docker.io")
    port = ports.free()
    # In the network of the tests, for they must reach its port; without iptables.
    # The bridge of that name makes it leave docker0 alone.
    command = ["dockerd", "--host", f"tcp://127.0.0.1:{port}", "--tlsverify",
               "--tlscacert", str(ca.file), "--tlscert", str(certificate.cert),
               "--tlskey", str(certificate.key), "--data-root", str(folder / "data"),
               "--exec-root", str(folder / "exec"), "--pidfile", str(folder / "pid"),
               "--bridge", "none", "--iptables=false"]
    with (folder / "log").open("wb") as log, subprocess.Popen(
            command, stdout=log, stderr=log) as process:
        try:
            ports.wait_for(port)
            yield f"tcp://{host}:{port}"
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory,
        trusted: authority.Authority) -> Iterator[str]:
    with dockerd(tmp_path_factory.mktemp("tls"), trusted, trusted.server("127.0.0.1")) as running:
        yield running


def security(ca: authority.Authority, pair: authority.Pair | None = None) -> tls.Security:
    return tls.Security(str(ca.file), str(pair.cert) if pair else None,
                        str(pair.key) if pair else None)


def refusal(url: str, secured: tls.Security) -> str:
    """What connecting says; an engine that is still starting is asked again."""
    last: Exception | None = None
    for _ in range(60):
        try:
            Engine(url, security=secured, timeout=10).connect()
        except (exception.EngineUntrusted, exception.EngineMisconfigured) as e:
            return str(e)
        except exception.EngineUnavailable as e:
            last = e
            time.sleep(0.5)
        else:
            return ""
    raise AssertionError(f"the engine does not answer: {last}")


def test_an_engine_is_used_whose_certificate_and_ours_are_of_the_authority(
        url: str, trusted: authority.Authority) -> None:
    assert refusal(url, security(trusted, trusted.client())) == ""


def test_the_environment_cannot_replace_the_authority(
        url: str, trusted: authority.Authority, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    other = authority.Authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.file))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert refusal(url, security(trusted, trusted.client())) == ""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted.file))
    assert "authority" in refusal(url, security(other, trusted.client()))


def test_an_engine_of_another_authority_is_refused(
        url: str, trusted: authority.Authority, tmp_path: Path) -> None:
    message = refusal(url, security(authority.Authority(tmp_path), trusted.client()))
    assert "not signed by the authority in [docker]/tls_ca_file" in message


def test_a_name_that_is_not_in_the_certificate_is_refused(
        url: str, trusted: authority.Authority) -> None:
    message = refusal(url.replace("127.0.0.1", "localhost"), security(trusted, trusted.client()))
    assert "for another host" in message


@pytest.mark.parametrize("pair", ["none", "of another authority"])
def test_the_engine_says_no_to_a_client_it_does_not_know(
        url: str, trusted: authority.Authority, tmp_path: Path, pair: str) -> None:
    shown = None if pair == "none" else authority.Authority(tmp_path).client()
    message = refusal(url, security(trusted, shown))
    assert "does not accept the client certificate" in message


def test_an_expired_certificate_is_refused(
        trusted: authority.Authority, tmp_path: Path) -> None:
    expired = trusted.server("127.0.0.1", days=-1)
    with dockerd(tmp_path, trusted, expired) as running:
        message = refusal(running, security(trusted, trusted.client()))
    assert "has expired: renew it" in message


def test_an_engine_that_does_not_speak_tls_is_told_from_one_that_is_not_trusted(
        trusted: authority.Authority) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as plain:
        thread = threading.Thread(target=plain.serve_forever, args=(0.05,))
        thread.start()
        message = refusal(f"tcp://127.0.0.1:{plain.server_port}",
                          security(trusted, trusted.client()))
        plain.shutdown()
        thread.join()
    assert "does not speak TLS: start dockerd with --tlsverify" in message


def test_plain_tcp_is_refused_unless_asked_for() -> None:
    assert "whoever reaches that port is root" in refusal("tcp://127.0.0.1:1", tls.Security())
    with pytest.raises(exception.EngineUnavailable):
        Engine("tcp://127.0.0.1:1", security=tls.Security(insecure_tcp=True)).connect()


@pytest.mark.parametrize(("wrong", "says"), [
    ({"ca_file": "/absent"}, "tls_ca_file = /absent cannot be read"),
    ({"ca_file": "/etc/hosts", "cert_file": "/etc/hosts"}, "go together"),
    ({"cert_file": "/etc/hosts", "key_file": "/etc/hosts"}, "needs tls_ca_file"),
])
def test_options_that_cannot_work_are_named(wrong: dict[str, Any], says: str) -> None:
    assert says in refusal("tcp://127.0.0.1:1", tls.Security(**wrong))
