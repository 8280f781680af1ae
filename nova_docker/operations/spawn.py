"""A boot, from the request to the running container."""

from collections.abc import Iterator
import contextlib
import dataclasses
import typing as ty

from nova import context as nova_context
from nova import exception as nova_exception
from nova.compute import task_states
from nova.compute import vm_states
import nova.conf
from nova.network import model as network_model
from nova.objects import image_meta as nova_image_meta
from nova.objects import instance as nova_instance
from oslo_log import log as logging

from nova_docker import configdrive
from nova_docker import exception
from nova_docker import images
from nova_docker import network
from nova_docker.engine import client
from nova_docker.operations import allowance
from nova_docker.operations import background
from nova_docker.operations import faults
from nova_docker.operations import identity
from nova_docker.operations import password
from nova_docker.operations import sandbox
from nova_docker.operations import timeline
from nova_docker.operations import undo
from nova_docker.translate import container
from nova_docker.translate import image as image_translation
from nova_docker.translate import naming
from nova_docker.translate import pin
from nova_docker.translate import userdata

LOG = logging.getLogger(__name__)
CONF = nova.conf.CONF


class Spawn:
    """Boots instances.

    :param virtapi: nova's ComputeVirtAPI, which waits for Neutron's events
    """

    def __init__(self, engine: client.Engine, image_store: images.Images,
                 net: network.Network, sandboxes: sandbox.Sandboxes,
                 allowances: allowance.Allowances, virtapi: ty.Any) -> None:
        self._engine = engine
        self._images = image_store
        self._network = net
        self._sandboxes = sandboxes
        self._allowances = allowances
        self._identities = identity.Identities(engine)
        self._virtapi = virtapi

    def __call__(self, context: nova_context.RequestContext,
                 instance: nova_instance.Instance,
                 image_meta: nova_image_meta.ImageMeta,
                 network_info: network_model.NetworkInfo, power_on: bool,
                 admin_password: str | None = None,
                 injected_files: configdrive.InjectedFiles = ()) -> None:
        """Boot; on failure leave nothing behind.

        What takes time runs beside what waits: the image is fetched in a
        thread, and the sandbox starts while Neutron still allocates.

        :raises InstanceExists: it runs here already; it is left alone
        :raises BuildAbortException: the user's mistake, with what to change
        :raises VirtualInterfaceCreateException: Neutron did not wire a port
        """
        source = _source(instance, image_meta)
        times = timeline.Timeline()
        self._clear_ground(instance)
        with faults.explained(instance, source), undo.UndoStack(instance) as undone:
            # 1. The sandbox, which holds the network namespace and what the
            # workload mounts.
            undone.push('remove the sandbox', lambda: self._sandboxes.remove(instance.uuid))
            with times.step('sandbox'):
                self._sandboxes.create_draft(instance)
            # 2. The image and the container to be, in a thread.
            workload = self._prepare_workload(context, instance, image_meta, source,
                                              admin_password, injected_files, undone, times)
            with times.step('sandbox'):
                pid = self._sandboxes.start_draft(instance)
            # 3. The first look at network_info waits for Neutron's allocation.
            with times.step('allocation'):
                network_info.wait()
            workload.raise_if_failed()
            # 4. The NICs, and Neutron's word that they are wired.
            undone.push('unplug the NICs',
                        lambda: self._network.unplug(instance, network_info))
            with self._wired(instance, network_info, times):
                with times.step('plug'):
                    self._network.plug(instance, network_info, pid)
                with times.step('config drive'):
                    self._identities.write_drive(instance, network_info, injected_files,
                                                 admin_password)
            with times.step('announce'):
                self._network.announce(instance, network_info, pid)
            # 5. The container joins the network that is ready.
            with times.step('image wait'):
                image = workload.result()
            # What a rebuild or an evacuation boots again; Nova saves it with the outcome.
            if image.pinned:
                instance.system_metadata[pin.KEY] = pin.pin(source, image.pinned)
            self._sandboxes.finish_draft(instance.uuid)
            if power_on:
                with times.step('start'):
                    self._engine.start_container(naming.workload_name(instance.uuid))
        LOG.info('Spawned container %s in %.3f s: %s', naming.workload_name(instance.uuid),
                 times.elapsed(), times, instance=instance)

    def _clear_ground(self, instance: nova_instance.Instance) -> None:
        """Remove what a boot that failed could not take back.

        :raises InstanceExists: it runs here; the undo of this boot would remove it
        """
        left = self._engine.list_containers(naming.instance_filter(CONF.host, instance.uuid))
        if any(map(container.is_workload, left)):
            raise nova_exception.InstanceExists(name=naming.workload_name(instance.uuid))
        if left or identity.needs_store(instance):
            self._sandboxes.remove(instance.uuid)

    # The image and the container -----------------------------------------------

    def _prepare_workload(self, context: nova_context.RequestContext,
                          instance: nova_instance.Instance,
                          image_meta: nova_image_meta.ImageMeta,
                          source: image_translation.ImageSource,
                          admin_password: str | None,
                          injected_files: configdrive.InjectedFiles,
                          undone: undo.UndoStack,
                          times: timeline.Timeline) -> background.Background[images.ReadyImage]:
        command = image_translation.command(image_meta.properties.get('os_command_line'))
        limits = self._allowances.limits(instance, instance.flavor)
        fetched: list[images.ReadyImage] = []
        pinned = pin.recall(instance.system_metadata, source)
        wanted = dataclasses.replace(source, reference=pinned or source.reference)
        # Another image than before, so what the engine has may be old.
        anew = instance.task_state == task_states.REBUILD_SPAWNING and not pinned

        def fetch_and_create() -> None:
            with times.step('image'):
                fetched.append(self._images.ensure(
                    context, wanted, instance.flavor.root_gb, instance.trusted_certs, anew))
            with times.step('container'):
                self._create_workload(instance, fetched[-1], command, source.process, limits,
                                      injected_files)
                password.set_first_password(self._engine, instance, admin_password)

        def prepare() -> images.ReadyImage:
            try:
                fetch_and_create()
            except exception.EngineImageNotFound:
                if not fetched:
                    raise
                # Another boot that failed took the image away in between.
                fetch_and_create()
            return fetched[-1]

        def forget_image() -> None:
            if source.in_glance and any(ready.is_new for ready in fetched):
                self._images.forget(source)

        undone.push('remove the image', forget_image)
        undone.push('remove the container', lambda: self._engine.remove_container(
            naming.workload_name(instance.uuid)))
        work = background.Background(f'image-{instance.uuid}', context, prepare)
        undone.push('wait for the image', work.wait)
        return work

    def _create_workload(self, instance: nova_instance.Instance, image: images.ReadyImage,
                         command: list[str] | None, process: userdata.Process | None,
                         limits: container.Limits,
                         injected_files: configdrive.InjectedFiles) -> None:
        config = container.workload_config(
            sandbox.identity(instance), image.digest, limits,
            self._engine.api_version, command=command, environment=instance.metadata,
            image_digest=image.pinned, process=process)
        self._identities.create_workload(instance, config, injected_files)

    # The network -------------------------------------------------------------------

    @contextlib.contextmanager
    def _wired(self, instance: nova_instance.Instance,
               network_info: network_model.NetworkInfo,
               times: timeline.Timeline) -> Iterator[None]:
        """Plug in the body, then wait until Neutron has wired every port.

        Neutron reports a port that becomes active; one that is active already
        will not be reported again.
        """
        pending = [('network-vif-plugged', vif['id']) for vif in network_info
                   if vif.get('active', True) is False]
        if not CONF.vif_plugging_timeout:
            pending = []
        begin = 0.0
        try:
            with self._virtapi.wait_for_instance_event(
                    instance, pending, timeout=CONF.vif_plugging_timeout,
                    error_callback=_wiring_failed):
                yield
                begin = times.elapsed()
        except nova_exception.InstanceEventTimeout:
            if CONF.vif_plugging_is_fatal:
                raise nova_exception.VirtualInterfaceCreateException(
                    f'Neutron did not report within {CONF.vif_plugging_timeout} s '
                    f'([DEFAULT]/vif_plugging_timeout) that the ports are wired. Look at '
                    f'the Neutron agent of this host.') from None
            LOG.warning('Neutron did not report that the ports are wired; going on '
                        'because vif_plugging_is_fatal is off', instance=instance)
        times.add('vif event', times.elapsed() - begin)


def _source(instance: nova_instance.Instance,
            image_meta: nova_image_meta.ImageMeta) -> image_translation.ImageSource:
    properties = image_translation.image_properties(instance.system_metadata)
    checksum = _checksum(image_meta)
    source = image_translation.image_source(
        image_meta.id, checksum, properties,
        instance.user_data if image_translation.is_open(properties) else None)
    if instance.vm_state == vm_states.SHELVED_OFFLOADED:
        # The image is what was shelved, the properties are those of the first boot.
        return image_translation.snapshot_source(image_meta.id, checksum, source)
    return source


def _checksum(image_meta: nova_image_meta.ImageMeta) -> str | None:
    return image_meta.checksum if image_meta.obj_attr_is_set('checksum') else None


def _wiring_failed(event_name: str, instance: nova_instance.Instance) -> bool:
    """Neutron reported that it could not wire a port."""
    LOG.error('Neutron reported failure on event %s', event_name, instance=instance)
    if CONF.vif_plugging_is_fatal:
        raise nova_exception.VirtualInterfaceCreateException(
            f'Neutron reported a failure: {event_name}')
    return True
