"""The compute driver: Nova's calls, handed to the operations.

What each method must do is said in nova.virt.driver.ComputeDriver.
"""

import typing as ty

from nova import context as nova_context
from nova import exception as nova_exception
from nova.compute import power_state
from nova.compute import task_states
import nova.conf
from nova.console import type as console_type
from nova.network import model as network_model
from nova.objects import diagnostics as nova_diagnostics
from nova.objects import flavor as nova_flavor
from nova.objects import image_meta as nova_image_meta
from nova.objects import instance as nova_instance
from nova.objects import migration as nova_migration
from nova.virt import driver
from nova.virt import hardware
import os_resource_classes as orc
from oslo_log import log as logging

from nova_docker import conf
from nova_docker import console
from nova_docker import exception
from nova_docker import host as compute_host
from nova_docker import images
from nova_docker import network
from nova_docker import uploads
from nova_docker.engine import client
from nova_docker.operations import addresses
from nova_docker.operations import allowance
from nova_docker.operations import diagnostics
from nova_docker.operations import events
from nova_docker.operations import imagecache
from nova_docker.operations import interfaces
from nova_docker.operations import lifecycle
from nova_docker.operations import migration as migrations
from nova_docker.operations import password
from nova_docker.operations import reconcile
from nova_docker.operations import report
from nova_docker.operations import rescue
from nova_docker.operations import resumption
from nova_docker.operations import sandbox
from nova_docker.operations import snapshot
from nova_docker.operations import spawn
from nova_docker.operations import successor
from nova_docker.translate import inventory
from nova_docker.translate import naming
from nova_docker.translate import refusal

LOG = logging.getLogger(__name__)
CONF = nova.conf.CONF
conf.register_opts(CONF)

Context: ty.TypeAlias = nova_context.RequestContext
Instance: ty.TypeAlias = nova_instance.Instance
Migration: ty.TypeAlias = nova_migration.Migration
NetworkInfo: ty.TypeAlias = network_model.NetworkInfo
BlockDeviceInfo: ty.TypeAlias = dict[str, ty.Any] | None


