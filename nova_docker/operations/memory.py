"""What a user is told when the kernel takes a process for want of memory."""

import threading
import time

from nova import context as nova_context
import nova.conf
from nova.objects import instance as nova_instance
from nova.objects import instance_action
from oslo_log import log as logging
from oslo_utils import timeutils

LOG = logging.getLogger(__name__)
CONF = nova.conf.CONF

# In ``openstack server event list``.
ACTION = 'out_of_memory'
# Seconds within which an instance is told of once: a program that starts its
# children again, and each of them is killed, must not fill the database.
_INTERVAL = 60.0


class Shortages:
    """Records that instances ran out of memory, where their users can see it.

    An action of the instance is what Nova has for that: everybody who sees the
    server sees the action and its message.  A fault would be shown only while the
    server is in ERROR, which it is not.
    """

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def tell(self, instance_uuid: str) -> None:
        """Record it, beside the caller: the database may take its time."""
        now = time.monotonic()
        self._told = {uuid: when for uuid, when in self._told.items()
                      if now - when < _INTERVAL}
        if instance_uuid not in self._told:
            self._told[instance_uuid] = now
            threading.Thread(target=_record, args=(instance_uuid,), daemon=True,
                             name='out-of-memory').start()


def _record(instance_uuid: str) -> None:
    context = nova_context.get_admin_context()
    try:
        instance = nova_instance.Instance.get_by_uuid(
            context, instance_uuid, expected_attrs=['flavor'])
        message = (f'The server used all of its {instance.flavor.memory_mb} MB of memory, and '
                   f'the kernel ended a process of it. Resize it to a flavor with more memory, '
                   f'or let it use less.')
        LOG.warning('Out of memory. %s', message, instance=instance)
        now = timeutils.utcnow(with_timezone=True)
        instance_action.InstanceAction(
            context, instance_uuid=instance_uuid, action=ACTION, message=message,
            request_id=context.request_id, user_id=context.user_id,
            project_id=instance.project_id, start_time=now, finish_time=now,
            updated_at=now).create()
    except Exception:  # whatever the conductor or the database have; nobody waits for it
        LOG.exception('Could not record that instance %s ran out of memory', instance_uuid)
