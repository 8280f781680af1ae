"""The digests of a file while it passes."""

from collections.abc import Callable
from collections.abc import Iterable
import dataclasses
import typing as ty

from nova_docker.translate import compression


class Hash(ty.Protocol):
    """What is used of an object of hashlib."""

    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


@dataclasses.dataclass(frozen=True)
class Sum:
    """Digests of a member (``sha256:...``).

    :param raw: as it stands in the archive
    :param plain: uncompressed
    """

    raw: str
    plain: str


class Sums:
    """The digests of one member while it passes.

    :param take: is told how many bytes more the member is than it looks
    """

    def __init__(self, name: str, hasher: Callable[[], Hash],
                 take: Callable[[int], None]) -> None:
        self._hasher = hasher
        self._take = take
        self._inflater = compression.Inflater(f'its member {name[:100]!r}')
        self._plain = hasher()
        self._raw: Hash | None = None
        self._is_first = True

    def update(self, piece: bytes) -> None:
        """The next piece.

        :raises InvalidArchive, ImageTooLarge: of a compressed member
        """
        if self._is_first:
            self._is_first = False
            if compression.is_compressed(piece):
                self._raw = self._hasher()
        if self._raw is None:
            self._plain.update(piece)
            return
        self._raw.update(piece)
        self._count(self._inflater.feed(piece), less=len(piece))

    def finish(self) -> Sum:
        """The member has passed."""
        if self._raw is not None:
            self._count(self._inflater.finish())
        plain = f'sha256:{self._plain.hexdigest()}'
        return Sum(raw=plain if self._raw is None else f'sha256:{self._raw.hexdigest()}',
                   plain=plain)

    def _count(self, parts: Iterable[bytes], less: int = 0) -> None:
        self._take(-less)
        for part in parts:
            self._take(len(part))
            self._plain.update(part)
