"""Read a tar archive that arrives in pieces, without copying what is in it.

``tarfile`` reads streams, too, but copies every byte several times and holds
whatever a header announces.  Here contents pass as the slices they came in, and
a header that was made to harm is refused.

Format: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html and
https://www.gnu.org/software/tar/manual/html_node/Standard.html
"""

from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses
import enum
import tarfile

from nova_docker import exception

BLOCK = tarfile.BLOCKSIZE
END = bytes(2 * BLOCK)
_MAX_EXTENDED_HEADER = 64 << 10
# One each of a PAX header, a GNU long name and a GNU long link, and some more.
_MAX_EXTENDED_HEADERS = 8
_PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
_NO_PLACE = (tarfile.XGLTYPE, tarfile.GNUTYPE_SPARSE)


class Kind(enum.Enum):
    """What a member is; OTHER are devices, pipes, hard links and the unknown."""

    FILE = enum.auto()
    DIRECTORY = enum.auto()
    LINK = enum.auto()
    OTHER = enum.auto()


@dataclasses.dataclass(frozen=True)
class Entry:
    """One member.

    :param name: as it stands in the archive
    :param size: bytes of content; 0 for anything but a file
    :param target: where a symbolic link points
    """

    name: str
    kind: Kind
    size: int
    target: str


class Reader:
    """The members of an archive, one after the other.

    :param pieces: the plain archive
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = b''
        self._left = 0
        self._padding = 0

    def entries(self) -> Iterator[Entry]:
        """Each member; its content may be read until the next is asked for.

        :raises InvalidArchive: when it is no tar archive, or a damaged one
        """
        is_first = True
        while True:
            for _ in self.content():
                pass
            self._exactly(self._padding)
            entry = self._entry(is_first)
            if entry is None:
                return
            is_first = False
            self._left, self._padding = entry.size, -entry.size % BLOCK
            yield entry

    def content(self) -> Iterator[bytes]:
        """What has not been read yet of the current member, in pieces.

        :raises InvalidArchive: when the archive ends within it
        """
        while self._left:
            piece = self._rest or next(self._pieces, b'')
            if not piece:
                raise _damaged('it ends within a member')
            part, self._rest = piece[:self._left], piece[self._left:]
            self._left -= len(part)
            yield part

    def drain(self) -> Iterator[bytes]:
        """What comes after the end of the archive."""
        rest, self._rest = self._rest, b''
        yield rest
        yield from self._pieces

    # Headers -------------------------------------------------------------------

    def _entry(self, is_first: bool) -> Entry | None:
        """The next member's header with its extensions; None at the end."""
        said: dict[str, str] = {}
        for _ in range(_MAX_EXTENDED_HEADERS):
            block = self._take(BLOCK)
            if not block and not said and not is_first:
                return None  # without the zeros that belong to the end
            header = _parsed(block, is_first)
            if header is None:
                return None
            is_first = False
            if header.type in _NO_PLACE:
                raise _damaged(f'a member of type {header.type!r} has no place in it')
            if header.type in _PAX:
                said |= _pax_records(self._extension(header))
            elif header.type == tarfile.GNUTYPE_LONGNAME:
                said['path'] = _text(self._extension(header).partition(b'\0')[0])
            elif header.type == tarfile.GNUTYPE_LONGLINK:
                said['linkpath'] = _text(self._extension(header).partition(b'\0')[0])
            else:
                return _member(header, said)
        raise _damaged('too many extended headers follow each other')

    def _extension(self, header: tarfile.TarInfo) -> bytes:
        if not 0 <= header.size <= _MAX_EXTENDED_HEADER:
            raise _damaged('the extended header of a member is too long')
        content = self._exactly(header.size)
        self._exactly(-header.size % BLOCK)
        return content

    def _exactly(self, size: int) -> bytes:
        content = self._take(size)
        if len(content) < size:
            raise _damaged('it ends too early')
        return content

    def _take(self, size: int) -> bytes:
        """That many bytes, or fewer at the end."""
        while len(self._rest) < size and (piece := next(self._pieces, b'')):
            self._rest += piece
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


def file_header(name: str, size: int) -> bytes:
    """What stands before the content of a file."""
    header = tarfile.TarInfo(name)
    header.size = size
    return header.tobuf(tarfile.PAX_FORMAT)


def link(name: str, target: str) -> bytes:
    """A symbolic link."""
    header = tarfile.TarInfo(name)
    header.type, header.linkname = tarfile.SYMTYPE, target
    return header.tobuf(tarfile.PAX_FORMAT)


def padding(size: int) -> bytes:
    """What stands after the content of a file."""
    return bytes(-size % BLOCK)


def _parsed(block: bytes, is_first: bool) -> tarfile.TarInfo | None:
    try:
        return tarfile.TarInfo.frombuf(block, 'utf-8', 'surrogateescape')
    except tarfile.HeaderError as e:
        if len(block) == BLOCK and not any(block):
            return None
        raise _damaged(str(e) if not is_first else 'it does not begin like one') from e


def _member(header: tarfile.TarInfo, said: dict[str, str]) -> Entry:
    if any(key.startswith('GNU.sparse.') for key in said):
        raise _damaged('a sparse member has no place in it')
    size = said.get('size', str(header.size))
    if not size.isascii() or not size.isdigit():
        raise _damaged(f'a member has the size {size[:40]}')
    kind = _kind(header)
    return Entry(name=said.get('path', header.name), kind=kind,
                 size=int(size) if kind is Kind.FILE else 0,
                 target=said.get('linkpath', header.linkname))


def _kind(header: tarfile.TarInfo) -> Kind:
    if header.isreg():
        return Kind.FILE
    if header.isdir():
        return Kind.DIRECTORY
    return Kind.LINK if header.issym() else Kind.OTHER


def _pax_records(data: bytes) -> dict[str, str]:
    """The ``length key=value`` records of a PAX header."""
    records: dict[str, str] = {}
    start = 0
    while start < len(data):
        space = data.find(b' ', start, start + 20)
        length = data[start:space]
        end = start + int(length) if space > 0 and length.isdigit() else 0
        if not space < end <= len(data) or data[end - 1:end] != b'\n':
            raise _damaged('a PAX header is malformed')
        key, _, value = data[space + 1:end - 1].partition(b'=')
        records[_text(key)] = _text(value)
        start = end
    return records


def _text(raw: bytes) -> str:
    return raw.decode('utf-8', 'surrogateescape')


def _damaged(why: str) -> exception.InvalidArchive:
    return exception.InvalidArchive(reason=f'it is not a tar archive, or it is damaged ({why})')
