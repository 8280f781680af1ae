"""What an engine does with terminals.  The fake is held to the real one."""

from collections.abc import Callable
import threading

import pytest

from nova_docker import exception
from tests.contract.world import eventually
from tests.contract.world import World

ABSENT = "nova-docker-contract-absent"
OPENINGS = {
    "exec": lambda world, name: world.engine.create_exec(name, ["/bin/sleep", "1000"]),
    "command": lambda world, name: world.engine.run_aside(name, ["/bin/true"]),
    "attach": lambda world, name: world.engine.attach(name),
}
Opening = Callable[[World, str], object]


def test_a_command_prints_on_its_terminal_and_ends(world: World):
    exec_id = world.engine.create_exec(world.run(), ["/bin/echo", "hello"])
    terminal = world.engine.open_exec(exec_id)
    assert b"".join(iter(terminal.read, b"")) == b"hello\r\n"
    terminal.close()
    eventually(lambda: world.engine.exec_pid(exec_id) is None)


def test_hanging_up_ends_the_reading_and_not_the_command(world: World):
    exec_id = world.engine.create_exec(world.run(), ["/bin/sleep", "1000"])
    terminal = world.engine.open_exec(exec_id)
    reader = threading.Thread(target=terminal.read, daemon=True)
    reader.start()
    terminal.hang_up()
    reader.join(timeout=60)
    assert not reader.is_alive()
    terminal.close()
    eventually(lambda: bool(world.engine.exec_pid(exec_id)))


def test_attaching_holds_the_terminal_of_the_first_process(world: World):
    terminal = world.engine.attach(world.run())
    terminal.hang_up()
    assert terminal.read() == b""
    terminal.close()


def test_a_file_is_there_or_not(world: World):
    name = world.run()
    found = [world.engine.has_file(*where) for where in (
        (name, "/bin/sleep"), (name, "/bin/absent"), (ABSENT, "/bin/sleep"))]
    assert found == [True, False, False]


@pytest.mark.parametrize("opening", OPENINGS.values(), ids=OPENINGS)
def test_an_absent_container_has_no_terminal(world: World, opening: Opening):
    with pytest.raises(exception.ContainerNotFound):
        opening(world, ABSENT)


@pytest.mark.parametrize("opening", OPENINGS.values(), ids=OPENINGS)
def test_a_paused_container_has_no_terminal(world: World, opening: Opening):
    name = world.run()
    world.engine.pause_container(name)
    with pytest.raises(exception.EngineConflict, match="paused"):
        opening(world, name)


@pytest.mark.parametrize("opening", [OPENINGS["exec"], OPENINGS["command"]],
                         ids=["exec", "command"])
def test_a_stopped_container_runs_no_command(world: World, opening: Opening):
    with pytest.raises(exception.EngineConflict, match="not running"):
        opening(world, world.create())
