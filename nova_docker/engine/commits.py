"""What becomes of a container's files: ``/commit`` and ``/images/{name}/get``."""

from collections.abc import Iterator
import typing as ty

from nova_docker.engine import session

_PIECE = 1 << 20


class Commits(session.Session):
    """The verbs that make an image of a container and read it."""

    def commit_container(self, name: str, repository: str, tag: str) -> str:
        """``POST /commit``; a container that runs is paused meanwhile.

        The image's configuration is the container's own.

        :returns: the id of the image
        :raises ContainerNotFound: when there is none of that name
        """
        answer = self._call(f'commit container {name}', lambda: self._long.commit(
            name, repository=repository, tag=tag, pause=True))
        return ty.cast(str, answer['Id'])

    def save_image(self, reference: str) -> Iterator[bytes]:
        """``GET /images/{name}/get``: the archive, as ``docker save`` writes it.

        Read as it comes, so that memory does not grow with the image.

        :raises EngineError: when the engine lacks it, or breaks off
        """
        action = f'save image {reference}'
        with self._call(action, lambda: self._open_archive(reference)) as response:
            pieces = response.iter_content(_PIECE)
            while piece := self._call(action, lambda: next(pieces, b'')):
                yield piece

    def _open_archive(self, reference: str) -> ty.Any:
        response = self._long._get(
            self._long._url('/images/{0}/get', reference), stream=True)
        self._long._raise_for_status(response)
        return response
