"""What tells one instance from another: its key, its machine id, its files."""

from collections.abc import Collection
import dataclasses
import posixpath

from nova import exception as nova_exception

# Image property: whose authorized_keys gets the server's key.
KEY_USER_PROPERTY = 'docker_key_user'
DEFAULT_KEY_USER = 'root'

# Where the config drive is seen.  The first is where OpenStack's documentation
# mounts the disk of a virtual machine; the second is the only folder in which
# cloud-init's ConfigDrive looks without a disk (its "seed" folder).
DRIVE_PATHS = ('/mnt/config', '/var/lib/cloud/seed/config_drive')

# Not on the disk of a container: the kernel's own, what the engine writes, and
# the config drive.
_NOT_FILES = ('/proc', '/sys', '/dev')
_OF_ENGINE = ('/etc/hosts', '/etc/hostname', '/etc/resolv.conf')
_LONGEST_NAME = 255


@dataclasses.dataclass(frozen=True)
class Account:
    """A line of passwd(5).

    :param home: an absolute path
    """

    name: str
    uid: int
    gid: int
    home: str


def account(passwd: bytes, user: str) -> Account | None:
    """The account of that name, None when there is none."""
    for line in passwd.decode(errors='replace').splitlines():
        fields = line.split(':')
        if len(fields) < 6 or fields[0] != user:
            continue
        if fields[2].isdecimal() and fields[3].isdecimal():
            home = posixpath.normpath('/' + fields[5].lstrip('/'))
            return Account(user, int(fields[2]), int(fields[3]), home)
    return None


def is_ssh_key(key: str) -> bool:
    """Not so: the certificate of a key pair of the type x509."""
    return bool(key.strip()) and not key.lstrip().startswith('-----BEGIN')


def with_key(authorized_keys: bytes, key: str) -> bytes:
    """authorized_keys(5) with the key in it, once.

    :param authorized_keys: what the image has there, or nothing
    :param key: the public key, as it is in a .pub file
    """
    wanted = key.split()[1:2] or [key.strip()]
    for line in authorized_keys.decode(errors='replace').splitlines():
        if not line.lstrip().startswith('#') and wanted[0] in line.split():
            return authorized_keys
    before = authorized_keys
    if before and not before.endswith(b'\n'):
        before += b'\n'
    return before + key.strip().encode() + b'\n'


def machine_id(instance_uuid: str) -> bytes:
    """The content of machine-id(5)."""
    return instance_uuid.replace('-', '').lower().encode() + b'\n'


def injected_path(path: str, taken: Collection[str] = ()) -> str:
    """The absolute path of a file that the user wants injected.

    A relative one counts from the root, as with Nova's other drivers.

    :param taken: folders that are mounted read-only
    :raises InvalidInput: where no file of an instance can be
    """
    names = [name for name in path.split('/') if name]
    absolute = '/' + '/'.join(names)
    if not names or path.endswith('/') or {'.', '..'} & set(names):
        raise _refused(path, 'is no absolute path of a file')
    if not path.isprintable() or any(len(name.encode()) > _LONGEST_NAME for name in names):
        raise _refused(path, 'has a name that no file can have')
    if absolute in _OF_ENGINE:
        raise _refused(path, 'is made from what Neutron says')
    for folder in (*_NOT_FILES, *taken):
        if absolute == folder or absolute.startswith(folder + '/'):
            raise _refused(path, f'is in {folder}, which is not on the disk')
    return absolute


def unusable(path: str, why: str) -> nova_exception.InvalidInput:
    """The error for a path that the image's own files forbid."""
    return _refused(path, why)


def _refused(path: str, why: str) -> nova_exception.InvalidInput:
    return nova_exception.InvalidInput(
        reason=f'choose another path for the injected file {path[:80]!r}: it {why}')
