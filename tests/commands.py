"""The commands of the client, run in this process as openstackclient runs them."""

import io
import json
from types import SimpleNamespace
from typing import Any

import openstack
from osc_lib import exceptions
from osc_lib.command import command
import pytest

from nova_docker.client import commands

COMMANDS: dict[str, type[command.ShowOne]] = {
    "build": commands.Build, "import": commands.Import, "register": commands.Register,
    "show": commands.Show}


def run(connection: openstack.connection.Connection, name: str, *arguments: str) -> dict[str, Any]:
    """``openstack docker image NAME ... -f json``."""
    app = SimpleNamespace(client_manager=SimpleNamespace(sdk_connection=connection),
                          stdout=io.StringIO())
    made = COMMANDS[name](app, None)
    parser = made.get_parser(f"openstack docker image {name}")
    assert made.run(parser.parse_args([*arguments, "-f", "json"])) == 0
    shown: dict[str, Any] = json.loads(app.stdout.getvalue())
    return shown


def refusal(connection: openstack.connection.Connection, *arguments: str) -> str:
    """What a command that fails says: one line, with its end."""
    with pytest.raises(exceptions.CommandError) as caught:
        run(connection, *arguments)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message
