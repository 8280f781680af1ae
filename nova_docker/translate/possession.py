"""Whether an archive holds the layers that its image is made of.

The engine takes the digest of a layer for the layer itself: it does not read one
that it has already.  Whoever knows the digests of somebody else's image could
boot its layers with an archive that lacks them, so each layer must be in the
archive, with the content that its digest says.

What a digest is of: the uncompressed layer, see "diff_ids" in
https://github.com/opencontainers/image-spec/blob/main/config.md
"""

from collections.abc import Mapping
import hashlib
import json
import posixpath
import typing as ty

from nova_docker import exception
from nova_docker.translate import compression

# Of one member that may be a configuration, and of all of them together.
_MAX_CONFIG = 4 << 20
_MAX_CONFIGS = 16 << 20
_MAX_LINKS = 40


class Member:
    """One member while it passes: its digest, and its text if it may be JSON."""

    def __init__(self, size: int) -> None:
        self._sha = hashlib.sha256()
        self._plain = compression.Plain(self._sha.update)
        self._keeps = size <= _MAX_CONFIG
        self._text: list[bytes] = []

    def update(self, piece: bytes) -> None:
        """The next piece."""
        self._plain.update(piece)
        if self._keeps and (self._text or piece.lstrip().startswith(b'{')):
            self._text.append(piece)
        else:
            self._keeps = False

    @property
    def text(self) -> bytes:
        """The content of what looks like a JSON object; of others, nothing."""
        return b''.join(self._text)

    def digest(self) -> str:
        """Of the uncompressed content, once all of it has passed."""
        self._plain.finish()
        return f'sha256:{self._sha.hexdigest()}'


class Witness:
    """Remembers what passed.

    :param links: the archive's symbolic links so far: {name: name}
    """

    def __init__(self, links: Mapping[str, str]) -> None:
        self._links = links
        self._digests: dict[str, str] = {}
        self._texts: dict[str, bytes] = {}
        self._kept = 0
        self._open: tuple[str, Member] | None = None

    def member(self, name: str, size: int) -> Member:
        """The next member; the one before has passed."""
        self._close()
        made = Member(size)
        self._open = (name, made)
        return made

    def _close(self) -> None:
        if self._open is None:
            return
        name, member = self._open
        self._open = None
        self._digests[name] = member.digest()
        if member.text:
            self._texts[name] = member.text
            self._kept += len(member.text)
            if self._kept > _MAX_CONFIGS:
                raise exception.InvalidArchive(
                    reason=f'it holds more than {_MAX_CONFIGS} bytes of JSON')

    def check(self, image: Mapping[str, ty.Any]) -> None:
        """Compare the layers of the image with those that its configuration names.

        :param image: the entry of manifest.json
        :raises InvalidArchive: a layer is absent, or is another
        """
        self._close()
        layers, diff_ids = image.get('Layers') or [], self._diff_ids(image.get('Config'))
        if not isinstance(layers, list) or len(layers) != len(diff_ids):
            raise exception.InvalidArchive(
                reason='its manifest.json and its configuration name different layers')
        for layer, diff_id in zip(layers, diff_ids, strict=True):
            found = self._digests.get(self._resolved(layer))
            if found is None:
                raise exception.InvalidArchive(reason=f'its layer {layer!r} is missing')
            if found != diff_id:
                raise exception.InvalidArchive(
                    reason=f'its layer {layer!r} is not the one that its configuration names')

    def _diff_ids(self, name: ty.Any) -> list[ty.Any]:
        text = self._texts.get(self._resolved(name))
        try:
            diff_ids = json.loads(text or b'')['rootfs']['diff_ids']
        except (ValueError, KeyError, TypeError, RecursionError) as e:
            raise exception.InvalidArchive(
                reason=f'its configuration {name!r} is missing, or names no layers') from e
        if not isinstance(diff_ids, list):
            raise exception.InvalidArchive(reason='its configuration names no layers')
        return diff_ids

    def _resolved(self, name: ty.Any) -> str:
        """Follow links, as former engines wrote a layer that an image has twice."""
        found = posixpath.normpath(str(name))
        for _ in range(_MAX_LINKS):
            if found not in self._links:
                break
            found = self._links[found]
        return found
