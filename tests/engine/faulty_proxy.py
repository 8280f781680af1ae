"""A registry that misbehaves: a proxy before a real one, with faults on request.

An engine begins every attempt to pull with ``GET /v2/``: that is how attempts
are told apart.
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import http.server
import json
import socket
import threading
from typing import Any

import requests

PIECE = 16384
HOP_BY_HOP = {"host", "connection", "transfer-encoding", "content-encoding", "keep-alive"}
Fault = Callable[["_Request"], bool]


class _Request(http.server.BaseHTTPRequestHandler):
    """One request to the proxy."""

    protocol_version = "HTTP/1.1"
    proxy: "FaultyProxy"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.proxy.note(self.path)
        fault = self.proxy.fault
        if not (fault and fault(self)):
            self.pass_on()

    do_HEAD = do_GET

    def pass_on(self, at_most: int | None = None) -> None:
        """Answer as the registry does.

        :param at_most: bytes of the body, after which the connection breaks
        """
        # An engine sends one Accept for each format that it takes.
        headers = {key: ", ".join(self.headers.get_all(key)) for key in self.headers
                   if key.lower() not in HOP_BY_HOP}
        with requests.request(self.command, f"http://{self.proxy.registry}{self.path}",
                              headers=headers, stream=True, timeout=30,
                              allow_redirects=False) as answer:
            self.send_response(answer.status_code)
            for key, value in answer.headers.items():
                if key.lower() not in HOP_BY_HOP:
                    self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self._send(answer.raw.stream(PIECE), at_most)

    def _send(self, pieces: Iterator[bytes], at_most: int | None) -> None:
        sent = 0
        for piece in pieces:
            self.wfile.write(piece)
            self.proxy.sent += len(piece)
            sent += len(piece)
            if at_most is not None and sent >= at_most:
                self.break_off()
                return

    def break_off(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True


def status(code: int, error: str, **headers: str) -> Fault:
    """Answer everything with this HTTP status, in the registry's own format."""
    body = json.dumps({"errors": [{"code": error, "message": f"the registry says {code}"}]})

    def answer(request: _Request) -> bool:
        request.send_response(code)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        for key, value in headers.items():
            request.send_header(key.replace("_", "-"), value)
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(body.encode())
        return True

    return answer


def hang_up(request: _Request) -> bool:
    """Break every connection without an answer."""
    request.break_off()
    return True


def stay_silent(request: _Request) -> bool:
    """Answer nothing to what comes after the first greeting, until the proxy ends."""
    if request.path == "/v2/":
        return False
    request.proxy.closing.wait(60)
    return hang_up(request)


def die_in_a_layer(request: _Request) -> bool:
    """Break the connection after the first bytes of a layer."""
    if "/blobs/" not in request.path:
        return False
    request.pass_on(at_most=4 * PIECE)
    return True


class FaultyProxy:
    """See the module.

    :param registry: host:port of the real registry
    """

    def __init__(self, registry: str) -> None:
        self.registry = registry
        self.attempts = 0
        self.sent = 0
        self.closing = threading.Event()
        self._fault: Fault | None = None
        self._until = 0
        handler = type("Handler", (_Request,), {"proxy": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def misbehave(self, fault: Fault, attempts: int = 1000) -> None:
        """Have the fault during the next attempts to pull."""
        self._fault, self._until = fault, self.attempts + attempts

    def note(self, path: str) -> None:
        self.attempts += path == "/v2/"

    @property
    def fault(self) -> Fault | None:
        return self._fault if self.attempts <= self._until else None

    def close(self) -> None:
        """Refuse connections from now on.  Repeatable."""
        self.closing.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()


@contextlib.contextmanager
def before(registry: str) -> Iterator[FaultyProxy]:
    """A proxy that behaves until it is told not to."""
    proxy = FaultyProxy(registry)
    try:
        yield proxy
    finally:
        proxy.close()
