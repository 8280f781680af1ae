"""A rescue: another container in the place of the instance's own, whose files it sees.

The instance's own container is parked under another name, so that the rescue
container is the instance for every other operation: it has the name, the
network and the limits.
"""

from collections.abc import Iterator
import contextlib

from nova import context as nova_context
from nova import exception as nova_exception
from nova.network import model as network_model
from nova.objects import image_meta as nova_image_meta
from nova.objects import instance as nova_instance
from oslo_log import log as logging

from nova_docker import exception
from nova_docker import images
from nova_docker.engine import client
from nova_docker.operations import faults
from nova_docker.operations import lifecycle
from nova_docker.operations import password
from nova_docker.operations import undo
from nova_docker.translate import container
from nova_docker.translate import image as image_translation
from nova_docker.translate import naming
from nova_docker.translate import rescue as rescue_translation

LOG = logging.getLogger(__name__)


class Rescue:
    """Begins and ends rescues."""

    def __init__(self, engine: client.Engine, image_store: images.Images,
                 operations: lifecycle.Lifecycle) -> None:
        self._engine = engine
        self._images = image_store
        self._lifecycle = operations

    def rescue(self, context: nova_context.RequestContext, instance: nova_instance.Instance,
               network_info: network_model.NetworkInfo,
               image_meta: nova_image_meta.ImageMeta, rescue_password: str | None) -> None:
        """Run the rescue image with the instance's files at ``/mnt/rescue``.

        On failure the instance's own container is in its place again, stopped.
        A rescue within a rescue begins anew with the image that it names.

        :param image_meta: the rescue image; the instance's own, where it has no id
        :raises InstanceNotFound: when its container is absent
        :raises NotRescuable: the engine cannot show its files, or the rescue image
            cannot be run
        """
        # 1. Whatever can be refused, before anything changes.
        with lifecycle.known(instance):
            original = self._original(instance.uuid)
        rescue_translation.mounts(original)
        # 2. The image.  It takes its time, so other operations are not held up.
        source, process = self._plan(context, instance, image_meta, original)
        with _explained(instance, source):
            image = container.origin(original) if source.image_id == instance.image_ref else (
                self._images.ensure(context, source, instance.flavor.root_gb,
                                    instance.trusted_certs).digest)
            # 3. The other container.
            self._take_place(instance, network_info, image, process, rescue_password)
        LOG.info('Container %s is a rescue with image %s', naming.workload_name(instance.uuid),
                 source.image_id, instance=instance)

    def _plan(self, context: nova_context.RequestContext, instance: nova_instance.Instance,
              image_meta: nova_image_meta.ImageMeta, original: client.Json) -> tuple[
                  image_translation.ImageSource, client.Json]:
        """The rescue image, and what to run of it."""
        image_id = image_meta.id if image_meta.obj_attr_is_set('id') else instance.image_ref
        if image_id == instance.image_ref:
            # It is here already, even if Glance has lost it.
            return (image_translation.image_source(image_id, None, {}),
                    rescue_translation.own_process(original))
        checksum, properties = self._images.describe(context, image_id)
        if image_translation.is_open(properties):
            raise exception.NotRescuable(
                reason='The image leaves it to user data what to run, and a rescue has none. '
                       'Name another image.')
        return (image_translation.image_source(image_id, checksum, properties),
                rescue_translation.process(
                    image_translation.command(properties.get('os_command_line')),
                    instance.metadata))

    def _take_place(self, instance: nova_instance.Instance,
                    network_info: network_model.NetworkInfo, image: str,
                    process: client.Json, rescue_password: str | None) -> None:
        workload = naming.workload_name(instance.uuid)
        with lifecycle.exclusive(instance.uuid), lifecycle.known(instance), \
                undo.UndoStack(instance) as undone:
            undone.push('put its container back', lambda: put_back(self._engine, instance.uuid))
            original = self._park(instance.uuid)
            self._engine.create_container(workload, rescue_translation.config(
                original, naming.sandbox_name(instance.uuid), image, process))
            password.set_first_password(self._engine, instance, rescue_password)
            self._lifecycle.start(instance, network_info)

    def _original(self, instance_uuid: str) -> client.Json:
        """The instance's own container, inspected."""
        try:
            return self._engine.inspect_container(naming.parked_name(instance_uuid))
        except exception.ContainerNotFound:
            return self._engine.inspect_container(naming.workload_name(instance_uuid))

    def _park(self, instance_uuid: str) -> client.Json:
        """Take the instance's own container aside, and away what is in its place.

        Two mounts of the same layers would damage them, so it must not run.
        """
        put_back(self._engine, instance_uuid)
        self._engine.stop_container(naming.workload_name(instance_uuid), timeout=0)
        self._engine.rename_container(naming.workload_name(instance_uuid),
                                      naming.parked_name(instance_uuid))
        return self._engine.inspect_container(naming.parked_name(instance_uuid))

    def unrescue(self, instance: nova_instance.Instance) -> None:
        """Run the instance's own container again, as the rescue has left its files.

        An instance that is not rescued is started.

        :raises InstanceNotFound: when its container is absent
        """
        # Nova's cache of it may be empty.
        network_info = instance.get_network_info() or network_model.NetworkInfo()
        with lifecycle.exclusive(instance.uuid), lifecycle.known(instance):
            put_back(self._engine, instance.uuid)
            self._lifecycle.start(instance, network_info)

    def abandon(self, instance: nova_instance.Instance) -> None:
        """End a rescue and leave the instance stopped; none, or no instance, is fine."""
        with lifecycle.exclusive(instance.uuid):
            put_back(self._engine, instance.uuid)


@contextlib.contextmanager
def _explained(instance: nova_instance.Instance,
               source: image_translation.ImageSource) -> Iterator[None]:
    """Say a user's mistake as it is said of a boot, but not of one: Nova cuts
    its own words before ours off the end."""
    try:
        with faults.explained(instance, source):
            yield
    except (nova_exception.BuildAbortException, nova_exception.ImageUnacceptable) as e:
        raise exception.NotRescuable(reason=e.kwargs['reason']) from e


def put_back(engine: client.Engine, instance_uuid: str) -> None:
    """End a rescue, begun or half-begun; the instance's own container is stopped.

    Can be killed at any instant and repeated; no error when there is no rescue.
    The caller holds the instance's lock.
    """
    parked, workload = naming.parked_name(instance_uuid), naming.workload_name(instance_uuid)
    try:
        engine.inspect_container(parked)
    except exception.ContainerNotFound:
        return
    engine.remove_container(workload)
    engine.rename_container(parked, workload)
