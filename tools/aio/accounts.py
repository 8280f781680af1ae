"""The system users that the services run as, and what they may do.

nova-compute runs as ``nova`` in the group ``docker``, as in production; the other
services that need no privilege run as a user of the cloud's own.
"""

import grp
import os
from pathlib import Path
import pwd

from aio import program
from aio.layout import COMPUTE_USER
from aio.layout import Layout
from aio.layout import SERVICE_USER
from aio.layout import SUDOERS


def exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def ensure(layout: Layout) -> None:
    """Make the users that are missing, and put nova into the group docker."""
    log = layout.log / 'accounts.log'
    for user in (SERVICE_USER, COMPUTE_USER):
        if not exists(user):
            program.run(['useradd', '--system', '--user-group', '--no-create-home',
                         '--home-dir', f'/var/lib/{user}', '--shell', '/usr/sbin/nologin',
                         user], log=log)
            layout.marker(f'made-user-{user}').touch()
    if not any(group.gr_name == 'docker' for group in grp.getgrall()):
        # The package makes it when it is installed first, and not when it returns.
        program.run(['groupadd', '--system', 'docker'], log=log)
    if COMPUTE_USER not in grp.getgrnam('docker').gr_mem:
        program.run(['usermod', '--append', '--groups', 'docker', COMPUTE_USER], log=log)


def allow_privileged_helpers(layout: Layout, rule: str) -> None:
    """Install the sudo rule, after visudo has checked it: a bad one would break sudo."""
    if SUDOERS.exists() and SUDOERS.read_text() == rule:
        return
    draft = layout.run / 'sudoers'
    draft.write_text(rule)
    program.run(['visudo', '--check', '--quiet', f'--file={draft}'],
                log=layout.log / 'accounts.log')
    draft.chmod(0o440)
    os.chown(draft, 0, 0)
    target = SUDOERS.with_suffix('.new')  # sudo reads no file with a dot in its name
    target.write_text(rule)
    target.chmod(0o440)
    target.rename(SUDOERS)
    draft.unlink()


def give(path: Path, user: str, mode: int) -> None:
    """Make ``path`` readable by root and by the user's group only, or as ``mode`` says."""
    os.chown(path, 0, pwd.getpwnam(user).pw_gid)
    path.chmod(mode)


def folder(path: Path, user: str) -> Path:
    """A folder that the user owns."""
    path.mkdir(parents=True, exist_ok=True)
    entry = pwd.getpwnam(user)
    os.chown(path, entry.pw_uid, entry.pw_gid)
    return path


def remove(layout: Layout) -> None:
    """Take away the sudo rule and the users that were made for the cloud."""
    SUDOERS.unlink(missing_ok=True)
    for user in (SERVICE_USER, COMPUTE_USER):
        if layout.marker(f'made-user-{user}').exists() and exists(user):
            program.run(['userdel', user], log=layout.log / 'accounts.log')
