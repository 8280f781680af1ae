"""Glance over HTTP, as much as a client of images needs, in memory.

https://docs.openstack.org/api-ref/image/v2/
"""

from collections.abc import Iterator
import contextlib
import hashlib
import http.server
import json
import threading
from typing import Any
from urllib import parse

import openstack

MIB = 1 << 20


class Glance:
    """The images, and what shall go wrong.

    :ivar refusals: "METHOD last-part-of-the-path" -> HTTP status to answer with
    :ivar lost: bytes that are dropped of an upload
    :ivar longest_chunk: bytes, of the uploads
    :ivar holds_uploads: if set, no upload is answered before the event
    """

    def __init__(self) -> None:
        self.images: dict[str, dict[str, Any]] = {}
        self.data: dict[str, bytes] = {}
        self.refusals: dict[str, int] = {}
        self.lost = 0
        self.longest_chunk = 0
        self.holds_uploads: threading.Event | None = None
        self.knows_ranges = True
        self.sent = 0

    def add(self, data: bytes | None, **image: Any) -> str:
        """An image that somebody else made."""
        image = {"id": hashlib.md5(repr(image).encode()).hexdigest(), "name": "there",
                 "status": "queued" if data is None else "active", "disk_format": "raw",
                 "container_format": "docker", "size": len(data or b""), **image}
        self.images[image["id"]] = image
        self.data[image["id"]] = data or b""
        return str(image["id"])


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    glance: Glance

    def log_message(self, *arguments: Any) -> None:
        """No log."""

    def _do(self) -> None:
        path = parse.urlparse(self.path)
        parts = path.path.strip("/").split("/")[1:]
        body = b"".join(self._body())
        refusal = self.glance.refusals.get(f"{self.command} {parts[-1] if parts else ''}")
        if refusal:
            return self._answer(refusal, {"message": "because of a test"})
        if not parts:
            return self._answer(200, {"versions": [{"id": "v2.9", "status": "CURRENT", "links": [
                {"rel": "self", "href": f"http://{self.headers['Host']}/v2/"}]}]})
        return getattr(self, f"_{self.command.lower()}_{len(parts)}")(parts, path.query, body)

    do_GET = do_POST = do_PUT = do_DELETE = _do

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding") != "chunked":
            yield self.rfile.read(int(self.headers.get("Content-Length", 0)))
            return
        while size := int(self.rfile.readline() or b"0", 16):
            self.glance.longest_chunk = max(size, self.glance.longest_chunk)
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _post_1(self, parts: list[str], query: str, body: bytes) -> None:
        image = {"status": "queued", "size": None, **json.loads(body)}
        self.glance.images[image["id"]] = image
        self._answer(201, image)

    def _put_3(self, parts: list[str], query: str, body: bytes) -> None:
        if self.glance.holds_uploads is not None:
            self.glance.holds_uploads.wait()
            return
        kept = body[self.glance.lost:]
        self.glance.data[parts[1]] = kept
        self.glance.images[parts[1]].update(status="active", size=len(kept))
        self._answer(204)

    def _get_1(self, parts: list[str], query: str, body: bytes) -> None:
        name = parse.parse_qs(query).get("name")
        self._answer(200, {"images": [image for image in self.glance.images.values()
                                      if not name or image["name"] == name[0]]})

    def _get_2(self, parts: list[str], query: str, body: bytes) -> None:
        image = self.glance.images.get(parts[1])
        self._answer(200 if image else 404, image or {})

    def _get_3(self, parts: list[str], query: str, body: bytes) -> None:
        data = self.glance.data[parts[1]]
        wanted = self.headers.get("Range", "") if self.glance.knows_ranges else ""
        self.send_response(206 if wanted else 200)
        data = data[int(wanted.removeprefix("bytes=").strip("-") or 0):]
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with contextlib.suppress(OSError):  # who has enough closes the connection
            for start in range(0, len(data), MIB):
                self.wfile.write(data[start:start + MIB])
                self.glance.sent += MIB

    def _delete_2(self, parts: list[str], query: str, body: bytes) -> None:
        self.glance.data.pop(parts[1], None)
        self._answer(204 if self.glance.images.pop(parts[1], None) else 404)

    def _answer(self, status: int, value: Any = None) -> None:
        content = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextlib.contextmanager
def serving() -> Iterator[tuple[Glance, openstack.connection.Connection]]:
    """A Glance, and a connection of openstacksdk to it."""
    glance = Glance()
    handler = type("Handler", (_Handler,), {"glance": glance})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        config = openstack.config.OpenStackConfig(load_envvars=False, load_yaml_config=False)
        connection = openstack.connection.Connection(config=config.get_one(
            auth_type="none", image_api_version="2",
            image_endpoint_override=f"http://127.0.0.1:{server.server_port}/v2"))
        try:
            yield glance, connection
        finally:
            connection.close()
            server.shutdown()
