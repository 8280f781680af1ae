"""Serial consoles as Horizon opens them: a websocket of nova-serialproxy."""

from collections.abc import Iterator
import contextlib
import itertools
from pathlib import Path
import re
from typing import Any
import uuid

import pytest
import websocket

from tests import archives
from tests.cloud import machine_state
from tests.cloud import user
from tests.cloud.test_boot import container

BUSYBOX = Path('/bin/busybox')
SECONDS = 60

# Nova's words for a token that its database does not have.
REFUSED = "The token '***' is invalid or has expired"


def test_a_token_that_nova_did_not_give_opens_nothing(facts: dict[str, Any]) -> None:
    log = Path(facts['logs'], 'nova-serialproxy.log')
    before = log.read_text().count(REFUSED)
    client = websocket.create_connection(f"{facts['serialproxy']}?token={uuid.uuid4()}",
                                         timeout=60, subprotocols=['binary'])
    try:
        with pytest.raises(websocket.WebSocketConnectionClosedException):
            client.recv()
    finally:
        client.close()
    # so it asked the database, and was not merely unable to
    user.wait_for('the refusal is logged', lambda: log.read_text().count(REFUSED) > before)


def url(tenant: user.User, server: Any) -> str:
    """``openstack console url show --serial``."""
    console = tenant.api.compute.create_server_remote_console(
        server, protocol='serial', type='serial')
    return str(console.url)


class Console:
    """A browser's end: binary frames, and text as it is typed."""

    def __init__(self, address: str) -> None:
        origin = re.sub(r'^ws(s?://[^/]+).*', r'http\1', address)
        self._socket = websocket.create_connection(
            address, timeout=SECONDS, subprotocols=['binary', 'base64'], origin=origin)

    def type(self, text: str) -> None:
        self._socket.send_binary(text.encode())

    def read_until(self, pattern: str) -> re.Match[str]:
        """Wait for the pattern in what comes."""
        seen = ''
        while not (found := re.search(pattern, seen)):
            seen += self._socket.recv().decode(errors='replace')
        return found

    def run(self, command: str, answer: str) -> re.Match[str]:
        """Have a command run; the echo of what is typed is no answer."""
        self.type(f'{command}\r')
        return self.read_until(rf'\r\n{answer}\r\n')

    def rest(self) -> str:
        """What still comes until the other side ends."""
        seen = ''
        with contextlib.suppress(websocket.WebSocketConnectionClosedException):
            while data := self._socket.recv():
                seen += data.decode(errors='replace')
        return seen

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def consoles() -> Iterator[contextlib.ExitStack]:
    """Closes what is open at the end."""
    with contextlib.ExitStack() as stack:
        yield stack


def test_many_users_of_two_servers_work_in_shells_of_their_own(
        tenant: user.User, consoles: contextlib.ExitStack, facts: dict[str, Any]) -> None:
    servers = [tenant.boot(name, 'busybox') for name in ('one', 'other')]
    urls = [url(tenant, server) for server in servers]
    opened = [[Console(address) for _ in range(3)] for address in urls]
    for one in itertools.chain(*opened):
        consoles.callback(one.close)
    pids = set()
    for server, its in zip(servers, opened, strict=True):
        for one in its:
            # A token is one server's: whoever has it sees that one and no other.
            found = one.run('echo $(hostname) $$', r'(\S+) (\d+)')
            assert found[1] == server.name
            pids.add((server.id, found[2]))
    assert len(pids) == 6
    one = opened[0][0]
    one.type('sleep 1000\r')
    user.wait_for('it sleeps', lambda: 'sleep 1000' in machine_state.run(
        'docker', 'top', container(servers[0])))
    one.type('\x03')
    # No part of the protocol tells a window's size; the user does.
    one.run('stty rows 43 cols 132; stty size', '43 132')
    tenant.delete_server(servers[0])
    for one in opened[0]:
        one.rest()
    opened[1][0].run('echo still $((40 + 2))', 'still 42')
    again = Console(urls[0])
    consoles.callback(again.close)
    assert not again.rest(), 'the token of a server that is gone opens a console'


def test_an_image_without_a_shell_shows_its_first_process(
        tenant: user.User, consoles: contextlib.ExitStack) -> None:
    bare = archives.Image(files={'bin/busybox': BUSYBOX.read_bytes()},
                          links={'bin/cat': 'busybox'}, command=['cat'])
    image = tenant.upload('bare', bare.archive())
    try:
        one = Console(url(tenant, tenant.boot('bare', image.name)))
        consoles.callback(one.close)
        one.type('hello\r')
        one.read_until('hello\r\nhello\r\n')
    finally:
        tenant.clean_up()
        machine_state.remove_image(image.id)
