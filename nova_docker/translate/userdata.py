"""``#docker`` user data: what a user wants to run of an open image.

A YAML mapping of a few keys.  All scalars are text, so that ``10:20`` is a user
and its group, and ``1.10`` a version, as they are to Docker.
"""

import base64
import binascii
from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import re
import shlex
import typing as ty

from nova import exception as nova_exception
import yaml

from nova_docker.translate import reference as references

MARK = '#docker'

_VARIABLE = re.compile(r'[^=\s\0]+')
_USER = re.compile(r'[\w.-]+(:[\w.-]+)?', re.ASCII)


@dataclasses.dataclass(frozen=True)
class Process:
    """What replaces an image's own settings; None leaves them.

    :param command: arguments; without an entrypoint, the program and its arguments
    :param entrypoint: program and first arguments; it drops the image's command
    :param environment: added to the image's own
    :param workdir: absolute path
    :param user: ``<name or uid>[:<group or gid>]``
    """

    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    workdir: str | None = None
    user: str | None = None


class _Mistake(Exception):
    """One thing that is wrong."""


def parse(user_data: str | None) -> tuple[str, Process]:
    """The reference of an image, as the user wrote it, and what to run of it.

    :param user_data: as Nova keeps it: base64
    :raises InvalidInput: naming every mistake
    """
    found, mistakes = _mapping(user_data)
    values: dict[str, ty.Any] = {}
    for key, value in found.items():
        try:
            values[key] = _reader(key)(value)
        except _Mistake as e:
            mistakes.append(str(e))
    if not mistakes and 'image' not in found:
        mistakes.append('image is missing')
    if mistakes:
        raise nova_exception.InvalidInput(reason=(
            f'{MARK} user data: {"; ".join(mistakes)}. An open image takes the keys '
            f'{", ".join(_READERS)}'))
    return values['image'], Process(
        command=values.get('cmd'), entrypoint=values.get('entrypoint'),
        environment=values.get('env', {}), workdir=values.get('workdir'),
        user=values.get('user'))


# The document ------------------------------------------------------------------


class _Loader(yaml.BaseLoader):
    """Knows text, lists and mappings alone: no tags, no references, no key twice."""

    def compose_node(self, parent: ty.Any, index: ty.Any) -> ty.Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem='aliases are not taken',
                                       problem_mark=self.current_event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: ty.Any, deep: bool = False) -> dict[ty.Any, ty.Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key.value, str) or key.value in seen:
                raise yaml.MarkedYAMLError(problem='a key is no text or is there twice',
                                           problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_scalar(self, node: ty.Any) -> str:
        if '\0' in node.value:
            raise yaml.MarkedYAMLError(problem='a text has a null character',
                                       problem_mark=node.start_mark)
        return str(super().construct_scalar(node))


def _mapping(user_data: str | None) -> tuple[Mapping[str, ty.Any], list[str]]:
    """The document, and what is wrong with it as a whole."""
    try:
        text = base64.b64decode(user_data or '').decode()
    except (binascii.Error, UnicodeDecodeError):
        return {}, ['it is no text']
    if text.partition('\n')[0].rstrip() != MARK:
        return {}, [f'the image runs what you name; begin the user data with a line {MARK}']
    try:
        found = yaml.load(text, Loader=_Loader)  # noqa: S506  it makes text alone
    except yaml.MarkedYAMLError as e:
        line = e.problem_mark.line + 1 if e.problem_mark else 1
        return {}, [f'line {line}: {e.problem}']
    except RecursionError:
        return {}, ['it is nested too deep']
    except yaml.YAMLError:
        return {}, ['it has characters that YAML does not take']
    if found is None or found == '':
        return {}, []
    if not isinstance(found, dict):
        return {}, ['it is no mapping of keys to values']
    return found, []


# The values --------------------------------------------------------------------


def _image(value: ty.Any) -> str:
    text = _text('image', value)
    if not references.is_reference(references.with_registry(text)):
        raise _Mistake(f'image {_short(text)} is no reference like nginx:1.27')
    return text


def _words(key: str) -> Callable[[ty.Any], tuple[str, ...]]:
    def read(value: ty.Any) -> tuple[str, ...]:
        if isinstance(value, str):
            try:
                value = shlex.split(value)
            except ValueError as e:
                raise _Mistake(f'{key} cannot be split into words: {e}') from None
        if not _is_texts(value):
            raise _Mistake(f'{key} must be text or a list of texts, and not empty')
        return tuple(value)
    return read


def _environment(value: ty.Any) -> dict[str, str]:
    if _is_texts(value):
        if not all('=' in line for line in value):
            raise _Mistake('every line of the list env must be KEY=value')
        value = dict(line.split('=', 1) for line in value)
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise _Mistake('env must map names to texts')
    wrong = [name for name in value if not _VARIABLE.fullmatch(name)]
    if wrong:
        raise _Mistake(f'env cannot have the name {_short(wrong[0])}')
    return value


def _workdir(value: ty.Any) -> str:
    text = _text('workdir', value)
    if not text.startswith('/'):
        raise _Mistake(f'workdir {_short(text)} must begin with /')
    return text


def _user(value: ty.Any) -> str:
    text = _text('user', value)
    if not _USER.fullmatch(text):
        raise _Mistake(f'user {_short(text)} must be name or uid, with :group or :gid maybe')
    return text


def _text(key: str, value: ty.Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _Mistake(f'{key} must be text')
    return value.strip()


def _is_texts(value: ty.Any) -> ty.TypeGuard[list[str]]:
    return bool(value) and isinstance(value, list) and all(
        isinstance(each, str) for each in value)


def _short(text: str) -> str:
    """Of a user's text what fits into a fault."""
    return repr(text if len(text) <= 40 else f'{text[:37]}...')


_READERS: Mapping[str, Callable[[ty.Any], ty.Any]] = {
    'image': _image, 'cmd': _words('cmd'), 'entrypoint': _words('entrypoint'),
    'env': _environment, 'workdir': _workdir, 'user': _user}


def _reader(key: str) -> Callable[[ty.Any], ty.Any]:
    if key not in _READERS:
        raise _Mistake(f'there is no key {_short(key)}')
    return _READERS[key]
