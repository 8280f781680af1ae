"""What kind of machine an image is for: ``os/architecture[/variant]``.

The names: https://github.com/opencontainers/image-spec/blob/main/image-index.md
"""

from collections.abc import Iterable
from collections.abc import Mapping
import typing as ty

_ARCHITECTURES = {'x86_64': 'amd64', 'aarch64': 'arm64', 'armv7l': 'arm', 'i686': '386',
                  'loongarch64': 'loong64'}
# What a kernel runs beside its own.
_ALSO = {'amd64': {'386'}, 'arm64': {'arm'}}


def of_machine(machine: str) -> str:
    """The platform of a host.

    :param machine: as ``uname -m`` says it
    """
    return f'linux/{_ARCHITECTURES.get(machine, machine)}'


def runs(platform: str, inspected: Mapping[str, ty.Any]) -> bool:
    """Whether a host of the platform runs an inspected image.

    An image that does not say what it is for is given the benefit of doubt.
    """
    wanted = platform.partition('/')[2]
    architecture = inspected.get('Architecture') or wanted
    return (inspected.get('Os') or 'linux') == 'linux' and (
        architecture == wanted or architecture in _ALSO.get(wanted, ()))


def spelled(platforms: Iterable[Mapping[str, str]]) -> str:
    """Platforms for people.

    :param platforms: ``Platforms`` of ``GET /distribution/{name}/json``
    """
    names = ('/'.join(filter(None, (each.get('os'), each.get('architecture'),
                                    each.get('variant')))) for each in platforms)
    # Attestations are listed as unknown/unknown.
    return ', '.join(sorted({name for name in names if not name.startswith('unknown')}))
