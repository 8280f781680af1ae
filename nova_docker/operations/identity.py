"""What makes a container this instance: its key, its files, its machine id, its
config drive.

Injected files and the machine id are on the disk, the writable layer, as a
virtual machine's are.  The key and the config drive must be in no snapshot, so
they are in a volume, the store, which no commit has.  The sandbox mounts it: so
it is written and kept in use, and goes when the sandbox goes.  Folders of the
store are bound into the workload, by the path that the volume has on the
engine's host, which need not be this one.
"""

from collections.abc import Sequence
import posixpath

from nova import exception as nova_exception
from nova.network import model as network_model
from nova.objects import instance as nova_instance
from oslo_log import log as logging

from nova_docker import configdrive
from nova_docker import exception
from nova_docker.engine import client
from nova_docker.translate import container
from nova_docker.translate import identity
from nova_docker.translate import image as image_translation
from nova_docker.translate import naming

LOG = logging.getLogger(__name__)

_ACCOUNTS = '/etc/passwd'
_MACHINE_ID = '/etc/machine-id'
_KEYS = 'authorized_keys'   # in the store, and in ~/.ssh
_DRIVE = 'config-drive'     # in the store


def needs_store(instance: nova_instance.Instance) -> bool:
    """Whether its sandbox must be made with a store."""
    return _has_key(instance) or configdrive.required_by(instance)


def _has_key(instance: nova_instance.Instance) -> bool:
    return identity.is_ssh_key(instance.key_data or '')


