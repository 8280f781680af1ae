"""A dockerd that a test scripts, answer by answer: for failures no real one offers.

It speaks HTTP on a Unix socket, so that the real client, with its SDK, its
connection pool and its time limits, is what is tested.
"""

from collections import deque
from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import http.server
import json
from pathlib import Path
import socketserver
import threading
from typing import Any

Answer = Callable[["Conversation"], None]


class Conversation(http.server.BaseHTTPRequestHandler):
    """One request, and the ways to answer it."""

    protocol_version = "HTTP/1.1"
    server: "Daemon"

    def _serve(self) -> None:
        verb_and_path = f"{self.command} /{self.path.partition('?')[0].split('/', 2)[-1]}"
        if self.path == "/version":
            verb_and_path = "GET /version"
        self.server.requests.append(verb_and_path)
        script = self.server.script.get(verb_and_path)
        if not script:
            status(404, f"nothing is scripted for {verb_and_path}")(self)
        else:
            (script.popleft() if len(script) > 1 else script[0])(self)

    do_GET = do_POST = do_DELETE = _serve

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: Any) -> None:
        """Tests print nothing."""


class Daemon(socketserver.ThreadingUnixStreamServer):
    """The scripted engine.  The last answer of a request's script repeats."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), Conversation)
        self.url = f"unix://{path}"
        self.requests: list[str] = []
        self.script: dict[str, deque[Answer]] = {}
        self.released = threading.Event()
        self.answer("GET /version", reply({"ApiVersion": "1.41", "Version": "20.10.24"}))

    def answer(self, request: str, *answers: Answer) -> None:
        """Script a request, "POST /containers/create" for example; no version in it."""
        self.script[request] = deque(answers)

    def handle_error(self, *_: Any) -> None:
        """A client that gives up is what some tests are about."""


def reply(value: Any) -> Answer:
    """Answer 200 with JSON."""
    return _send(200, json.dumps(value).encode())


def status(code: int, message: str) -> Answer:
    """Answer as dockerd does to a mistake."""
    return _send(code, json.dumps({"message": message}).encode())


def _send(code: int, body: bytes) -> Answer:
    def answer(conversation: Conversation) -> None:
        conversation.send_response(code)
        conversation.send_header("Content-Type", "application/json")
        conversation.send_header("Content-Length", str(len(body)))
        conversation.end_headers()
        conversation.wfile.write(body)

    return answer


def hang_up(conversation: Conversation) -> None:
    """Close the connection instead of answering."""
    conversation.close_connection = True


def stay_silent(conversation: Conversation) -> None:
    """Say nothing until the test is over."""
    conversation.server.released.wait(60)
    conversation.close_connection = True


def stream(*lines: Any, then: Answer | None = None) -> Answer:
    """Answer with progress lines; ``then`` spoils the end of the stream."""

    def answer(conversation: Conversation) -> None:
        conversation.send_response(200)
        conversation.send_header("Content-Type", "application/json")
        conversation.send_header("Transfer-Encoding", "chunked")
        conversation.end_headers()
        for line in lines:
            body = json.dumps(line).encode() + b"\r\n"
            conversation.wfile.write(b"%x\r\n%s\r\n" % (len(body), body))
        if then is None:
            conversation.wfile.write(b"0\r\n\r\n")
        else:
            then(conversation)

    return answer


@contextlib.contextmanager
def running(path: Path) -> Iterator[Daemon]:
    """Serve on the socket until the test is over."""
    with Daemon(path) as daemon:
        thread = threading.Thread(target=daemon.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield daemon
        finally:
            daemon.released.set()
            daemon.shutdown()
            thread.join()
