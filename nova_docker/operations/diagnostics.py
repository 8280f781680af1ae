"""What an instance has used, for its operator."""

from nova.objects import diagnostics as nova_diagnostics
from nova.objects import instance as nova_instance
from nova.virt import configdrive
from oslo_utils import timeutils

from nova_docker import network
from nova_docker.engine import client
from nova_docker.operations import lifecycle
from nova_docker.translate import diagnostics
from nova_docker.translate import naming


class Diagnostics:
    """Reads the counters of instances."""

    def __init__(self, engine: client.Engine) -> None:
        self._engine = engine

    def details(self, instance: nova_instance.Instance) -> nova_diagnostics.Diagnostics:
        """:raises InstanceNotFound: when its container is absent"""
        with lifecycle.known(instance):
            inspected = self._engine.inspect_container(naming.workload_name(instance.uuid))
        return diagnostics.details(
            inspected, self._usage(instance), self._nics(instance),
            vcpus=instance.flavor.vcpus, config_drive=configdrive.required_by(instance),
            now=timeutils.utcnow())

    def figures(self, instance: nova_instance.Instance) -> dict[str, int]:
        """:raises InstanceNotFound: when its container is absent"""
        return diagnostics.figures(self._usage(instance), self._nics(instance))

    def _usage(self, instance: nova_instance.Instance) -> diagnostics.Usage:
        with lifecycle.known(instance):
            return diagnostics.usage(
                self._engine.container_stats(naming.workload_name(instance.uuid)))

    def _nics(self, instance: nova_instance.Instance) -> list[diagnostics.NicCounters]:
        return network.counters(instance.get_network_info() or ())
