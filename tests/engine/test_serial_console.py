"""Serial consoles, as nova-serialproxy uses them: a TCP port for each instance."""

import contextlib
import socket
import threading

from nova import exception as nova_exception
from nova import objects
import pytest

from nova_docker import console
from nova_docker.translate import naming
from tests import archives
from tests.engine import instances
from tests.engine import waiting

SECONDS = 60


@pytest.fixture(autouse=True)
def ports(settings) -> None:
    """A range that the kernel gives to nobody else by itself."""
    settings.config(group="serial_console", port_range="21500:21600")


@pytest.fixture
def connect(driver):
    """Open the console of an instance, as often as one likes."""
    with contextlib.ExitStack() as stack:
        def connected(instance: objects.Instance) -> socket.socket:
            found = driver.get_serial_console(None, instance)
            return stack.enter_context(
                socket.create_connection((found.host, found.port), timeout=SECONDS))
        yield connected


def read_until(user: socket.socket, wanted: bytes) -> bytes:
    """What came, up to and with the wanted bytes."""
    seen = b""
    while wanted not in seen:
        data = user.recv(65536)
        assert data, f"ended before {wanted!r}: {seen!r}"
        seen += data
    return seen


def rest(user: socket.socket) -> bytes:
    """What still comes until the other side ends."""
    return b"".join(iter(lambda: user.recv(65536), b""))


def ask(user: socket.socket, command: str, answer: str) -> None:
    """Have a command run; the echo of what is typed is no answer."""
    user.sendall(command.encode() + b"\n")
    read_until(user, f"\r\n{answer}\r\n".encode())


def console_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate()
            if thread.name.startswith("docker-console")]


def bridges() -> list[str]:
    return [name for name in console_threads() if name == "docker-console-output"]


def is_refused(where: tuple[str, int]) -> bool:
    try:
        socket.create_connection(where, timeout=SECONDS).close()
    except ConnectionRefusedError:
        return True
    return False


def shells(api, instance) -> list[str]:
    running = api.top(naming.workload_name(instance.uuid))["Processes"]
    return [process[-1] for process in running if "/bin/sh" in process[-1]]


def test_a_user_works_in_a_shell_on_a_terminal(boots, connect):
    user = connect(boots.archive(instances.busybox()))
    ask(user, "test -t 0 && echo on-a-$((40 + 2))", "on-a-42")
    user.sendall(b"exit\n")
    rest(user)


def test_many_users_have_a_shell_each(boots, connect):
    instance = boots.archive(instances.busybox())
    users = [connect(instance) for _ in range(3)]
    for number, user in enumerate(users):
        user.sendall(f"mine={number}\n".encode())
    for number, user in enumerate(users):
        ask(user, "echo it-is-$mine", f"it-is-{number}")


def test_too_many_users_are_told_so(boots, connect, monkeypatch):
    monkeypatch.setattr(console, "MOST_CONNECTIONS", 1)
    instance = boots.archive(instances.busybox())
    first = connect(instance)
    ask(first, "echo $((1 + 1))", "2")
    assert b"close one first" in rest(connect(instance))


def test_a_port_is_one_instances_alone_and_stays_the_same(boots, connect, driver):
    one, other = boots.archive(instances.busybox()), boots.archive(instances.busybox())
    ports = [driver.get_serial_console(None, each).port for each in (one, other, one, other)]
    assert ports[:2] == ports[2:]
    assert ports[0] != ports[1]
    for instance in (one, other):
        ask(connect(instance), "hostname", instance.hostname)


def test_the_shell_ends_when_its_user_goes(boots, connect, api):
    instance = boots.archive(instances.busybox())
    user = connect(instance)
    ask(user, "echo $((1 + 1))", "2")
    assert shells(api, instance)
    user.close()
    waiting.until(lambda: not shells(api, instance), seconds=SECONDS)


def test_no_shell_outlives_users_who_go_at_once(boots, connect, api):
    instance = boots.archive(instances.busybox())
    for _ in range(10):
        connect(instance).close()
    last = connect(instance)
    ask(last, "echo $((1 + 1))", "2")
    last.close()
    waiting.until(lambda: not bridges() and not shells(api, instance), seconds=SECONDS)


def test_an_image_without_a_shell_shows_its_first_process(boots, connect):
    whole = instances.busybox()
    bare = archives.Image(files=whole.files, links={"bin/cat": "busybox"}, command=["cat"])
    user = connect(boots.archive(bare))
    user.sendall(b"hello\n")
    read_until(user, b"hello\r\nhello\r\n")


def test_huge_and_binary_output_comes_whole(boots, connect):
    user = connect(boots.archive(instances.busybox()))
    user.sendall(b"stty raw -echo; echo be''gin; dd if=/dev/zero bs=1000 count=3000 2>/dev/null; "
                 b"echo the-e''nd\n")
    assert read_until(user, b"the-end").count(b"\0") == 3_000_000


def test_consoles_end_with_the_instance(boots, connect, driver, context):
    instance = boots.archive(instances.busybox())
    user = connect(instance)
    ask(user, "echo $((1 + 1))", "2")
    where = user.getpeername()
    driver.destroy(context, instance, instances.network())
    rest(user)
    waiting.until(lambda: is_refused(where), seconds=SECONDS)


def test_consoles_end_with_nova_compute(boots, connect, driver):
    user = connect(boots.archive(instances.busybox()))
    ask(user, "echo $((1 + 1))", "2")
    driver._consoles.close_all()
    rest(user)
    waiting.until(lambda: not console_threads(), seconds=SECONDS)


def test_a_port_that_nobody_has_a_token_for_closes(boots, driver, settings):
    settings.config(group="consoleauth", token_ttl=1)
    found = driver.get_serial_console(None, boots.archive(instances.busybox()))
    waiting.until(lambda: not console_threads(), seconds=SECONDS)
    assert is_refused((found.host, found.port))


def test_a_stopped_instance_has_no_console(boots, driver):
    instance = boots.archive(instances.busybox())
    driver.power_off(instance)
    with pytest.raises(nova_exception.InstanceNotReady):
        driver.get_serial_console(None, instance)


def test_an_absent_instance_has_no_console(driver):
    with pytest.raises(nova_exception.InstanceNotFound):
        driver.get_serial_console(None, instances.instance())


def test_a_paused_instance_says_why_it_has_no_terminal(boots, connect, driver):
    instance = boots.archive(instances.busybox())
    found = driver.get_serial_console(None, instance)
    driver.pause(instance)
    with socket.create_connection((found.host, found.port), timeout=SECONDS) as user:
        assert b"is paused" in rest(user)
