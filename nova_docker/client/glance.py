"""Images in Glance, made whole or not at all.

https://docs.openstack.org/api-ref/image/v2/
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
import contextlib
import itertools
import time
import typing as ty
import uuid

from keystoneauth1 import exceptions as auth_exceptions
import openstack
from osc_lib import exceptions
import requests

from nova_docker.client import content
from nova_docker.client import interruption
from nova_docker.client import text

Json = dict[str, ty.Any]

REFERENCE_PROPERTY = 'docker_image'
# Less is refused by the engine, whatever runs in it.
MIN_RAM_MIB = 6
# A server in front of Glance may limit the chunks of a request; uWSGI to 1 MiB.
_CHUNK = 1 << 19
_ACTIVE_SECONDS = 120
_ARCHITECTURES = {'amd64': 'x86_64', 'arm64': 'aarch64', '386': 'i686', 'arm': 'armv7l',
                  'ppc64le': 'ppc64le', 's390x': 's390x', 'riscv64': 'riscv64',
                  'mips64le': 'mips64el', 'loong64': 'loongarch64'}


def architecture(docker_name: str) -> str:
    """What Nova calls an architecture that Docker calls amd64."""
    return _ARCHITECTURES.get(docker_name, docker_name)


def description(name: str, size: int, **properties: str | None) -> Json:
    """The body of a request for an image that runs on hosts of Docker.

    :param size: bytes, unpacked
    :param properties: beside the usual ones; None is none
    """
    return {
        'name': name, 'container_format': 'docker', 'disk_format': 'raw',
        'min_disk': max(1, -(-size // 2**30)), 'min_ram': MIN_RAM_MIB, 'img_hv_type': 'docker',
        **{key: value for key, value in properties.items() if value},
    }


class Images:
    """The images of a project.

    :param proxy: the SDK's for the service
    """

    def __init__(self, proxy: ty.Any) -> None:
        self._proxy = proxy

    def create(self, body: Json, pieces: Iterable[bytes]) -> Json:
        """An image with that content, active.  On any failure, and when the user
        interrupts it, nothing is left.

        :raises CommandError: what happened and what to do
        """
        # Known before the request is made: an answer that never comes does not matter.
        image_id = str(uuid.uuid4())
        pieces = iter(pieces)
        # An engine may need a while until it sends; Glance does not wait.
        first = next(pieces, b'')
        counter = _Counter(itertools.chain([first], pieces))
        try:
            with _explained('take the image'):
                self._request('post', '/images', json={**body, 'id': image_id})
                self._request('put', f'/images/{image_id}/file', data=counter.chunks(),
                              headers={'Content-Type': 'application/octet-stream'})
                return self._active(image_id, counter.size)
        except BaseException:
            with interruption.held_back():
                self._discard(image_id)
            raise

    def find(self, name_or_id: str) -> Json:
        """:raises CommandError: there is none, or there are several"""
        with _explained('show the image'):
            try:
                found = self._proxy.find_image(name_or_id, ignore_missing=True)
            except openstack.exceptions.DuplicateResource as e:
                raise exceptions.CommandError(
                    f'Several images are called {name_or_id}: give the id of one.') from e
            if found is None:
                raise exceptions.CommandError(
                    f'There is no image {name_or_id}: "openstack image list" shows what there is.')
            return self._get(found.id)

    @contextlib.contextmanager
    def content(self, image: Json, passed: Callable[[int], None]) -> Iterator[content.Content]:
        """The content of an image, to read in.

        :param passed: is told how far it was read, now and then
        """
        def get(offset: int) -> requests.Response:
            answer: requests.Response = self._request(
                'get', f'/images/{image["id"]}/file', stream=True,
                headers={'Range': f'bytes={offset}-'} if offset else {})
            return answer

        with _explained('give the image'), contextlib.closing(
                content.Content(get, image['size'], passed)) as made:
            yield made

    def _get(self, image_id: str) -> Json:
        return dict(self._request('get', f'/images/{image_id}').json())

    def _request(self, method: str, path: str, **more: ty.Any) -> ty.Any:
        answer = getattr(self._proxy, method)(path, **more)
        openstack.exceptions.raise_from_response(answer)
        return answer

    def _active(self, image_id: str, sent: int) -> Json:
        """The image, once it can be booted.

        The client repeats an upload that broke, with the rest of the stream:
        Glance takes it for the whole.
        """
        end = time.monotonic() + _ACTIVE_SECONDS
        while (image := self._get(image_id))['status'] != 'active':
            if time.monotonic() > end:
                raise exceptions.CommandError(
                    f'The image is {image["status"]} in Glance, and does not become active: ask '
                    f'the operator of the cloud.')
            time.sleep(0.5)
        if image['size'] != sent:
            raise exceptions.CommandError(
                f'Glance has {image["size"]} of {sent} bytes: the upload broke. Try again.')
        return image

    def _discard(self, image_id: str) -> None:
        try:
            answer = self._proxy.delete(f'/images/{image_id}')
            if answer.status_code != requests.codes.not_found:
                openstack.exceptions.raise_from_response(answer)
        except (openstack.exceptions.SDKException, auth_exceptions.ClientException,
                requests.RequestException) as e:
            raise exceptions.CommandError(
                f'The image {image_id} was not made, and what there is of it cannot be deleted: '
                f'{text.line(str(e))}. Run "openstack image delete {image_id}".') from e


class _Counter:
    """Counts what passes."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self.size = 0

    def chunks(self) -> Iterator[bytes]:
        """The pieces, in portions that every server takes."""
        for piece in self._pieces:
            view = memoryview(piece)
            for start in range(0, len(piece), _CHUNK):
                part = view[start:start + _CHUNK]
                self.size += len(part)
                yield bytes(part)


@contextlib.contextmanager
def _explained(action: str) -> Iterator[None]:
    try:
        yield
    except openstack.exceptions.HttpException as e:
        raise exceptions.CommandError(_refusal(action, e)) from e
    except (openstack.exceptions.SDKException, auth_exceptions.ClientException,
            requests.RequestException) as e:
        raise exceptions.CommandError(text.line(
            f'Glance failed to {action}: {e}',
            'Check the log-in (openstack token issue) and that Glance runs, then try again.',
        )) from e


def _refusal(action: str, error: openstack.exceptions.HttpException) -> str:
    reason = f'Glance refused to {action}: {error.details or error}'
    if error.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
        advice = 'Ask the operator of the cloud for the right to do that.'
    elif error.status_code == requests.codes.request_entity_too_large:
        advice = 'Delete images that you do not need, or ask the operator for a larger quota.'
    elif (error.status_code or 0) >= requests.codes.server_error:
        advice = 'Try again later, or ask the operator of the cloud.'
    else:
        advice = 'Correct what it names.'
    return text.line(reason, advice)
