"""The connection to the engine: time limits, errors, what is tried again.

The only module that imports the ``docker`` SDK.  It does three things: it
gives every call the time limit that fits it, it turns every error of the SDK
and of ``requests`` into one of :mod:`nova_docker.exception`, and it repeats a
call whose connection was lost only where repeating it is harmless.

API reference: https://docs.docker.com/reference/api/engine/
"""

from collections.abc import Callable
from collections.abc import Iterator
import re
import typing as ty

import docker
from oslo_log import log as logging
import requests
import urllib3

from nova_docker import exception
from nova_docker.engine import tls

LOG = logging.getLogger(__name__)

# Docker 20.10.  Older engines lack nothing vital, but nobody tests on them.
MINIMUM_API = '1.41'

Json = dict[str, ty.Any]
T = ty.TypeVar('T')

# How runc says that the command cannot be executed; it arrives as HTTP 400 or
# 500 behind a long preamble.
_NOT_RUNNABLE = re.compile(
    r'exec(: "| user process|: /| /).*(executable file not found|no such file or directory|'
    r'permission denied|exec format error|is a directory)', re.IGNORECASE | re.DOTALL)

# What the engine finds wrong with an image's or a request's settings under HTTP 500.
_REJECTED = re.compile(r'^unable to find (user|group) |^Cannot mkdir: ')

# The connection broke, as against: no answer came in time.  The SDK reads some
# streams past requests, so that urllib3's own errors come through.
_LOST = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError,
         urllib3.exceptions.ProtocolError)


class _Session(docker.APIClient):
    """An SDK client whose ``timeout`` also holds where the SDK asks for none.

    ``pull`` passes ``timeout=None``, which would let a silent registry hold a
    boot for ever.
    """

    @property
    def trust_env(self) -> bool:
        """No: or REQUESTS_CA_BUNDLE of the environment would replace the
        operator's authority, and a proxy for the web would get the requests.
        """
        return False

    @trust_env.setter
    def trust_env(self, value: bool) -> None:
        """requests sets its default here."""

    def _set_request_timeout(self, kwargs: Json) -> Json:
        if kwargs.get('timeout') is None:
            kwargs['timeout'] = self.timeout
        return kwargs


class EventStream:
    """Decoded events of the engine; iterate it, close it from any thread."""

    def __init__(self, stream: ty.Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[Json]:
        """The events until the stream ends, for whatever reason.

        A socket that another thread closes shows as any of these errors.
        """
        try:
            yield from self._stream
        except (requests.RequestException, urllib3.exceptions.HTTPError,
                OSError, ValueError, AttributeError) as e:
            LOG.debug('The event stream broke: %s', e)

    def close(self) -> None:
        """End the iteration, wherever it is blocked.  Repeatable."""
        try:
            self._stream.close()
        except (OSError, AttributeError):
            # The SDK looks for the socket of a response that may have ended.
            LOG.debug('The event stream was closed already')


class Session:
    """The connections to one engine, shared by all threads of nova-compute.

    :param url: ``unix:///path`` or ``tcp://host:port``
    :param security: what secures the way to a ``tcp://`` engine
    :param timeout: seconds to wait for the answer to a short request
    :param stream_timeout: seconds of silence allowed in an image transfer
    :param pool_size: connections kept open for threads working at once
    """

    def __init__(self, url: str, *,
                 security: tls.Security = tls.Security(),  # noqa: B008  frozen
                 timeout: int = 60, stream_timeout: int = 600,
                 pool_size: int = 32) -> None:
        self.url = url
        self._security = security
        self._timeout = timeout
        self._stream_timeout = stream_timeout
        self._pool_size = pool_size
        self._short: ty.Any = None
        self._long: ty.Any = None
        self._endless: ty.Any = None

    # Connecting ----------------------------------------------------------

    def connect(self) -> None:
        """Agree with the engine on an API version.

        :raises EngineMisconfigured: an option of TLS is wrong or missing
        :raises EngineUntrusted: the engine or we fail the other's TLS check
        :raises EngineUnavailable: nobody answers at the URL
        :raises EngineTooOld: the engine's API is older than MINIMUM_API
        """
        self._security.check(self.url)
        short = self._call('connect', lambda: self._session(self._timeout, 'auto'))
        version = short.api_version
        if _numbers(version) < _numbers(MINIMUM_API):
            raise exception.EngineTooOld(
                url=self.url, version=version, minimum=MINIMUM_API)
        self._short = short
        self._long = self._session(self._stream_timeout, version)
        self._endless = self._session(None, version)

    def _session(self, timeout: int | None, version: str) -> _Session:
        return _Session(self.url, version=version, timeout=timeout, tls=self._tls(),
                        max_pool_size=self._pool_size)

    def _tls(self) -> ty.Any:
        secured = self._security
        if not secured.ca_file:
            return False
        pair = (secured.cert_file, secured.key_file) if secured.cert_file else None
        return docker.tls.TLSConfig(ca_cert=secured.ca_file, verify=True, client_cert=pair)

    @property
    def api_version(self) -> tuple[int, ...]:
        """The agreed API version, (1, 41) for example."""
        return _numbers(self._short.api_version)

    def close(self) -> None:
        """Close every idle connection."""
        for session in (self._short, self._long, self._endless):
            if session is not None:
                session.close()

    # The seam ------------------------------------------------------------------

    def _repeatable(self, action: str, request: Callable[[], T]) -> T:
        """Do an idempotent request; once more if its connection breaks."""
        try:
            return self._call(action, request)
        except exception.EngineUnavailable as e:
            if not isinstance(e.__cause__, _LOST):
                raise
            LOG.debug('Lost the connection to the engine, trying again: %s', e)
            return self._call(action, request)

    def _call(self, action: str, request: Callable[[], T]) -> T:
        """Do a request and say its errors in the driver's terms."""
        try:
            return request()
        except docker.errors.APIError as e:
            raise _api_error(action, e) from e
        except (requests.RequestException, urllib3.exceptions.HTTPError,
                docker.errors.DockerException) as e:
            if tls.is_refusal(e):
                raise exception.EngineUntrusted(
                    url=self.url, action=action, reason=tls.advice(e)) from e
            raise exception.EngineUnavailable(
                url=self.url, action=action, reason=_short_reason(e)) from e


def _api_error(action: str, error: ty.Any) -> exception.EngineError:
    """The class and message for an HTTP error of the engine."""
    reason = str(error.explanation or error).strip()
    status = error.status_code
    kind: type[exception.EngineError] = exception.EngineError
    if _NOT_RUNNABLE.search(reason):
        kind = exception.CommandNotRunnable
    elif status == 404 and 'no such container' in reason.lower():
        kind = exception.ContainerNotFound
    elif status == 404:
        kind = exception.EngineImageNotFound
    elif status == 400 or _REJECTED.search(reason):
        kind = exception.EngineRejected
    elif status == 409:
        kind = exception.EngineConflict
    return kind(action=action, reason=reason)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split('.'))


def _short_reason(error: Exception) -> str:
    """The innermost text of a nested requests/urllib3 error."""
    found = re.findall(r"(\w*Error)\((?:\d+, )?'([^']+)'\)", str(error))
    return f'{found[-1][0]}: {found[-1][1]}' if found else str(error)


