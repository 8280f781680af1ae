"""The operator's credentials for registries, read when they are needed."""

from collections.abc import Iterator
import contextlib
from pathlib import Path

import nova.conf

from nova_docker import exception
from nova_docker.translate import credentials
from nova_docker.translate import reference as references

CONF = nova.conf.CONF


def for_image(reference: str) -> dict[str, str]:
    """The credentials for an image's registry; {} when there are none.

    The file is read at every pull, so that a change holds at once.

    :param reference: with its registry spelled out
    :raises CredentialsUnusable: [docker]/registry_auth_file cannot be read
    """
    path = CONF.docker.registry_auth_file
    if not path:
        return {}
    with _explained(path):
        return credentials.for_registry(Path(path).read_text('utf-8'),
                                        references.registry(reference))


def check() -> None:
    """:raises CredentialsUnusable: a pull from some registry would"""
    path = CONF.docker.registry_auth_file
    if path:
        with _explained(path):
            credentials.check(Path(path).read_text('utf-8'))


@contextlib.contextmanager
def _explained(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise exception.CredentialsUnusable(path=path, reason=e.strerror) from None
    except UnicodeDecodeError:
        raise exception.CredentialsUnusable(path=path, reason='it is no text') from None
    except exception.MalformedCredentials as e:
        raise exception.CredentialsUnusable(path=path, reason=str(e)) from None
