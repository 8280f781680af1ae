"""What the fake engine does inside of a container: commands and terminals."""

from typing import Any

from nova_docker import exception
from tests.fakes import terminals
from tests.fakes.containers import Container
from tests.fakes.verbs import verb


class Insides:
    """The verbs of :class:`nova_docker.engine.terminals.Terminals`."""

    containers: dict[str, Container]
    _execs: dict[str, terminals.Exec]
    _find: Any

    @verb
    def has_file(self, name: str, path: str) -> bool:
        return any(path in container.image.paths for container in self.containers.values()
                   if name in (container.name, container.id))

    @verb
    def create_exec(self, name: str, command: list[str]) -> str:
        self._must_run(name, f"run a command in container {name}")
        made = terminals.Exec(command)
        self._execs[made.id] = made
        return made.id

    @verb
    def open_exec(self, exec_id: str) -> terminals.FakeTerminal:
        return self._execs[exec_id].start()

    @verb
    def exec_pid(self, exec_id: str) -> int | None:
        return self._execs[exec_id].pid

    @verb
    def run_aside(self, name: str, command: list[str]) -> None:
        self._must_run(name, f"run a command in container {name}")

    @verb
    def attach(self, name: str) -> terminals.FakeTerminal:
        action = f"attach to container {name}"
        if self._find(name, action).state == "paused":
            raise exception.EngineConflict(action=action, reason=f"container {name} is paused")
        return terminals.FakeTerminal()

    def _must_run(self, name: str, action: str) -> None:
        state = self._find(name, action).state
        if state != "running":
            why = "paused" if state == "paused" else "not running"
            raise exception.EngineConflict(action=action, reason=f"Container {name} is {why}")
