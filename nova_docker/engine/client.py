"""The Docker Remote API, as verbs the rest of the driver uses.

The only module that imports the ``docker`` SDK.  It does three things: it
gives every call the time limit that fits it, it turns every error of the SDK
and of ``requests`` into one of :mod:`nova_docker.exception`, and it repeats a
call whose connection was lost only where repeating it is harmless.

API reference: https://docs.docker.com/reference/api/engine/
"""

import collections
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import re
import typing as ty

import docker
from oslo_log import log as logging
import requests
import urllib3

from nova_docker import exception

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


# The connection broke, as against: no answer came in time.  The SDK reads some
# streams past requests, so that urllib3's own errors come through.
_LOST = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError,
         urllib3.exceptions.ProtocolError)


class _Session(docker.APIClient):
    """An SDK client whose ``timeout`` also holds where the SDK asks for none.

    ``pull`` passes ``timeout=None``, which would let a silent registry hold a
    boot for ever.
    """

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


class Engine:
    """One Docker engine, shared by all threads of nova-compute.

    :param url: ``unix:///path`` or ``tcp://host:port``
    :param tls_files: (CA, client certificate, client key) paths, or None
    :param timeout: seconds to wait for the answer to a short request
    :param stream_timeout: seconds of silence allowed in an image transfer
    :param pool_size: connections kept open for threads working at once
    """

    def __init__(self, url: str, *,
                 tls_files: tuple[str, str | None, str | None] | None = None,
                 timeout: int = 60, stream_timeout: int = 600,
                 pool_size: int = 32) -> None:
        self.url = url
        self._tls_files = tls_files
        self._timeout = timeout
        self._stream_timeout = stream_timeout
        self._pool_size = pool_size
        self._short: ty.Any = None
        self._long: ty.Any = None
        self._endless: ty.Any = None

    # Connecting ----------------------------------------------------------

    def connect(self) -> None:
        """Agree with the engine on an API version.

        :raises EngineUnavailable: nobody answers at the URL
        :raises EngineTooOld: the engine's API is older than MINIMUM_API
        """
        short = self._call('connect', lambda: self._session(self._timeout, 'auto'))
        version = short.api_version
        if _numbers(version) < _numbers(MINIMUM_API):
            raise exception.EngineTooOld(
                url=self.url, version=version, minimum=MINIMUM_API)
        self._short = short
        self._long = self._session(self._stream_timeout, version)
        self._endless = self._session(None, version)

    def _session(self, timeout: int | None, version: str) -> _Session:
        tls: ty.Any = False
        if self._tls_files:
            ca, cert, key = self._tls_files
            tls = docker.tls.TLSConfig(
                ca_cert=ca, verify=True,
                client_cert=(cert, key) if cert and key else None)
        return _Session(self.url, version=version, timeout=timeout, tls=tls,
                        max_pool_size=self._pool_size)

    @property
    def api_version(self) -> tuple[int, ...]:
        """The agreed API version, (1, 41) for example."""
        return _numbers(self._short.api_version)

    def close(self) -> None:
        """Close every idle connection."""
        for session in (self._short, self._long, self._endless):
            if session is not None:
                session.close()

    # The engine itself -----------------------------------------------------

    def ping(self) -> None:
        """:raises EngineUnavailable: when the engine does not answer"""
        self._repeatable('ping', lambda: self._short.ping())

    def info(self) -> Json:
        """``GET /info``: the host as the engine sees it."""
        return self._repeatable('read its info', lambda: self._short.info())

    def events(self, labels: Mapping[str, str], since: int | None = None) -> EventStream:
        """Container events of containers with all these labels, as they come.

        :param since: a Unix time (seconds); events after it come first
        """
        filters = {'type': ['container'], 'label': _label_filter(labels)}
        return EventStream(self._call(
            'follow its events',
            lambda: self._endless.events(since=since, filters=filters, decode=True)))

    # Containers --------------------------------------------------------------

    def list_containers(self, labels: Mapping[str, str]) -> list[Json]:
        """``GET /containers/json``: all containers with all these labels."""
        return self._repeatable(
            'list containers',
            lambda: self._short.containers(
                all=True, filters={'label': _label_filter(labels)}))

    def inspect_container(self, name: str) -> Json:
        """:raises ContainerNotFound: when there is none of that name"""
        return self._repeatable(
            f'inspect container {name}',
            lambda: self._short.inspect_container(name))

    def create_container(self, name: str, config: Json) -> str:
        """``POST /containers/create`` with the JSON as it is.

        :returns: the container's id
        :raises EngineConflict: when the name is taken
        :raises EngineImageNotFound: when the engine lacks the image
        :raises EngineRejected: when the engine refuses the configuration
        """
        answer = self._call(
            f'create container {name}',
            lambda: self._short.create_container_from_config(config, name))
        for warning in answer.get('Warnings') or ():
            LOG.debug('Engine about container %s: %s', name, warning)
        return ty.cast(str, answer['Id'])

    def start_container(self, name: str) -> None:
        """Start it; no error when it runs already.

        :raises CommandNotRunnable: when the image lacks the command
        """
        self._repeatable(f'start container {name}', lambda: self._short.start(name))

    def stop_container(self, name: str, timeout: int) -> None:
        """Send the image's stop signal, then kill after ``timeout`` seconds.

        No error when it is stopped already.
        """
        self._repeatable(f'stop container {name}',
                         lambda: self._short.stop(name, timeout=timeout))

    def pause_container(self, name: str) -> None:
        """:raises EngineConflict: when it is paused already or not running"""
        self._call(f'pause container {name}', lambda: self._short.pause(name))

    def unpause_container(self, name: str) -> None:
        """:raises EngineError: when it is not paused"""
        self._call(f'unpause container {name}', lambda: self._short.unpause(name))

    def remove_container(self, name: str) -> None:
        """Kill and remove it with its anonymous volumes; no error when absent."""
        try:
            self._repeatable(
                f'remove container {name}',
                lambda: self._short.remove_container(name, v=True, force=True))
        except exception.ContainerNotFound:
            LOG.debug('Container %s is gone already', name)
        except exception.EngineConflict as e:
            # "removal of container ... is already in progress"
            if 'in progress' not in str(e):
                raise

    def tail_logs(self, name: str, *, lines: int, max_bytes: int) -> bytes:
        """The end of a TTY container's output.

        :returns: at most ``max_bytes`` bytes of at most ``lines`` lines
        """
        return self._repeatable(
            f'read the logs of container {name}',
            lambda: self._read_logs(name, lines, max_bytes))

    def _read_logs(self, name: str, lines: int, max_bytes: int) -> bytes:
        response = self._short._get(
            self._short._url('/containers/{0}/logs', name), stream=True,
            params={'stdout': 1, 'stderr': 1, 'tail': lines})
        with response:
            self._short._raise_for_status(response)
            return _tail(response.iter_content(65536), max_bytes)

    # Images ------------------------------------------------------------------

    def inspect_image(self, reference: str) -> Json:
        """:raises EngineImageNotFound: when the engine lacks it"""
        return self._repeatable(f'inspect image {reference}',
                                lambda: self._short.inspect_image(reference))

    def list_images(self, repository: str) -> list[Json]:
        """``GET /images/json``: images with a tag in that repository."""
        return self._repeatable(f'list images of {repository}',
                                lambda: self._short.images(name=repository))

    def load_image(self, archive: Iterable[bytes]) -> None:
        """``POST /images/load``: an archive as ``docker save`` writes it.

        :param archive: pieces of the archive; read once, as the engine takes
            them, so that memory does not grow with the image
        :raises ImageLoadFailed: when the engine refuses it
        """
        action = 'load an image archive'
        try:
            self._call(action, lambda: _finish(
                self._long.load_image(iter(archive), quiet=True),
                lambda why: exception.ImageLoadFailed(action=action, reason=why)))
        except (exception.EngineRejected, exception.EngineConflict) as e:
            raise exception.ImageLoadFailed(
                action=action, reason=e.kwargs['reason']) from e

    def pull_image(self, reference: str) -> None:
        """``POST /images/create``: pull from the reference's registry.

        :raises EngineImageNotFound: when the registry has no such image
        :raises ImagePullFailed: when the registry cannot be used
        """
        action = f'pull image {reference}'
        # An empty auth_config keeps the SDK from using the credentials that
        # happen to lie in the service user's home.
        try:
            self._call(action, lambda: _finish(
                self._long.pull(reference, stream=True, decode=True, auth_config={}),
                lambda why: exception.ImagePullFailed(action=action, reason=why)))
        except (exception.EngineUnavailable, exception.EngineImageNotFound,
                exception.EngineRejected, exception.ImagePullFailed):
            raise
        except exception.EngineError as e:
            raise exception.ImagePullFailed(
                action=action, reason=e.kwargs['reason']) from e

    def remove_image(self, reference: str) -> None:
        """Remove a tag, and the image when it was its last; none is fine.

        :raises EngineConflict: when a container uses the image
        """
        try:
            self._repeatable(f'remove image {reference}',
                             lambda: self._short.remove_image(reference))
        except exception.EngineImageNotFound:
            LOG.debug('Image %s is gone already', reference)

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
    elif status == 400:
        kind = exception.EngineRejected
    elif status == 409:
        kind = exception.EngineConflict
    return kind(action=action, reason=reason)


