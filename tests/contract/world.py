"""An engine, fake or real, with what the cases need around it."""

from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
import itertools
from pathlib import Path
import time
from typing import Any
from typing import TypeVar
import uuid

from nova_docker.engine.client import Engine
from nova_docker.engine.client import EventStream
from tests.archives import Image
from tests.archives import pieces
from tests.fakes.engine import FakeEngine
from tests.fakes.images import FakeRegistry
from tests.registry import Registry

BUSYBOX = Path("/bin/busybox")
T = TypeVar("T")


@dataclass
class World:
    """Everything made through it has names and labels of its own, and goes with it."""

    engine: Engine | FakeEngine
    registry: Registry | FakeRegistry
    busybox: bytes
    mark: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    images: list[str] = field(default_factory=list)
    streams: list[EventStream] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def labels(self) -> dict[str, str]:
        """What tells the containers of this world from all others."""
        return {"nova-docker-contract": self.mark}

    @property
    def repository(self) -> str:
        return f"nova-docker-contract/{self.mark}"

    def image(self, *command: str, tag: str = "1", **changes: Any) -> Image:
        """An image of this world alone; by default it sleeps."""
        return Image(**{
            "files": {"/bin/busybox": self.busybox, "/mark": self.mark.encode()},
            "links": {f"/bin/{name}": "busybox" for name in ("sleep", "echo", "true", "false")},
            "command": command or ("/bin/sleep", "1000"),
            "tags": [f"{self.repository}:{tag}"],
            **changes,
        })

    def load(self, image: Image) -> Image:
        self.images += [image.id, *image.tags]
        self.engine.load_image(pieces(image.archive()))
        return image

    def pull(self, reference: str) -> None:
        self.images.append(reference)
        self.engine.pull_image(reference)

    def config(self, *command: str, image: str | None = None, labels: dict[str, str] | None = None,
               host: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """The JSON of a container that sleeps unless it is given a command."""
        if image is None:
            image = self.load(self.image()).id
        return {
            "Image": image,
            "Labels": {**self.labels, **(labels or {})},
            "Tty": True,
            "HostConfig": {"NetworkMode": "none", **(host or {})},
            **({"Cmd": [*command]} if command else {}),
            **more,
        }

    def name(self) -> str:
        return f"nova-docker-contract-{self.mark}-{next(self.numbers)}"

    def create(self, *command: str, **changes: Any) -> str:
        """Create a container.  :returns: its name"""
        name = self.name()
        self.engine.create_container(name, self.config(*command, **changes))
        return name

    def run(self, *command: str, **changes: Any) -> str:
        name = self.create(*command, **changes)
        self.engine.start_container(name)
        return name

    def state(self, name: str) -> str:
        return str(self.engine.inspect_container(name)["State"]["Status"])

    def ended(self, name: str) -> bool:
        return self.state(name) == "exited"

    def listen(self, labels: dict[str, str] | None = None, since: int | None = None) -> EventStream:
        stream = self.engine.events(labels or self.labels, since)
        self.streams.append(stream)
        return stream

    def clean_up(self) -> None:
        for stream in self.streams:
            stream.close()
        for container in self.engine.list_containers(self.labels):
            self.engine.remove_container(container["Id"])
        for image in reversed(self.images):
            self.engine.remove_image(image)


def eventually(what: Callable[[], T], seconds: float = 10) -> T:
    """Wait until something is true, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, f"it did not happen within {seconds} s"
        time.sleep(0.02)
    return found
