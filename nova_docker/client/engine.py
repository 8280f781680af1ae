"""The Docker engine of whoever runs the command.

The only module of the client that imports the ``docker`` SDK.  It is not
:mod:`nova_docker.engine`: that one is an operator's, at a configured place,
without credentials and with Nova's errors.  This one is the user's own: at
DOCKER_HOST or in the current context of the docker command, with the
credentials that ``docker login`` has kept, and each of its errors is one line
that says what to do.

API reference: https://docs.docker.com/reference/api/engine/
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import dataclasses
import os
import typing as ty

import docker
from osc_lib import exceptions
import requests
import urllib3

from nova_docker.client import interruption
from nova_docker.client import text

Json = dict[str, ty.Any]
Report = Callable[[Json], None]

SHORT_SECONDS = 10
# Of silence; an engine writes a whole image to its disk before it sends the first byte.
STREAM_SECONDS = 1800
# Beside the name of a registry that nobody can have (RFC 6761).
BUILD_REPOSITORY = 'nova-docker.invalid/build'
_TAR_END = bytes(1024)


@dataclasses.dataclass(frozen=True)
class Facts:
    """What the engine says of an image.

    :param id: ``sha256:...``
    :param architecture: as Docker calls it, amd64
    :param size: bytes, unpacked
    """

    id: str
    architecture: str
    size: int


class _Api(docker.APIClient):
    """An SDK client that closes a stream when its reader stops: that is how an
    engine learns that nobody wants a build any more."""

    def _stream_helper(self, response: ty.Any, decode: bool = False) -> Iterator[ty.Any]:
        with contextlib.closing(response):
            yield from super()._stream_helper(response, decode)

    def _stream_raw_result(self, response: ty.Any, chunk_size: int = 1,
                           decode: bool = True) -> Iterator[ty.Any]:
        with contextlib.closing(response):
            yield from super()._stream_raw_result(response, chunk_size, decode)


class Engine:
    """Pulls, builds and saves.

    :raises CommandError: no engine answers
    """

    def __init__(self) -> None:
        where = _where()
        self.url = where.get('base_url') or 'unix:///var/run/docker.sock'
        with self._explained('answer'):
            self._short = docker.APIClient(**where, version='auto', timeout=SHORT_SECONDS,
                                           use_ssh_client=True)
            self._api = _Api(**where, version=self._short.api_version, timeout=STREAM_SECONDS,
                             use_ssh_client=True)

    def close(self) -> None:
        """End the connections."""
        self._short.close()
        self._api.close()

    def find(self, reference: str) -> Facts | None:
        """What the engine has under a name."""
        with self._explained(f'inspect {reference}'):
            try:
                found = self._api.inspect_image(reference)
            except docker.errors.ImageNotFound:
                return None
        return Facts(found['Id'], found['Architecture'], found['Size'])

    def platforms(self, reference: str) -> list[str]:
        """The architectures that a registry has of an image, as Docker calls them.

        :raises CommandError: the registry cannot be asked
        """
        with self._explained(f'ask the registry for {reference}'):
            found = self._short.inspect_distribution(reference)
        return [str(platform.get('architecture')) for platform in found.get('Platforms') or ()]

    def pull(self, reference: str, platform: str | None, report: Report) -> None:
        """Pull, with the credentials of ``docker login``.

        :param platform: ``os/architecture``; None is the engine's own
        :param report: is told each line of progress
        :raises CommandError: there is no such image, or it may not be pulled
        """
        with self._explained(f'pull {reference}'):
            try:
                for line in self._api.pull(reference, stream=True, decode=True,
                                           platform=platform):
                    if 'error' in line:
                        raise _pull_error(reference, str(line['error']))
                    report(line)
            except docker.errors.APIError as e:
                raise _pull_error(reference, str(e.explanation or e)) from e

    def build(self, report: Report, *, context: Iterable[bytes] | None = None,
              remote: str | None = None, dockerfile: str | None = None,
              arguments: Mapping[str, str] | None = None, platform: str | None = None) -> str:
        """Build without a tag, so that an interrupted build leaves none.

        :param report: is told each line; it raises at an error that is in one
        :param context: a tar archive
        :param remote: what the engine fetches itself, in place of a context
        :param dockerfile: its name in the context
        :returns: the id of the image
        """
        given = {'path': remote} if remote else {'fileobj': context, 'custom_context': True}
        image_id = None
        with self._explained('build', advice='Correct the Dockerfile or the context.'):
            for line in self._api.build(**given, dockerfile=dockerfile, platform=platform,
                                        buildargs=dict(arguments or {}), rm=True, forcerm=True,
                                        decode=True):
                report(line)
                image_id = (line.get('aux') or {}).get('ID') or image_id
        if image_id is None:
            raise exceptions.CommandError(
                'The Docker engine broke off the build. Look at its log, and build again.')
        return str(image_id)

    @contextlib.contextmanager
    def tagged(self, image_id: str, tag: str) -> Iterator[str]:
        """Keep an image from being pruned by a tag that goes at the end, and the
        image with it, unless it has another."""
        name = f'{BUILD_REPOSITORY}:{tag}'
        try:
            with self._explained('tag the image that was built'):
                self._api.tag(image_id, BUILD_REPOSITORY, tag)
            yield name
        finally:
            self.remove(name)

    def remove(self, name: str) -> None:
        """Remove a tag, and the image if it was its last and nothing uses it."""
        with interruption.held_back(), self._explained(f'remove {name}'), \
                contextlib.suppress(docker.errors.ImageNotFound):
            try:
                self._api.remove_image(name)
            except docker.errors.APIError as e:
                if e.status_code != requests.codes.conflict:
                    raise

    def save(self, name: str) -> Iterator[bytes]:
        """An image as ``docker save`` writes it.

        :raises CommandError: the engine broke off.  It reports that inside of
            the archive, so that only its end shows it.
        """
        end = b''
        with self._explained(f'save {name}'):
            for piece in self._api.get_image(name):
                end = (end + piece[-len(_TAR_END):])[-len(_TAR_END):]
                yield piece
        if end != _TAR_END:
            raise exceptions.CommandError(
                f'The Docker engine broke off while it saved {name}: see its log; a full disk '
                f'is the usual reason.')

    @contextlib.contextmanager
    def _explained(self, action: str, advice: str = '') -> Iterator[None]:
        """Say the errors of the SDK in one line."""
        try:
            yield
        except docker.errors.APIError as e:
            raise exceptions.CommandError(text.line(
                f'The Docker engine failed to {action}: {e.explanation or e}', advice)) from e
        except (requests.RequestException, urllib3.exceptions.HTTPError,
                docker.errors.DockerException, OSError) as e:
            raise exceptions.CommandError(_unreachable(self.url, e)) from e


def included(folder: str, patterns: list[str], dockerfile: str) -> list[str]:
    """What of a folder is in its build context: relative paths, parents first.

    :param patterns: the lines of .dockerignore
    :param dockerfile: is in it, whatever they say
    """
    return sorted(docker.utils.exclude_paths(folder, patterns, dockerfile=dockerfile))


def _where() -> Json:
    """How to reach the engine that the docker command would use."""
    try:
        if os.environ.get('DOCKER_HOST'):
            return dict(docker.utils.kwargs_from_env())
        context = docker.ContextAPI.get_current_context()
        if context is None or not context.Host:
            return {}
        return {'base_url': context.Host, 'tls': context.TLSConfig or False}
    except docker.errors.DockerException as e:
        raise exceptions.CommandError(text.line(
            f'The settings of Docker are wrong: {e}',
            'Correct DOCKER_HOST and DOCKER_CERT_PATH, or the current docker context.')) from e


def _unreachable(url: str, error: Exception) -> str:
    shown = str(error)
    if 'Permission denied' in shown:
        return (f'You may not use the Docker engine at {url}: join the group "docker", or name '
                f'another engine in DOCKER_HOST.')
    if any(sign in shown for sign in ('No such file', 'Connection refused', 'Name or service')):
        return (f'No Docker engine answers at {url}: start Docker, or name an engine in '
                f'DOCKER_HOST.')
    return text.line(f'The Docker engine at {url} does not answer: {shown}',
                     'Check that it runs, or name another in DOCKER_HOST.')


def _pull_error(reference: str, reason: str) -> exceptions.CommandError:
    lowered = reason.lower()
    if any(sign in lowered for sign in (
            'not found', 'manifest unknown', 'no such', 'denied', 'unauthorized')):
        advice = 'Check the name, or run "docker login" if the image is private.'
    elif 'invalid reference' in lowered:
        advice = 'A reference looks like registry.example.org/path/name:tag.'
    else:
        advice = 'Try again later, or use --local for the copy that the engine has.'
    return exceptions.CommandError(text.line(f'{reference} cannot be pulled: {reason}', advice))
