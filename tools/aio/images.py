"""The content of the registry: images made of Debian packages, from nothing.

No public registry is asked.  The images are named as those of the public index
(``busybox``, ``nginx``), so that dockerd, for which our registry is the mirror of
that index, pulls them by the names that a user would write.
"""

import contextlib
import json
from pathlib import Path
from typing import Any

import docker.errors

from aio import catalogue
from aio.catalogue import Image
from aio.catalogue import IMAGES
from aio.infrastructure import engine
from aio.layout import Layout
from aio.layout import REGISTRY
from aio.rootfs import context
from aio.step import Failure


def archive(layout: Layout, name: str) -> Path:
    """Where the ``docker save`` archive of an image is."""
    return layout.data / 'images' / f'{name}.tar'


def ensure(layout: Layout) -> bool:
    """Make, push and save the images, unless that is done.  True when it was not."""
    marker = layout.marker('images')
    version = catalogue.version()
    if marker.exists() and marker.read_text() == version:
        return False
    archive(layout, 'any').parent.mkdir(exist_ok=True)
    client = engine(600)
    try:
        for image in IMAGES:
            _publish(client.api, image, archive(layout, image.name))
    finally:
        client.close()
    marker.write_text(version)
    return True


def _publish(api: Any, image: Image, target: Path) -> None:
    """Build one image, push it, save it, and take it out of the engine again.

    The engine keeps nothing, so that the first boot really pulls.
    """
    repository = f'{REGISTRY}/library/{image.name}'
    reference = f'{repository}:latest'
    _raise_error(api.build(fileobj=context(image), custom_context=True, tag=reference, rm=True,
                           network_mode='none'),
                 f'build {reference}')
    _raise_error(api.push(repository, tag='latest', stream=True), f'push {reference}')
    with target.open('wb') as out:
        for block in api.get_image(reference):
            out.write(block)
    api.remove_image(reference, force=True)
    # What an earlier cloud pulled of it is out of date.
    with contextlib.suppress(docker.errors.ImageNotFound):
        api.remove_image(f'{image.name}:latest', force=True)


def _raise_error(lines: Any, what: str) -> None:
    """The engine reports failures inside a stream of JSON lines that begins with 200."""
    for line in lines:
        for event in line.splitlines():
            message = json.loads(event).get('error')
            if message:
                raise Failure(f'{what}: {message}')
