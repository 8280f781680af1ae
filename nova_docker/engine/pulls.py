"""Pulls: the engine fetches an image from a registry.

The engine says all that goes wrong in words of its own or the registry's, most
of it under HTTP 500 or inside of a 200; these words are all there is to tell a
busy registry from one that refuses.
"""

import base64
from collections.abc import Iterable
from collections.abc import Mapping
import json
import re
import time
import typing as ty

import requests
import urllib3

from nova_docker import exception
from nova_docker.engine import session

Json = session.Json

_OTHER_PLATFORMS = re.compile(
    r'no matching manifest|does not match the specified platform|no match for platform',
    re.IGNORECASE)
# In this order: the first that is found in the engine's words.
_MEANINGS: tuple[tuple[re.Pattern[str], type[exception.EngineError]], ...] = tuple(
    (re.compile(words, re.IGNORECASE), kind) for words, kind in (
        (_OTHER_PLATFORMS.pattern, exception.PlatformNotFound),
        (r'dial tcp|connection refused|no such host', exception.RegistryUnreachable),
        (r'toomanyrequests|too many requests|http status: (429|5\d\d)|: 5\d\d [A-Z]|\bEOF\b|'
         r'connection reset|broken pipe|i/o timeout|timeout exceeded|handshake timeout|'
         r'deadline exceeded', exception.RegistryUnavailable),
        (r'unauthorized|basic auth|authentication required|forbidden',
         exception.RegistryRefused),
        (r'not found|manifest unknown|no such manifest|access denied',
         exception.EngineImageNotFound),
    ))
_TIMEOUTS = (requests.Timeout, urllib3.exceptions.TimeoutError)


class Pulls(session.Session):
    """What the engine does with registries."""

    def pull_image(self, reference: str, *, credentials: Mapping[str, str] | None = None,
                   platform: str | None = None, seconds: float | None = None) -> None:
        """``POST /images/create``: pull from the reference's registry.

        :param credentials: for the registry; by default it is asked anonymously,
            whatever lies in the service user's home
        :param platform: ``os/architecture``; the engine's own by default
        :param seconds: to do it in; by default only silence ends it
        :raises EngineImageNotFound: when the registry has no such image
        :raises PlatformNotFound: when it has the image for other platforms
        :raises RegistryRefused: when it wants other credentials
        :raises RegistryUnavailable: when it cannot be used now
        :raises ImagePullFailed: when the pull failed in any other way
        """
        action = f'pull image {reference}'
        limit = self._stream_timeout if seconds is None else min(seconds, self._stream_timeout)
        deadline = None if seconds is None else time.monotonic() + seconds
        parameters = {'fromImage': _with_tag(reference), 'platform': platform}

        def pull() -> None:
            with self._long._post(self._long._url('/images/create'), params=parameters,
                                  headers=_header(credentials), stream=True,
                                  timeout=limit) as answer:
                self._long._raise_for_status(answer)
                _follow(self._long._stream_helper(answer, decode=True), action, deadline)

        try:
            self._call(action, pull)
        except exception.EngineUnavailable as e:
            if isinstance(e.__cause__, _TIMEOUTS):
                raise _failure(action, _TOO_LONG) from e
            raise
        except exception.EngineImageNotFound as e:
            if _OTHER_PLATFORMS.search(e.kwargs['reason']):
                raise exception.PlatformNotFound(action=action, reason=e.kwargs['reason']) from e
            raise
        except (exception.EngineRejected, exception.ImagePullFailed):
            raise
        except exception.EngineError as e:
            raise _failure(action, e.kwargs['reason']) from e

    def image_platforms(self, reference: str, *,
                        credentials: Mapping[str, str] | None = None) -> list[dict[str, str]]:
        """``GET /distribution/{name}/json``: what a registry has an image for.

        :returns: each with os, architecture and, maybe, variant
        :raises EngineError: when the registry does not say
        """
        found = self._call(
            f'ask for the platforms of image {reference}',
            lambda: self._short._result(self._short._get(
                self._short._url('/distribution/{0}/json', reference),
                headers=_header(credentials)), True))
        return ty.cast(list[dict[str, str]], found.get('Platforms') or [])


_TOO_LONG = 'i/o timeout: the registry sends nothing'


def _header(credentials: Mapping[str, str] | None) -> dict[str, str]:
    content = json.dumps(dict(credentials or {})).encode()
    return {'X-Registry-Auth': base64.urlsafe_b64encode(content).decode()}


def _with_tag(reference: str) -> str:
    """Without a tag the engine would pull all that the repository has."""
    last = reference.rpartition('/')[2]
    return reference if ':' in last or '@' in last else f'{reference}:latest'


def _follow(lines: Iterable[Json], action: str, deadline: float | None) -> None:
    """Read a pull's progress to its end."""
    for line in lines:
        if 'error' in line:
            raise _failure(action, str(line['error']).strip())
        if deadline is not None and time.monotonic() > deadline:
            raise exception.RegistryUnavailable(
                action=action, reason=f'it takes too long; at the end the engine said '
                                      f'"{line.get("status", "")}"')


def _failure(action: str, reason: str) -> exception.EngineError:
    kind = next((kind for words, kind in _MEANINGS if words.search(reason)),
                exception.ImagePullFailed)
    return kind(action=action, reason=reason)
