"""What an instance may use, by its flavor: for the container to be made, and for
the one that exists.
"""

import nova.conf
from nova.objects import flavor as nova_flavor
from nova.objects import instance as nova_instance
from oslo_log import log as logging

from nova_docker import host as compute_host
from nova_docker.engine import client
from nova_docker.operations import successor
from nova_docker.translate import allowance as allowance_translation
from nova_docker.translate import container
from nova_docker.translate import cpus
from nova_docker.translate import flavor as flavor_translation
from nova_docker.translate import naming

LOG = logging.getLogger(__name__)
CONF = nova.conf.CONF


class Allowances:
    """Limits of flavors, and containers that get them."""

    def __init__(self, engine: client.Engine) -> None:
        self._engine = engine
        self.disk_quota = False

    def limits(self, instance: nova_instance.Instance,
               flavor: nova_flavor.Flavor) -> container.Limits:
        """What the flavor, and Nova's claim of CPUs, allow an instance on this host.

        :raises InvalidExtraSpec: naming it and what is wrong with it
        """
        return container.Limits(
            vcpus=flavor.vcpus, cpu_mode=CONF.docker.cpu_mode,
            memory_mb=flavor.memory_mb, swap_mb=flavor.swap,
            pids=CONF.docker.pids_limit,
            disk_gb=flavor.root_gb if self.disk_quota else 0,
            no_new_privileges=CONF.docker.no_new_privileges,
            grants=flavor_translation.grants(flavor.extra_specs),
            cpuset=cpus.cpuset(compute_host.cpus(), instance.numa_topology),
            lxcfs_root=CONF.docker.lxcfs_root or '')

    def apply(self, instance: nova_instance.Instance) -> None:
        """Have the container allow what the instance's flavor does.  Repeatable.

        What no update changes makes another container, over the same files; the
        old one must not run then.

        :raises ContainerNotFound: when its container is absent
        """
        name = naming.workload_name(instance.uuid)
        limits = self.limits(instance, instance.flavor)
        wanted = container.allowed(limits)
        successor.settle(self._engine, instance.uuid)
        inspected = self._engine.inspect_container(name)
        if allowance_translation.is_fixed_otherwise(wanted, inspected):
            self._engine.stop_container(name, timeout=0)
            successor.succeed(self._engine, instance, limits)
            return
        changes = allowance_translation.update(wanted, inspected['HostConfig'])
        if changes:
            self._engine.update_container(name, changes)
            LOG.info('Container %s has new limits: %s', name, changes, instance=instance)

    def needs_stop(self, instance: nova_instance.Instance,
                   flavor: nova_flavor.Flavor) -> bool:
        """Whether the container must not run while it gets the flavor's limits.

        :raises ContainerNotFound: when its container is absent
        """
        wanted = container.allowed(self.limits(instance, flavor))
        inspected = self._engine.inspect_container(naming.workload_name(instance.uuid))
        actual = inspected['HostConfig']
        return (allowance_translation.is_fixed_otherwise(wanted, inspected)
                or allowance_translation.takes_memory(
                    allowance_translation.update(wanted, actual), actual))
