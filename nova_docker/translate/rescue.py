"""The inspect JSON of an instance's container -> the create JSON of the
container that takes its place during a rescue.

The engine's overlay2 driver keeps a container's files as layers in folders of
the host, and mounts them as one only while the container runs.  Its ``local``
volume driver mounts whatever it is told to.  So the stopped original's files
are given to the rescue container as a volume: the same overlay that the engine
would mount to start the original.  Nothing is copied, a repair is in the
original at once, and the driver itself needs no privilege.
"""

from collections.abc import Mapping
import typing as ty

from nova_docker import exception
from nova_docker.translate import naming

Json = dict[str, ty.Any]

# Where the files of the original are in the rescue container.
PATH = '/mnt/rescue'
# The kernel takes one page of mount options.
_MAX_OPTIONS = 4095
_DRIVER = 'overlay2'
_PROCESS = ('Cmd', 'Entrypoint', 'Env', 'User', 'WorkingDir')


def own_process(original: Mapping[str, ty.Any]) -> Json:
    """What a container runs, for another that shall run the same."""
    return {key: original['Config'].get(key) for key in _PROCESS}


def process(command: list[str] | None, environment: Mapping[str, str]) -> Json:
    """What a container runs of an image that is not its own.

    :param command: replaces the image's own
    :param environment: added to the image's own
    """
    ran: Json = {'Env': [f'{key}={value}' for key, value in sorted(environment.items())]}
    return ran if command is None else {**ran, 'Cmd': command}


def config(original: Mapping[str, ty.Any], network_of: str, image: str, ran: Json) -> Json:
    """The create JSON of the rescue container.

    Limits, capabilities, devices and labels are the original's.

    :param original: inspected
    :param network_of: the name of the sandbox
    :param image: the rescue image's id on the engine
    :param ran: Cmd, Env and their like; what is absent is the image's
    :raises NotRescuable: see :func:`mounts`
    """
    host = original['HostConfig']
    labels = original['Config']['Labels']
    return {
        'Image': image,
        'Labels': {**{key: value for key, value in labels.items() if key in naming.LABELS},
                   naming.LABEL_ORIGIN: image},
        'Tty': original['Config']['Tty'],
        'OpenStdin': original['Config'].get('OpenStdin', False),
        # Its volumes may come from a container that is gone; below they have names.
        'HostConfig': {**host, 'NetworkMode': f'container:{network_of}', 'VolumesFrom': None,
                       'Mounts': [*(host.get('Mounts') or ()), *mounts(original)]},
        **ran,
    }


def mounts(original: Mapping[str, ty.Any]) -> list[Json]:
    """The files of a stopped container, below PATH.

    The first volume has no name, so it goes with the rescue container.  Those
    that the image of the original declares have names, so they stay.

    :raises NotRescuable: the engine keeps the files in another way, or in too
        many layers
    """
    declared = [
        {'Type': 'volume', 'Source': mount['Name'], 'Target': PATH + mount['Destination']}
        for mount in original.get('Mounts') or () if mount['Type'] == 'volume']
    return [{'Type': 'volume', 'Target': PATH, 'VolumeOptions': {
        'NoCopy': True,
        'DriverConfig': {'Name': 'local', 'Options': {
            'type': 'overlay', 'device': 'overlay', 'o': _options(original['GraphDriver'])}},
    }}, *declared]


def _options(layers: Json) -> str:
    """Of mount(8) for the overlay; the engine itself mounts without an index."""
    data = layers.get('Data') or {}
    if layers['Name'] != _DRIVER or 'UpperDir' not in data:
        raise exception.NotRescuable(
            reason=f'The storage driver {layers["Name"]} of this host\'s Docker engine shows no '
                   f'files of stopped containers. Reboot hard, or make a snapshot.')
    options = (f'index=off,lowerdir={data["LowerDir"]},upperdir={data["UpperDir"]},'
               f'workdir={data["WorkDir"]}')
    if len(options) > _MAX_OPTIONS:
        raise exception.NotRescuable(
            reason=f'The image has too many layers to be shown: {data["LowerDir"].count(":")}. '
                   f'Reboot hard, or make a snapshot.')
    return options
