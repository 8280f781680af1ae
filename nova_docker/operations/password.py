"""The password of an instance's administrator."""

import dataclasses
import time

from nova import exception as nova_exception
from nova.objects import instance as nova_instance
from oslo_concurrency import lockutils
from oslo_log import log as logging
from oslo_utils import secretutils

from nova_docker import exception
from nova_docker.engine import client
from nova_docker.operations import lifecycle
from nova_docker.translate import image as image_translation
from nova_docker.translate import naming
from nova_docker.translate import shadow

LOG = logging.getLogger(__name__)

_SHADOW = '/etc/shadow'
# Nova's own image property; its libvirt driver has the same default.
_USER_PROPERTY = 'os_admin_user'
_DEFAULT_USER = 'root'
_SECONDS_PER_DAY = 86400


def set_password(engine: client.Engine, instance: nova_instance.Instance,
                 password: str) -> None:
    """Set it in the container's shadow file, as a hash.

    The engine writes the file, so the image needs no program for it.

    :raises InstanceNotFound: when its container is absent
    :raises SetAdminPasswdNotSupported: when the image has no shadow file, or not
        the user in it
    """
    with lifecycle.exclusive(instance.uuid), lifecycle.known(instance):
        _write(engine, instance, password)


def set_first_password(engine: client.Engine, instance: nova_instance.Instance,
                       password: str | None) -> None:
    """Set the password of a boot, in a container that was not started yet.

    Nova makes one for every server, so an image that cannot have it is no error.
    The caller holds the instance's lock.
    """
    if not password:
        return
    try:
        _write(engine, instance, password)
    except nova_exception.SetAdminPasswdNotSupported as e:
        LOG.debug('Booting without a password: %s', e, instance=instance)


def _write(engine: client.Engine, instance: nova_instance.Instance, password: str) -> None:
    user = image_translation.image_properties(instance.system_metadata).get(
        _USER_PROPERTY) or _DEFAULT_USER
    workload = naming.workload_name(instance.uuid)
    try:
        file = engine.read_file(workload, _SHADOW)
    except exception.PathNotFound as e:
        raise nova_exception.SetAdminPasswdNotSupported(
            f'The image of the instance has no {_SHADOW}, so no user of it can have a '
            f'password. Log in with a key, or use an image that has one.') from e
    content = shadow.with_password(file.content, user, _hash(password),
                                   int(time.time()) // _SECONDS_PER_DAY)
    if content is None:
        raise nova_exception.SetAdminPasswdNotSupported(
            f'{_SHADOW} of the instance has no user {user!r}. Name the user in the '
            f'image property {_USER_PROPERTY}.')
    engine.write_file(workload, _SHADOW, dataclasses.replace(file, content=content))
    LOG.info('Set the password of user %s in container %s', user, workload, instance=instance)


@lockutils.synchronized('nova-docker-crypt')
def _hash(password: str) -> str:
    """SHA-512 of crypt(5), which glibc and musl know.

    One at a time: crypt(3) answers in a buffer that all threads share.
    """
    return str(secretutils.crypt_password(password, secretutils.crypt_mksalt('SHA-512')))
