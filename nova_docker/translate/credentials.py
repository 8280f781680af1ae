"""Docker's config.json -> the credentials for one registry.

The format: https://docs.docker.com/reference/cli/docker/login/.  Nothing that
is raised here quotes the file: a fault is read by users.
"""

import base64
import binascii
from collections.abc import Mapping
import json
import typing as ty

from nova_docker import exception

DOCKER_HUB = 'docker.io'

_KEYS = ('username', 'password', 'identitytoken', 'registrytoken')


def for_registry(content: str, registry: str) -> dict[str, str]:
    """What the engine takes as ``X-Registry-Auth``; {} is an anonymous pull.

    :param content: of the file; its ``auths`` are keyed by registry, and Docker
        Hub's by https://index.docker.io/v1/
    :param registry: host[:port]
    :raises MalformedCredentials: saying where the file is wrong
    """
    auths = _auths(content)
    found = next((key for key in auths if _host(key) == _host(registry)), None)
    if found is None:
        return {}
    credentials = _credentials(found, auths[found])
    return {**credentials, 'serveraddress': found} if credentials else {}


def check(content: str) -> None:
    """:raises MalformedCredentials: saying where the file is wrong"""
    for key, entry in _auths(content).items():
        _credentials(key, entry)


def _auths(content: str) -> dict[str, ty.Any]:
    try:
        config = json.loads(content)
    except ValueError as e:
        where = f' (line {e.lineno})' if isinstance(e, json.JSONDecodeError) else ''
        raise exception.MalformedCredentials(f'it is not JSON{where}') from None
    auths = config.get('auths', {}) if isinstance(config, dict) else None
    if not isinstance(auths, dict):
        raise exception.MalformedCredentials('it has no object "auths" keyed by registry')
    if not auths and (config.get('credsStore') or config.get('credHelpers')):
        raise exception.MalformedCredentials(
            'it names credential helpers, which are not used here: log in without them')
    return auths


def _host(key: str) -> str:
    """Keys may be URLs, as Docker Hub's is."""
    host = key.partition('://')[2] or key
    host = host.partition('/')[0].lower()
    return DOCKER_HUB if host == f'index.{DOCKER_HUB}' else host


def _credentials(key: str, entry: ty.Any) -> dict[str, str]:
    if not isinstance(entry, dict):
        raise exception.MalformedCredentials(f'the entry of {key} is no object')
    found = {name: entry[name] for name in _KEYS if entry.get(name)}
    if not all(isinstance(value, str) for value in found.values()):
        raise exception.MalformedCredentials(f'a value in the entry of {key} is no text')
    if entry.get('auth'):
        found = {**_decoded(key, entry), **found}
    if 'identitytoken' in found or 'registrytoken' in found:
        return {name: value for name, value in found.items() if name.endswith('token')}
    if found and ('username' not in found or 'password' not in found):
        raise exception.MalformedCredentials(
            f'the entry of {key} needs a username and a password')
    return found


def _decoded(key: str, entry: Mapping[str, ty.Any]) -> dict[str, str]:
    try:
        pair = base64.b64decode(entry['auth'], validate=True).decode().rstrip('\0')
    except (binascii.Error, UnicodeDecodeError, TypeError, ValueError):
        pair = ''
    username, colon, password = pair.partition(':')
    if not colon:
        raise exception.MalformedCredentials(
            f'"auth" of {key} is not the base64 of <username>:<password>')
    return {'username': username, 'password': password}