class DockerDriver(driver.ComputeDriver):
    """Instances are containers of a Docker engine on the same host."""

    capabilities: ty.ClassVar[dict[str, bool]] = {
        **driver.ComputeDriver.capabilities,
        # Nova refuses an image whose disk_format is not supported; what Docker
        # takes is kept in Glance as raw.
        'supports_image_type_raw': True,
        'supports_attach_interface': True,
        'supports_evacuate': True,
        'supports_pcpus': True,
        'has_imagecache': True,
    }

    def __init__(self, virtapi: ty.Any) -> None:
        super().__init__(virtapi)
        self._engine = client.from_configuration(CONF)
        self._host = compute_host.Host(self._engine, virtapi, CONF.host)
        self._images = images.Images(self._engine)
        self._image_cache = imagecache.ImageCache(self._engine, self._images)
        self._network = network.Network()
        self._consoles = console.Consoles(self._engine)
        self._sandboxes = sandbox.Sandboxes(self._engine)
        self._allowances = allowance.Allowances(self._engine)
        self._spawn = spawn.Spawn(self._engine, self._images, self._network,
                                  self._sandboxes, self._allowances, virtapi)
        self._lifecycle = lifecycle.Lifecycle(self._engine, self._network, self._sandboxes,
                                              self._allowances)
        self._rescue = rescue.Rescue(self._engine, self._images, self._lifecycle)
        self._migrations = migrations.Migrations(self._lifecycle, self._allowances)
        self._interfaces = interfaces.Interfaces(self._engine, self._network, self._sandboxes)
        self._addresses = addresses.Refresher(self._network, self._lifecycle)
        self._diagnostics = diagnostics.Diagnostics(self._engine)
        self._snapshot = snapshot.Snapshots(self._engine, uploads.Uploads())
        self._resumption = resumption.Resumption(self._lifecycle)
        self._events = events.Follower(
            self._engine, self._host, self.emit_event,
            bring_back=self._resumption.after_engine,
            # What failed while it was away could not be taken back.
            on_return=lambda: reconcile.reconcile(self._engine, self._network, self._sandboxes),
            on_freeze=self._lifecycle.align_carrier)

    # The service ---------------------------------------------------------------

    def init_host(self, host: str) -> None:
        try:
            self._engine.connect()
            self._host.check_engine()
        except (exception.EngineMisconfigured, exception.EngineUntrusted,
                exception.EngineUnsupported) as e:
            raise nova_exception.NovaException(f'nova-compute cannot start: {e}.') from e
        except exception.EngineError as e:
            raise nova_exception.NovaException(
                f'nova-compute cannot start: {str(e).rstrip(".")}. Check [docker]/engine_url, '
                f'that dockerd runs, and that this user may use its socket (group docker).') from e
        compute_host.check_configuration()
        self._sandboxes.image = self._images.ensure_sandbox(
            compute_host.architecture(), CONF.docker.sandbox_image)
        self._allowances.disk_quota = self._host.supports_disk_quota(self._sandboxes.image)
        reconcile.reconcile(self._engine, self._network, self._sandboxes)
        successor.forget_unused_commits(self._engine)
        self._snapshot.remove_leftovers()
        self._events.start()
        self._addresses.start()
        report.Report(self._engine, self._events).register()

    def cleanup_host(self, host: str) -> None:
        self._addresses.stop()
        self._events.stop()
        self._consoles.close_all()
        self._engine.close()

    def get_host_ip_addr(self) -> str:
        return ty.cast(str, CONF.my_ip)

    def get_host_uptime(self) -> str:
        return compute_host.uptime()

    def get_host_cpu_stats(self) -> dict[str, int]:
        return compute_host.cpu_stats()

    # Resources -----------------------------------------------------------------

    def get_available_nodes(self, refresh: bool = False) -> list[str]:
        return [CONF.host]

    def get_available_resource(self, nodename: str) -> dict[str, ty.Any]:
        return inventory.resources(self._host.facts(), nodename)

    def update_provider_tree(self, provider_tree: ty.Any, nodename: str,
                             allocations: ty.Any = None) -> None:
        facts = self._host.facts()
        ratios = self._get_allocation_ratios(provider_tree.data(nodename).inventory)
        reserved = {
            orc.VCPU: CONF.reserved_host_cpus,
            orc.MEMORY_MB: CONF.reserved_host_memory_mb,
            orc.DISK_GB: self._get_reserved_host_disk_gb_from_config(),
        }
        provider_tree.update_inventory(nodename, inventory.inventory(facts, ratios, reserved))
        provider_tree.remove_traits(nodename, *inventory.TRAITS - inventory.traits(facts))
        provider_tree.add_traits(nodename, *inventory.traits(facts))

    # What there is ---------------------------------------------------------------

    def list_instances(self) -> list[str]:
        return list(self._lifecycle.instances().values())

    def list_instance_uuids(self) -> list[str]:
        return list(self._lifecycle.instances())

    def get_num_instances(self) -> int:
        return len(self._lifecycle.instances())

    def instance_exists(self, instance: Instance) -> bool:
        return self._lifecycle.exists(instance)

    def get_info(self, instance: Instance, use_cache: bool = True) -> hardware.InstanceInfo:
        return self._events.as_told(instance, lambda: self._lifecycle.info(instance))

    def get_diagnostics(self, instance: Instance) -> dict[str, int]:
        return self._diagnostics.figures(instance)

    def get_instance_diagnostics(self, instance: Instance) -> nova_diagnostics.Diagnostics:
        return self._diagnostics.details(instance)

    def get_console_output(self, context: Context, instance: Instance) -> str:
        return self._lifecycle.console_output(instance)

    def get_serial_console(self, context: Context,
                           instance: Instance) -> console_type.ConsoleSerial:
        if self._lifecycle.info(instance).state != power_state.RUNNING:
            raise nova_exception.InstanceNotReady(instance_id=instance.uuid)
        host, port = self._consoles.port(instance.uuid, naming.workload_name(instance.uuid))
        return console_type.ConsoleSerial(host=host, port=port)

    # Images ------------------------------------------------------------------------

    def manage_image_cache(self, context: Context, all_instances: ty.Any) -> None:
        self._image_cache.age(all_instances)

    def cache_image(self, context: Context, image_id: str) -> bool:
        return self._image_cache.fetch(context, image_id)

    # Life and death ----------------------------------------------------------------

    def spawn(self, context: Context, instance: Instance,
              image_meta: nova_image_meta.ImageMeta, injected_files: ty.Any,
              admin_password: str | None, allocations: ty.Any,
              network_info: NetworkInfo | None = None,
              block_device_info: BlockDeviceInfo = None, power_on: bool = True,
              accel_info: ty.Any = None) -> None:
        refusal.refuse_block_devices(block_device_info)
        with lifecycle.exclusive(instance.uuid):
            self._spawn(context, instance, image_meta,
                        network_model.NetworkInfo() if network_info is None else network_info,
                        power_on, admin_password, injected_files)

    def destroy(self, context: Context, instance: Instance, network_info: NetworkInfo,
                block_device_info: BlockDeviceInfo = None, destroy_disks: bool = True,
                destroy_secrets: bool = True) -> None:
        self._consoles.close(instance.uuid)
        # What reverts a resize in place goes on with the same network.
        keep_vifs = not destroy_disks and instance.task_state == task_states.RESIZE_REVERTING
        self._lifecycle.destroy(instance, network_info, keep_disk=not destroy_disks,
                                keep_vifs=keep_vifs)

    def cleanup(self, context: Context, instance: Instance, network_info: NetworkInfo,
                block_device_info: BlockDeviceInfo = None, destroy_disks: bool = True,
                migrate_data: ty.Any = None, destroy_vifs: bool = True,
                destroy_secrets: bool = True) -> None:
        self._lifecycle.destroy(instance, network_info, keep_disk=not destroy_disks,
                                keep_vifs=not destroy_vifs)

    def soft_delete(self, instance: Instance) -> None:
        # Nova restores to ACTIVE what was rescued, too.
        self._rescue.abandon(instance)
        self._lifecycle.power_off(instance, 0)

    def snapshot(self, context: Context, instance: Instance, image_id: str,
                 update_task_state: ty.Callable[..., None]) -> None:
        self._snapshot(context, instance, image_id, update_task_state)

    def rescue(self, context: Context, instance: Instance, network_info: NetworkInfo,
               image_meta: nova_image_meta.ImageMeta, rescue_password: str | None,
               block_device_info: BlockDeviceInfo, share_info: ty.Any) -> None:
        self._rescue.rescue(context, instance, network_info, image_meta, rescue_password)

    def unrescue(self, context: Context, instance: Instance) -> None:
        self._rescue.unrescue(instance)

    def get_volume_connector(self, instance: Instance) -> ty.NoReturn:
        # Nova shows the user what this says, when a boot or an attachment asks.
        raise NotImplementedError(refusal.NO_VOLUMES)

    # Power ---------------------------------------------------------------------------

    def reboot(self, context: Context, instance: Instance, network_info: NetworkInfo,
               reboot_type: str, block_device_info: BlockDeviceInfo = None,
               bad_volumes_callback: ty.Any = None, accel_info: ty.Any = None,
               share_info: ty.Any = None) -> None:
        self._lifecycle.reboot(instance, network_info, soft=reboot_type == 'SOFT')

    def power_off(self, instance: Instance, timeout: int = 0, retry_interval: int = 0) -> None:
        self._lifecycle.power_off(instance, timeout)

    def power_on(self, context: Context, instance: Instance, network_info: NetworkInfo,
                 block_device_info: BlockDeviceInfo = None, accel_info: ty.Any = None,
                 share_info: ty.Any = None) -> None:
        self._lifecycle.power_on(instance, network_info)

    def pause(self, instance: Instance) -> None:
        self._lifecycle.pause(instance)

    def unpause(self, instance: Instance) -> None:
        self._lifecycle.unpause(instance)

    # Another flavor ----------------------------------------------------------------------

    def migrate_disk_and_power_off(self, context: Context, instance: Instance, dest: str,
                                   flavor: nova_flavor.Flavor, network_info: NetworkInfo,
                                   block_device_info: BlockDeviceInfo = None,
                                   timeout: int = 0, retry_interval: int = 0) -> str:
        return self._migrations.leave(instance, dest, flavor, timeout)

    def finish_migration(self, context: Context, migration: Migration, instance: Instance,
                         disk_info: str, network_info: NetworkInfo,
                         image_meta: nova_image_meta.ImageMeta, resize_instance: bool,
                         allocations: ty.Any, block_device_info: BlockDeviceInfo = None,
                         power_on: bool = True, share_info: ty.Any = None) -> None:
        self._migrations.arrive(migration, instance, disk_info, network_info, power_on)

    def confirm_migration(self, context: Context, migration: Migration, instance: Instance,
                          network_info: NetworkInfo) -> None:
        self._migrations.confirm(migration, instance)

    def finish_revert_migration(self, context: Context, instance: Instance,
                                network_info: NetworkInfo, migration: Migration,
                                block_device_info: BlockDeviceInfo = None,
                                power_on: bool = True, share_info: ty.Any = None) -> None:
        self._migrations.revert(instance, network_info, power_on)

    def check_instance_shared_storage_local(self, context: Context,
                                            instance: Instance) -> dict[str, str]:
        if instance.host != CONF.host:
            # Evacuated from here: what is here is nobody's any more.  Asked whether
            # it shares this, a host of another driver fails, which Nova takes for yes.
            raise NotImplementedError
        return {'host': CONF.host}

    def check_instance_shared_storage_remote(self, context: Context,
                                             data: dict[str, str]) -> bool:
        # No host has another's containers; Nova asks in a resize on one host, too.
        return bool(data['host'] == CONF.host)

    # Identity --------------------------------------------------------------------------

    def set_admin_password(self, instance: Instance, new_pass: str) -> None:
        password.set_password(self._engine, instance, new_pass)

    def suspend(self, context: Context, instance: Instance) -> None:
        self._lifecycle.pause(instance)

    def resume(self, context: Context, instance: Instance, network_info: NetworkInfo,
               block_device_info: BlockDeviceInfo = None, share_info: ty.Any = None) -> None:
        self._lifecycle.resume(instance, network_info)

    def resume_state_on_host_boot(self, context: Context, instance: Instance,
                                  network_info: NetworkInfo, share_info: ty.Any,
                                  block_device_info: BlockDeviceInfo = None) -> None:
        self._lifecycle.resume(instance, network_info)

    def process_instances_at_startup(
            self, context: Context, instances: nova_instance.InstanceList,
    ) -> nova_instance.InstanceList:
        self._resumption.at_start(instances)
        return instances

    # NICs ------------------------------------------------------------------------------

    def plug_vifs(self, instance: Instance, network_info: NetworkInfo) -> None:
        self._lifecycle.plug_vifs(instance, network_info)

    def unplug_vifs(self, instance: Instance, network_info: NetworkInfo) -> None:
        self._lifecycle.unplug_vifs(instance, network_info)

    def attach_interface(self, context: Context, instance: Instance,
                         image_meta: nova_image_meta.ImageMeta,
                         vif: network_model.VIF) -> None:
        self._interfaces.attach(instance, vif)

    def detach_interface(self, context: Context, instance: Instance,
                         vif: network_model.VIF) -> None:
        self._interfaces.detach(instance, vif)