def _finish(lines: Iterable[Json], failure: Callable[[str], exception.EngineError]) -> None:
    """Read a progress stream to its end; its errors come inside a 200."""
    for line in lines:
        if 'error' in line:
            reason = str(line['error']).strip()
            if re.search(r'(not found|manifest unknown|no such manifest)', reason):
                raise exception.EngineImageNotFound(
                    action=failure('').kwargs['action'], reason=reason)
            raise failure(reason)


def _tail(chunks: Iterable[bytes], max_bytes: int) -> bytes:
    """The last bytes of a stream, holding little more than that in memory."""
    kept: collections.deque[bytes] = collections.deque()
    size = 0
    for chunk in chunks:
        kept.append(chunk)
        size += len(chunk)
        while size - len(kept[0]) >= max_bytes:
            size -= len(kept.popleft())
    return b''.join(kept)[-max_bytes:]


def _label_filter(labels: Mapping[str, str]) -> list[str]:
    return [f'{key}={value}' for key, value in labels.items()]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split('.'))


def _short_reason(error: Exception) -> str:
    """The innermost text of a nested requests/urllib3 error."""
    found = re.findall(r"(\w*Error)\((?:\d+, )?'([^']+)'\)", str(error))
    return f'{found[-1][0]}: {found[-1][1]}' if found else str(error)


