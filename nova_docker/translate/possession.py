"""Whether an archive holds the layers that its image is made of.

The engine takes the digest of a layer for the layer itself: it does not read one
that it has already.  Whoever knows the digests of somebody else's image could
boot its layers with an archive that lacks them, so each layer must be in the
archive, with the content that its digest says.

What a digest is of: the uncompressed layer, see "diff_ids" in
https://github.com/opencontainers/image-spec/blob/main/config.md
"""

import typing as ty

from nova_docker import exception
from nova_docker.translate import layout


def check(image: layout.Image, found: layout.Found) -> None:
    """Compare the layers of the image with those that its configuration names.

    :raises InvalidArchive: a layer is another one, or they are more or fewer
    """
    diff_ids = _diff_ids(image, found)
    if len(image.layers) != len(diff_ids):
        raise exception.InvalidArchive(
            reason=f'it has {len(image.layers)} layers, and its configuration names '
                   f'{len(diff_ids)}')
    for layer, diff_id in zip(image.layers, diff_ids, strict=True):
        if found.sum_of(layer).plain != diff_id:
            raise exception.InvalidArchive(
                reason=f'its layer {layer!r} is not the one that its configuration names')


def _diff_ids(image: layout.Image, found: layout.Found) -> list[ty.Any]:
    if image.config not in found.texts:
        raise exception.InvalidArchive(
            reason=f'its configuration {image.config!r} is not JSON, or larger than '
                   f'{layout.MAX_JSON} bytes')
    config = layout.load_json(found, image.config)
    rootfs = config.get('rootfs') if isinstance(config, layout.Object) else None
    if not isinstance(rootfs, layout.Object) or not isinstance(rootfs.get('diff_ids'), list):
        raise exception.InvalidArchive(reason='its configuration names no layers')
    if config.is_ambiguous or rootfs.is_ambiguous:
        raise exception.InvalidArchive(reason='its configuration has a key twice')
    return ty.cast(list[ty.Any], rootfs['diff_ids'])
