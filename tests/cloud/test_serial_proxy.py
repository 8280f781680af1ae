"""The websocket proxy behind "openstack console url show --serial"."""

from pathlib import Path
from typing import Any
import uuid

import pytest
import websocket

from tests.cloud import user

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
