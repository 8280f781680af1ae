"""Which engine answers, by its own word: ``GET /version`` and ``GET /info``."""

from collections.abc import Mapping
import typing as ty

Json = Mapping[str, ty.Any]

# How Podman's service names itself; Docker says "Engine".
_PODMAN = 'Podman Engine'
# What Docker's info says where images are kept by containerd, not by the engine.
_CONTAINERD_STORE = ['driver-type', 'io.containerd.snapshotter.v1']


def unfit(version: Json) -> str | None:
    """Why an engine cannot run instances, and what to do; None when it can.

    :param version: the answer to ``GET /version``
    """
    for component in version.get('Components') or ():
        if component['Name'] == _PODMAN:
            return (f'it is Podman {component["Version"]}, whose Docker API cannot make the '
                    f'containers of an instance. Install Docker 20.10 or newer, and name its '
                    f'socket in [docker]/engine_url')
    return None


def has_containerd_store(info: Json) -> bool:
    """Whether Docker runs with the feature ``containerd-snapshotter``.

    :param info: the answer to ``GET /info``
    """
    return _CONTAINERD_STORE in (info.get('DriverStatus') or ())
