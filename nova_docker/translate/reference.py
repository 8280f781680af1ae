"""Names of registry images: what they mean, and which an operator allows."""

from collections.abc import Iterable
from collections.abc import Sequence
import re

from nova import exception as nova_exception

DOCKER_HUB = 'docker.io'

# https://pkg.go.dev/github.com/distribution/reference: registry/path[:tag][@digest].
# What does not match in full is no reference, so that the engine cannot read
# another registry into it than the rule has seen.
_REFERENCE = re.compile(r"""
    (?P<registry> (?: [a-z0-9] (?:[a-z0-9.-]*[a-z0-9])? | \[[0-9a-f:]+\] ) (?: :[0-9]+ )? )
    / (?P<path> (?-i: [a-z0-9]+ (?: (?:[._]|__|-+) [a-z0-9]+ )*
                (?: / [a-z0-9]+ (?: (?:[._]|__|-+) [a-z0-9]+ )* )* ) )
    (?: : [a-z0-9_] [a-z0-9_.-]{0,127} )?
    (?: @ (?P<digest> sha256:[a-f0-9]{64} ) )?
    """, re.VERBOSE | re.ASCII | re.IGNORECASE)


def with_registry(reference: str) -> str:
    """A reference with its registry spelled out, as the engine would read it.

    Without one, the engine takes a digest or a piece of it for the id of an
    image it has: anybody's.
    """
    first, slash, _ = reference.partition('/')
    if slash and ('.' in first or ':' in first or first == 'localhost'):
        return reference
    return f'{DOCKER_HUB}/{reference}' if slash else f'{DOCKER_HUB}/library/{reference}'


def is_reference(reference: str) -> bool:
    """Whether the engine would take it for one.

    :param reference: with its registry spelled out
    """
    return _REFERENCE.fullmatch(reference) is not None


def registry(reference: str) -> str:
    """The host[:port] of a reference that has its registry spelled out."""
    return reference.partition('/')[0].lower()


def pinned(reference: str, repo_digests: Iterable[str]) -> str:
    """What a reference stands for, whatever its tag is moved to later.

    :param reference: with its registry spelled out
    :param repo_digests: RepoDigests of the image that the engine has for it
    :returns: ``<registry>/<path>@sha256:...``; '' when the image is of no
        registry, because somebody made it on the engine under that name
    """
    repository, digest = _parsed(canonical(reference))
    if digest:
        return f'{repository}@{digest}'
    found = (_parsed(canonical(known)) for known in repo_digests)
    return next((f'{name}@{digest}' for name, digest in found
                 if digest and name == repository), '')


def at_digest(reference: str, digest: str) -> str:
    """The image of a reference's repository with that digest, ``sha256:...``.

    :returns: '' when the reference is none
    """
    repository, _ = _parsed(canonical(reference))
    return f'{repository}@{digest}' if repository else ''


def _parsed(reference: str) -> tuple[str, str]:
    """(registry and path, digest or ''); two empty strings for what is none."""
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        return '', ''
    return f'{found["registry"].lower()}/{_path(found)}', found['digest'] or ''


def _path(found: re.Match[str]) -> str:
    """The path as the engine reads it: the official images have a folder."""
    is_official = found['registry'].lower() == DOCKER_HUB and '/' not in found['path']
    return f'library/{found["path"]}' if is_official else found['path']


def canonical(reference: str) -> str:
    """A reference in full, as the engine reads it: registry/path and a tag or a digest.

    :param reference: of an image property, or a name that the engine lists
    """
    registry, _, rest = with_registry(reference).partition('/')
    registry = registry.lower()
    if registry in (DOCKER_HUB, f'index.{DOCKER_HUB}'):
        registry = DOCKER_HUB
        rest = rest if '/' in rest else f'library/{rest}'
    name, _, digest = rest.partition('@')
    path, _, tag = name.partition(':')
    return f'{registry}/{path}' + (f'@{digest}' if digest else f':{tag or "latest"}')


def require_allowed(reference: str, patterns: Sequence[str]) -> None:
    """Refuse an image that the operator's rule does not allow.

    :param reference: with its registry spelled out
    :param patterns: [docker]/registry_allow; empty allows everything
    :raises InvalidInput: naming the rule, and what it allows
    """
    if not patterns:
        return
    if not any(_matches(reference, pattern) for pattern in patterns):
        raise nova_exception.InvalidInput(
            reason=f'the image {reference!r} is not allowed on this cloud: '
                   f'[docker]/registry_allow of the compute host allows only '
                   f'{", ".join(patterns)}. Name such an image, or ask the operator to allow '
                   f'this one')


def _matches(reference: str, pattern: str) -> bool:
    """Whether a pattern covers a reference's registry and repository.

    The two are matched apart: a star for the registry must not reach into the
    path, where anybody can write the name of a trusted registry.
    """
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        return False
    registry, path = found['registry'].lower(), _path(found)
    wanted_registry, _, wanted_path = pattern.strip().partition('/')
    return (_glob(wanted_registry.lower(), registry)
            and _glob(wanted_path or '*', path))


def _glob(pattern: str, text: str) -> bool:
    """A star stands for any characters; everything else for itself."""
    expression = '.*'.join(re.escape(piece) for piece in pattern.split('*'))
    return re.fullmatch(expression, text) is not None
