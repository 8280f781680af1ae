"""What an image would run, as rows for the formatters of cliff."""

from collections.abc import Sequence
import re
import shlex
import typing as ty

from cliff import columns

from nova_docker.client import glance

Json = dict[str, ty.Any]
Rows = list[tuple[str, ty.Any]]


class Words(columns.FormattableColumn[list[str]]):
    """A command; a list for machines."""

    def human_readable(self) -> str:
        return shlex.join(self._value)


class Lines(columns.FormattableColumn[list[str]]):
    """One entry a line; a list for machines."""

    def human_readable(self) -> str:
        return '\n'.join(self._value)


def created(image: Json) -> Rows:
    """What somebody wants to know of an image that was just made."""
    keys = ('id', 'name', 'status', 'size', 'min_disk', 'min_ram', glance.REFERENCE_PROPERTY,
            'hw_architecture', 'img_hv_type')
    return [(key, image[key]) for key in keys if key in image]


def of_reference(image: Json) -> Rows:
    """An image of a registry: what it runs is known where it was pulled."""
    keys = ('id', 'name', glance.REFERENCE_PROPERTY, 'hw_architecture', 'os_command_line')
    return [(key, _plain(image[key])) for key in keys if image.get(key)]


def of_archive(image: Json, configuration: Json) -> Rows:
    """An image that is kept in Glance.

    :param configuration: of the image, as its archive has it
    """
    run = configuration.get('config')
    run = run if isinstance(run, dict) else {}
    layers = (configuration.get('rootfs') or {}).get('diff_ids') or []
    line = image.get('os_command_line')
    command = _split(line) if line else _words(run.get('Cmd'))
    rows: Rows = [
        ('id', image['id']), ('name', image['name']),
        ('entrypoint', Words(_words(run.get('Entrypoint')))),
        ('command', Words(command)),
        ('env', Lines(_words(run.get('Env')))),
        ('user', _plain(run.get('User') or 'root')),
        ('workdir', _plain(run.get('WorkingDir') or '/')),
        ('exposed_ports', Lines(_words(sorted(run.get('ExposedPorts') or ())))),
        ('architecture', glance.architecture(_plain(configuration.get('architecture')))),
        ('layers', len(layers)), ('size', image['size']),
    ]
    if line:
        rows.append(('os_command_line', _plain(line)))
    return rows


def _split(line: str) -> list[str]:
    """The words that the property puts in the place of the image's command."""
    try:
        return shlex.split(_plain(line))
    except ValueError:
        return [_plain(line)]


def _words(values: Sequence[ty.Any] | None) -> list[str]:
    return [_plain(value) for value in values or ()]


def _plain(value: ty.Any) -> str:
    """Without what would move the cursor of a terminal: anybody wrote it."""
    return re.sub(r'[\x00-\x08\x0b-\x1f\x7f-\x9f]', '?', str(value))
