"""Addresses that Neutron changes while an instance runs.

Neutron tells Nova (network-changed), and Nova writes it into its cache of the
instance's network and calls no driver: ``ComputeManager.external_instance_event``
in nova/compute/manager.py.  A virtual machine hears of it from DHCP when it renews
its lease.  Here Nova's cache is looked at from time to time instead.
"""

import threading

from nova import context as nova_context
from nova import objects
import nova.conf
from nova.objects import instance as nova_instance
from oslo_log import log as logging

from nova_docker import network
from nova_docker.operations import lifecycle

LOG = logging.getLogger(__name__)
CONF = nova.conf.CONF


class Refresher:
    """Gives running instances what their ports have got, from a thread of its own."""

    def __init__(self, net: network.Network, instances: lifecycle.Lifecycle) -> None:
        self._network = net
        self._lifecycle = instances
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, unless the operator does not want it."""
        if CONF.docker.address_refresh_interval:
            self._thread = threading.Thread(target=self._run, name='docker-addresses',
                                            daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread promptly."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stopping.wait(CONF.docker.address_refresh_interval):
            try:
                self.refresh()
            except Exception:  # the thread must outlive a lost conductor
                LOG.exception('Could not look for changed addresses; the next try is in %d s',
                              CONF.docker.address_refresh_interval)

    def refresh(self) -> None:
        """Look once at every instance of this host."""
        found = objects.InstanceList.get_by_host(
            nova_context.get_admin_context(), CONF.host, expected_attrs=['info_cache'])
        for instance in found:
            # What Nova is at work with it will plug itself.
            if instance.task_state is None:
                self._refresh(instance)

    def _refresh(self, instance: nova_instance.Instance) -> None:
        network_info = instance.get_network_info()
        try:
            changed = self._network.changed(instance, network_info)
            if not changed:
                return
            LOG.info('The addresses or routes of port %s have changed',
                     ', '.join(vif['id'] for vif in changed), instance=instance)
            self._lifecycle.plug_vifs(instance, self._network.plugged(instance, network_info))
        except Exception:  # one instance must not keep the others from theirs
            LOG.exception('Could not change its addresses; reboot it with --hard, or wait',
                          instance=instance)
