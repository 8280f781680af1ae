"""A container of the fake engine: its configuration, its state, and how both are shown."""

from dataclasses import dataclass
import datetime
import itertools
import posixpath
import time
from typing import Any
import uuid

from nova_docker import exception
from tests.fakes.images import StoredImage

MINIMUM_MEMORY = 6 * 1024 * 1024
NEVER = "0001-01-01T00:00:00Z"
# Above the kernel's largest process id: a test that uses one by mistake on the
# real system hits nothing.
_pids = itertools.count(2**22 + 1)


@dataclass
class Container:
    """One container.

    ``state`` is one of the engine's words: created, running, paused, exited.
    """

    name: str
    config: dict[str, Any]
    image: StoredImage
    state: str = "created"
    exit_code: int = 0
    error: str = ""
    pid: int = 0
    output: bytes = b""
    started_at: str = NEVER
    finished_at: str = NEVER

    def __post_init__(self) -> None:
        self.id = uuid.uuid4().hex + uuid.uuid4().hex
        self.created = time.time()
        self.host_config: dict[str, Any] = self.config.get("HostConfig") or {}
        self.labels: dict[str, str] = self.config.get("Labels") or {}
        self.files: dict[str, Any] = dict(self.image.files)
        # Volumes by where they are mounted; those without a name get one.
        self.volumes = {mount["Target"]: mount.get("Source") or uuid.uuid4().hex
                        for mount in self.host_config.get("Mounts") or ()
                        if mount["Type"] == "volume"}

    @property
    def mounts(self) -> list[tuple[str, str]]:
        """(source on the engine's host, target)"""
        binds = [bind.split(":") for bind in self.host_config.get("Binds") or ()]
        return [*((mount_point(name), target) for target, name in self.volumes.items()),
                *((bind[0], bind[1]) for bind in binds)]

    @property
    def running(self) -> bool:
        """Whether it has a process; a paused one has."""
        return self.state in ("running", "paused")

    @property
    def command(self) -> list[str]:
        """Entrypoint and command.  Naming an entrypoint drops the image's command."""
        image = self.image.config.get("config", {})
        entrypoint = self.config.get("Entrypoint")
        command = self.config.get("Cmd") or (image.get("Cmd") if entrypoint is None else None)
        if entrypoint is None:
            entrypoint = image.get("Entrypoint")
        return [*(entrypoint or ()), *(command or ())]

    @property
    def network_of(self) -> str | None:
        """The container whose network it joins."""
        mode = str(self.host_config.get("NetworkMode", ""))
        return mode.removeprefix("container:") if mode.startswith("container:") else None

    def finds_its_command(self) -> bool:
        """Whether the image has the program, by path or on the default PATH."""
        program = self.command[0]
        if "/" in program:
            return program in self.image.paths
        return any(posixpath.join(folder, program) in self.image.paths
                   for folder in ("/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"))

    def begin(self) -> None:
        self.state, self.pid, self.error, self.exit_code = "running", next(_pids), "", 0
        self.started_at = _now()

    def end(self, exit_code: int) -> None:
        self.state, self.pid, self.exit_code = "exited", 0, exit_code
        self.finished_at = _now()

    def update(self, changes: dict[str, Any], action: str) -> None:
        """``POST /containers/{id}/update``"""
        limits = {**self.host_config, **changes}
        if 0 < limits.get("Memory", 0) < MINIMUM_MEMORY:
            raise exception.EngineRejected(
                action=action, reason="Minimum memory limit allowed is 6MB")
        if "MemorySwap" not in changes and limits.get("Memory", 0) > limits.get("MemorySwap", 0):
            raise exception.EngineConflict(
                action=action, reason="Memory limit should be smaller than already set "
                "memoryswap limit, update the memoryswap at the same time")
        if limits.get("PidsLimit") == -1:
            limits["PidsLimit"] = 0
        self.host_config = limits

    def inspect(self) -> dict[str, Any]:
        """``GET /containers/{id}/json``"""
        command = self.command
        return {
            "Id": self.id,
            "Name": f"/{self.name}",
            "Created": _text(self.created),
            "Path": command[0],
            "Args": command[1:],
            "Image": self.image.id,
            "RestartCount": 0,
            "State": {
                "Status": self.state, "Running": self.running, "Paused": self.state == "paused",
                "Restarting": False, "OOMKilled": False, "Dead": False, "Pid": self.pid,
                "ExitCode": self.exit_code, "Error": self.error,
                "StartedAt": self.started_at, "FinishedAt": self.finished_at,
            },
            "HostConfig": dict(self.host_config),
            "Config": {
                "Hostname": self.id[:12], "Tty": False, "Env": [], "Cmd": None,
                "Entrypoint": None, **{key: value for key, value in self.config.items()
                                       if key != "HostConfig"},
                "Labels": dict(self.labels),
            },
            "Mounts": [{"Type": "volume" if target in self.volumes else "bind",
                        "Source": source, "Destination": target,
                        "Name": self.volumes.get(target, "")}
                       for source, target in self.mounts],
            "GraphDriver": {"Name": "overlay2", "Data": {
                "LowerDir": f"/layers/{self.id}-init/diff:/layers/{self.image.id}/diff",
                "UpperDir": f"/layers/{self.id}/diff", "WorkDir": f"/layers/{self.id}/work",
                "MergedDir": f"/layers/{self.id}/merged"}},
            "NetworkSettings": {"SandboxKey": "", "Networks": {}},
        }

    def stats(self) -> dict[str, Any]:
        """``GET /containers/{id}/stats``, once, on a host that counts no disk I/O"""
        used = 5_000_000 if self.running else 0
        limit = self.host_config.get("Memory") or 8 * 1024**3
        memory = {"usage": 700 * 1024, "limit": limit,
                  "stats": {"total_inactive_file": 100 * 1024}}
        return {
            "name": f"/{self.name}", "id": self.id,
            "cpu_stats": {"cpu_usage": {"total_usage": used}},
            "memory_stats": memory if self.running else {},
            "blkio_stats": {"io_service_bytes_recursive": [], "io_serviced_recursive": []},
        }

    def summary(self) -> dict[str, Any]:
        """One item of ``GET /containers/json``"""
        return {
            "Id": self.id,
            "Names": [f"/{self.name}"],
            "Image": self.config["Image"],
            "ImageID": self.image.id,
            "Command": " ".join(self.command),
            "Created": int(self.created),
            "Ports": [],
            "Labels": dict(self.labels),
            "State": self.state,
            "Status": {"created": "Created", "running": "Up 1 second",
                       "paused": "Up 1 second (Paused)",
                       "exited": f"Exited ({self.exit_code}) 1 second ago"}[self.state],
            "HostConfig": {"NetworkMode": self.host_config.get("NetworkMode", "default")},
            "NetworkSettings": {"Networks": {}},
            "Mounts": [],
        }


def mount_point(volume: str) -> str:
    """Where the engine's host has a volume."""
    return f"/fake/volumes/{volume}/_data"


def _now() -> str:
    return _text(time.time())


def _text(when: float) -> str:
    moment = datetime.datetime.fromtimestamp(when, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