class Identities:
    """Gives instances their identity, when they are booted."""

    def __init__(self, engine: client.Engine) -> None:
        self._engine = engine

    def create_workload(self, instance: nova_instance.Instance, config: container.Json,
                        injected_files: configdrive.InjectedFiles = ()) -> None:
        """Create the workload, not started, with all but the drive's content.

        The draft of the sandbox is there.  What is mounted must be said when a container is
        made, and where the key belongs is in the /etc/passwd of the image, which
        is read from a container: with a key, it is made twice.

        :param config: the create JSON
        :raises InvalidInput: the image has not the user that it names, or a file
            cannot be injected where it shall
        """
        name = naming.workload_name(instance.uuid)
        files = _by_path(instance, injected_files)
        if needs_store(instance):
            config = container.bound(config, self._drive_binds(instance))
        self._engine.create_container(name, config)
        entries = self._injected(name, files)
        account = self._key_account(instance, name)
        if account:
            entries |= self._key_folders(name, account)
            path = posixpath.join(account.home, '.ssh', _KEYS)
            before = files[path] if path in files else self._read(name, path)
            self._store_key(instance, account, before)
            entries.pop(path.lstrip('/'), None)
            self._engine.remove_container(name)
            self._engine.create_container(name, container.bound(
                config, [f'{self._store(instance)}/{_KEYS}:{path}']))
            LOG.info('User %s of container %s has the key in %s', account.name, name, path,
                     instance=instance)
        entries |= self._machine_id(instance, name)
        if entries:
            self._engine.write_files(name, '/', entries)

    def write_drive(self, instance: nova_instance.Instance,
                    network_info: network_model.NetworkInfo,
                    injected_files: configdrive.InjectedFiles,
                    admin_password: str | None) -> None:
        """Fill the config drive, if there shall be one."""
        if not configdrive.required_by(instance):
            return
        content = configdrive.content(instance, network_info, injected_files, admin_password)
        entries: dict[str, client.File | client.Folder] = {}
        for path, data in content.items():
            whole = posixpath.join(_DRIVE, path)
            for folder in _parents(whole):
                entries.setdefault(folder, client.Folder(0o755, 0, 0))
            secret = admin_password and posixpath.basename(path) == 'meta_data.json'
            entries[whole] = client.File(data, 0o400 if secret else 0o444, 0, 0)
        self._engine.write_files(naming.draft_sandbox_name(instance.uuid), container.STORE, entries)

    # The store -------------------------------------------------------------------

    def _store(self, instance: nova_instance.Instance) -> str:
        inspected = self._engine.inspect_container(naming.draft_sandbox_name(instance.uuid))
        source = container.store_source(inspected)
        if source is None:
            raise exception.SandboxLost(instance_uuid=instance.uuid)
        return source

    def _drive_binds(self, instance: nova_instance.Instance) -> list[str]:
        if not configdrive.required_by(instance):
            return []
        source = f'{self._store(instance)}/{_DRIVE}'
        return [f'{source}:{path}:ro' for path in identity.DRIVE_PATHS]

    # The key ---------------------------------------------------------------------

    def _key_account(self, instance: nova_instance.Instance,
                     name: str) -> identity.Account | None:
        if not _has_key(instance):
            return None
        user = image_translation.image_properties(instance.system_metadata).get(
            identity.KEY_USER_PROPERTY)
        account = identity.account(self._read(name, _ACCOUNTS),
                                   user or identity.DEFAULT_KEY_USER)
        if account is None and user:
            raise nova_exception.InvalidInput(
                reason=f'correct the image property {identity.KEY_USER_PROPERTY}: the image '
                       f'has no user {user[:40]!r} in {_ACCOUNTS}')
        if account is None:
            LOG.info('The image has no user %s in %s, so nobody gets the key',
                     identity.DEFAULT_KEY_USER, _ACCOUNTS, instance=instance)
        return account

    def _store_key(self, instance: nova_instance.Instance, account: identity.Account,
                   before: bytes) -> None:
        self._engine.write_files(naming.draft_sandbox_name(instance.uuid), container.STORE, {
            _KEYS: client.File(identity.with_key(before, instance.key_data), 0o600,
                               account.uid, account.gid)})

    def _key_folders(self, name: str,
                     account: identity.Account) -> dict[str, client.File | client.Folder]:
        """The folders above the key, as sshd wants them."""
        folders: dict[str, client.File | client.Folder] = {}
        if self._engine.find_path(name, account.home) is None:
            folders[account.home.lstrip('/')] = client.Folder(0o755, account.uid, account.gid)
        folder = posixpath.join(account.home, '.ssh')
        found = self._engine.find_path(name, folder)
        folders[(found.path if found else folder).lstrip('/')] = client.Folder(
            0o700, account.uid, account.gid)
        return folders

    # The disk --------------------------------------------------------------------

    def _injected(self, name: str,
                  files: dict[str, bytes]) -> dict[str, client.File | client.Folder]:
        """The files, after the folders that the image lacks for them."""
        entries: dict[str, client.File | client.Folder] = {}
        for path, content in files.items():
            for folder in _parents(path):
                if isinstance(entries.get(folder.lstrip('/')), client.Folder):
                    continue
                if folder in files:
                    raise identity.unusable(path, f'is below {folder}, which is a file')
                found = self._engine.find_path(name, folder)
                if found and found.kind is not client.Kind.FOLDER:
                    raise identity.unusable(path, f'is below {folder}, which is no folder')
                if not found:
                    entries[folder.lstrip('/')] = client.Folder(0o755, 0, 0)
            found = self._engine.find_path(name, path)
            if found and found.kind is not client.Kind.FILE:
                raise identity.unusable(path, f'is {found.kind.value} in the image')
            entries[path.lstrip('/')] = client.File(content, 0o644, 0, 0)
        return entries

    def _machine_id(self, instance: nova_instance.Instance,
                    name: str) -> dict[str, client.File | client.Folder]:
        found = self._engine.find_path(name, _MACHINE_ID)
        if found is None or found.kind is not client.Kind.FILE:
            return {}
        return {found.path.lstrip('/'): client.File(
            identity.machine_id(instance.uuid), 0o444, 0, 0)}

    def _read(self, name: str, path: str) -> bytes:
        try:
            return self._engine.read_file(name, path).content
        except exception.PathNotFound:
            return b''


def _by_path(instance: nova_instance.Instance,
             injected_files: configdrive.InjectedFiles) -> dict[str, bytes]:
    taken = identity.DRIVE_PATHS if configdrive.required_by(instance) else ()
    return {identity.injected_path(path, taken): content for path, content in injected_files}


def _parents(path: str) -> Sequence[str]:
    """The folders above, the highest first."""
    above: list[str] = []
    while (path := posixpath.dirname(path)) not in ('', '/'):
        above.insert(0, path)
    return above
