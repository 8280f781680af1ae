"""A Docker engine in memory, with the methods of :class:`nova_docker.engine.client.Engine`.

It keeps containers, images and events as dockerd does, makes the mistakes of
its user into the same exceptions, and fails on request.  What it answers is held
to a real dockerd by ``tests/contract``; what is not held there, it does not do.

Its containers run no program.  A command whose last part of the path is
``echo``, ``true`` or ``false`` does what these do, at once; every other one
runs until it is stopped.
"""

from collections import defaultdict
from collections import deque
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import functools
import posixpath
import re
import threading
import time
from typing import Any

from nova_docker import exception
from nova_docker.engine.client import EventStream
from nova_docker.engine.client import Json
from tests.fakes import image_names
from tests.fakes import images
from tests.fakes import terminals
from tests.fakes.containers import Container
from tests.fakes.containers import MINIMUM_MEMORY
from tests.fakes.events import Event
from tests.fakes.events import Feed
from tests.fakes.files import FileVerbs
from tests.fakes.insides import Insides
from tests.fakes.verbs import verb

CONTAINER_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
KILLED = 128 + 9


class FakeEngine(Insides, FileVerbs, image_names.ImageNames):
    """See the module."""

    def __init__(self, url: str = "unix:///fake/docker.sock", *,
                 api_version: tuple[int, ...] = (1, 41)) -> None:
        super().__init__()
        self.url = url
        self.api_version = api_version
        self.calls: list[tuple[Any, ...]] = []
        self.containers: dict[str, Container] = {}
        self.store = images.ImageStore()
        self.registry = images.FakeRegistry("127.0.0.1:5999")
        self.down = False
        self._failures: defaultdict[str, deque[Exception]] = defaultdict(deque)
        self._execs: dict[str, terminals.Exec] = {}
        self._history: list[Event] = []
        self._feeds: list[Feed] = []
        self._lock = threading.RLock()

    # What a test does to the engine ------------------------------------------

    def fail(self, name: str, error: Exception, times: int = 1) -> None:
        """Let the next calls of a verb raise the error instead of doing anything."""
        assert callable(getattr(self, name)), name
        self._failures[name].extend([error] * times)

    def go_down(self) -> None:
        """Stop answering, and break every event stream.  ``down = False`` ends it."""
        self.down = True
        for feed in self._feeds:
            feed.close()

    def die(self, name: str, exit_code: int = KILLED) -> None:
        """Let a container's process end, as if somebody had killed it."""
        self._end(self._find(name, "kill"), exit_code)

    # The engine itself -----------------------------------------------------

    @verb
    def connect(self) -> None:
        pass

    def close(self) -> None:
        pass

    @verb
    def ping(self) -> None:
        pass

    @verb
    def ping_anew(self) -> None:
        pass

    @verb
    def info(self) -> Json:
        states = [container.state for container in self.containers.values()]
        return {
            "ID": "FAKE", "Name": "fake", "ServerVersion": "20.10.24",
            "Containers": len(states), "ContainersRunning": states.count("running"),
            "Images": len(self.store.images), "Driver": "overlay2",
            "DriverStatus": [["Backing Filesystem", "extfs"], ["Supports d_type", "true"]],
            "DockerRootDir": "/var/lib/docker", "KernelVersion": "6.1.0", "OSType": "linux",
            "OperatingSystem": "Debian GNU/Linux 12 (bookworm)", "Architecture": "x86_64",
            "NCPU": 2, "MemTotal": 8 * 1024**3, "CgroupDriver": "cgroupfs", "CgroupVersion": "1",
            "MemoryLimit": True, "SwapLimit": True, "PidsLimit": True, "CpuCfsQuota": True,
            "CpuCfsPeriod": True, "CPUShares": True, "SecurityOptions": ["name=seccomp"],
            "Runtimes": {"runc": {"path": "runc"}}, "DefaultRuntime": "runc",
            "RegistryConfig": {"InsecureRegistryCIDRs": ["127.0.0.0/8"]}, "Labels": [],
            "LiveRestoreEnabled": False, "Warnings": None,
        }

    @verb
    def version(self) -> Json:
        api = ".".join(map(str, self.api_version))
        return {"Version": "20.10.24", "ApiVersion": api, "MinAPIVersion": "1.12",
                "Os": "linux", "Arch": "amd64",
                "Components": [{"Name": "Engine", "Version": "20.10.24",
                                "Details": {"ApiVersion": api}}]}

    @verb
    def events(self, labels: Mapping[str, str], since: int | None = None) -> EventStream:
        feed = Feed(lambda event: labels.items() <= event["Actor"]["Attributes"].items())
        if since is not None:
            for event in self._history:
                if event["time"] >= since:
                    feed.offer(event)
        self._feeds.append(feed)
        return EventStream(feed)

    # Containers --------------------------------------------------------------

    @verb
    def list_containers(self, labels: Mapping[str, str]) -> list[Json]:
        return [container.summary() for container in reversed(self.containers.values())
                if labels.items() <= container.labels.items()]

    @verb
    def inspect_container(self, name: str) -> Json:
        return self._find(name, f"inspect container {name}").inspect()

    @verb
    def container_stats(self, name: str) -> Json:
        return self._find(name, f"read the counters of container {name}").stats()

    @verb
    def create_container(self, name: str, config: Json) -> str:
        action = f"create container {name}"
        refuse = functools.partial(exception.EngineRejected, action=action)
        if not CONTAINER_NAME.fullmatch(name):
            raise refuse(reason=f"Invalid container name ({name})")
        image = self.store.find(config["Image"], action)
        container = Container(name, dict(config), image)
        if not container.command:
            raise refuse(reason="No command specified")
        if 0 < container.host_config.get("Memory", 0) < MINIMUM_MEMORY:
            raise refuse(reason="Minimum memory limit allowed is 6MB")
        if container.network_of and config.get("Hostname"):
            raise refuse(reason="conflicting options: hostname and the network mode")
        if any(other.name == name for other in self.containers.values()):
            raise exception.EngineConflict(
                action=action, reason=f'The container name "/{name}" is already in use')
        self._pin_network(container)
        self.containers[container.id] = container
        self._make_volumes(container)
        self._emit(container, "create")
        return container.id

    @verb
    def start_container(self, name: str) -> None:
        action = f"start container {name}"
        container = self._find(name, action)
        if container.state == "running":
            return
        if container.state == "paused":
            raise exception.EngineConflict(
                action=action, reason="cannot start a paused container, try unpause instead")
        with self._recorded(container):
            self._check_network(container, action)
            self._check_command(container, action)
        container.begin()
        self._emit(container, "start")
        self._run(container)

    @verb
    def stop_container(self, name: str, timeout: int) -> None:
        container = self._find(name, f"stop container {name}")
        if container.running:
            self._emit(container, "kill")
            self._end(container, KILLED)
            self._emit(container, "stop")

    @verb
    def update_container(self, name: str, changes: Json) -> None:
        action = f"update container {name}"
        container = self._find(name, action)
        container.update(changes, action)
        self._emit(container, "update")

    @verb
    def pause_container(self, name: str) -> None:
        action = f"pause container {name}"
        container = self._find(name, action)
        if container.state != "running":
            why = "already paused" if container.state == "paused" else "not running"
            raise exception.EngineConflict(action=action, reason=f"Container {name} is {why}")
        container.state = "paused"
        self._emit(container, "pause")

    @verb
    def unpause_container(self, name: str) -> None:
        action = f"unpause container {name}"
        container = self._find(name, action)
        if container.state != "paused":
            # HTTP 500, where a conflict would be expected
            raise exception.EngineError(
                action=action, reason=f"Container {name} is not paused")
        container.state = "running"
        self._emit(container, "unpause")

    @verb
    def remove_container(self, name: str) -> None:
        try:
            container = self._find(name, "remove")
        except exception.ContainerNotFound:
            return
        if container.running:
            self._emit(container, "kill")
            self._end(container, KILLED)
        del self.containers[container.id]
        self._drop_unnamed_volumes(container)
        self._emit(container, "destroy")

    @verb
    def rename_container(self, name: str, new_name: str) -> None:
        action = f"rename container {name} to {new_name}"
        container = self._find(name, action)
        if any(other.name == new_name for other in self.containers.values()):
            raise exception.EngineConflict(
                action=action, reason=f'The container name "/{new_name}" is already in use')
        container.name = new_name
        self._emit(container, "rename")

    @verb
    def tail_logs(self, name: str, *, lines: int, max_bytes: int) -> bytes:
        container = self._find(name, f"read the logs of container {name}")
        kept = container.output.splitlines(keepends=True)
        return b"".join(kept[len(kept) - min(lines, len(kept)):])[-max_bytes:]

    # Images ------------------------------------------------------------------

    @verb
    def inspect_image(self, reference: str) -> Json:
        return self.store.find(reference, f"inspect image {reference}").inspect()

    @verb
    def list_images(self, repository: str | None = None) -> list[Json]:
        return [image.summary() for image in self.store.in_repository(repository)]

    @verb
    def load_image(self, archive: Iterable[bytes]) -> None:
        for image in images.read_archive(archive, "load an image archive"):
            self.store.add(image)

    @verb
    def pull_image(self, reference: str, *, credentials: Mapping[str, str] | None = None,
                   platform: str | None = None, seconds: float | None = None) -> None:
        action = f"pull image {reference}"
        wanted = self.registry.find(reference, action, credentials or {})
        self.store.add(self.registry.pulled(wanted, platform or "linux/amd64", action))

    @verb
    def image_platforms(self, reference: str, *,
                        credentials: Mapping[str, str] | None = None) -> list[dict[str, str]]:
        action = f"ask for the platforms of image {reference}"
        wanted = self.registry.find(reference, action, credentials or {})
        return self.registry.platforms(wanted)

    @verb
    def remove_image(self, reference: str) -> None:
        action = f"remove image {reference}"
        with contextlib.suppress(exception.EngineImageNotFound):
            image = self.store.find(reference, action)
            user = next((container.id[:12] for container in self.containers.values()
                         if container.image is image), None)
            self.store.remove(reference, user, action)

    @verb
    def commit_container(self, name: str, repository: str, tag: str) -> str:
        container = self._find(name, f"commit container {name}")
        made = container.image.committed(container.config, f"{repository}:{tag}")
        return self.store.add(made).id

    @verb
    def _read_archive(self, reference: str) -> bytes:
        return self.store.find(reference, f"save image {reference}").archive()

    def save_image(self, reference: str) -> Iterator[bytes]:
        """As the real one, it asks when it is read."""
        yield self._read_archive(reference)

    # How it works --------------------------------------------------------------

    def _find(self, name: str, action: str) -> Container:
        for container in self.containers.values():
            if name in (container.name, container.id):
                return container
        raise exception.ContainerNotFound(action=action, reason=f"No such container: {name}")

    def _pin_network(self, container: Container) -> None:
        """The engine replaces the name of a joined container by its id."""
        for other in self.containers.values():
            if container.network_of == other.name:
                container.host_config = {
                    **container.host_config, "NetworkMode": f"container:{other.id}"}

    @contextlib.contextmanager
    def _recorded(self, container: Container) -> Iterator[None]:
        """The engine keeps why a start failed in the container's state."""
        try:
            yield
        except exception.EngineError as e:
            container.error = e.kwargs["reason"]
            container.exit_code = 127 if isinstance(e, exception.CommandNotRunnable) else 128
            raise

    def _check_network(self, container: Container, action: str) -> None:
        if container.network_of and not self._find(container.network_of, action).running:
            raise exception.EngineConflict(
                action=action, reason="cannot join network of a non running container: "
                                      f"{container.network_of}")

    def _check_command(self, container: Container, action: str) -> None:
        if not container.finds_its_command():
            raise exception.CommandNotRunnable(
                action=action, reason="OCI runtime create failed: unable to start container "
                f'process: exec: "{container.command[0]}": no such file or directory')

    def _run(self, container: Container) -> None:
        program, *arguments = container.command
        match posixpath.basename(program):
            case "echo":
                container.output += " ".join(arguments).encode() + b"\r\n"
                self._end(container, 0)
            case "true":
                self._end(container, 0)
            case "false":
                self._end(container, 1)

    def _end(self, container: Container, exit_code: int) -> None:
        if container.state == "paused":
            self._emit(container, "unpause")
        container.end(exit_code)
        self._emit(container, "die", exitCode=str(exit_code))

    def _emit(self, container: Container, action: str, **attributes: str) -> None:
        now = time.time_ns()
        event = {
            "Type": "container", "Action": action, "status": action, "id": container.id,
            "from": container.config["Image"], "scope": "local",
            "time": now // 10**9, "timeNano": now,
            "Actor": {"ID": container.id, "Attributes": {
                **container.labels, **attributes,
                "image": container.config["Image"], "name": container.name}},
        }
        self._history.append(event)
        for feed in self._feeds:
            feed.offer(event)
