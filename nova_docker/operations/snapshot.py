"""A snapshot: the instance's files, as an image in Glance."""

from collections.abc import Callable
import typing as ty

from nova import context as nova_context
from nova import exception as nova_exception
from nova.compute import task_states
import nova.conf
from nova.objects import instance as nova_instance
from oslo_log import log as logging

from nova_docker import exception
from nova_docker import host as compute_host
from nova_docker import uploads
from nova_docker.engine import client
from nova_docker.operations import lifecycle
from nova_docker.translate import container
from nova_docker.translate import naming
from nova_docker.translate import snapshot as snapshot_translation

LOG = logging.getLogger(__name__)
CONF = nova.conf.CONF


class Snapshots:
    """Makes snapshots of instances that run, are paused or are stopped."""

    def __init__(self, engine: client.Engine, store: uploads.Uploads) -> None:
        self._engine = engine
        self._uploads = store

    def __call__(self, context: nova_context.RequestContext,
                 instance: nova_instance.Instance, image_id: str,
                 update_task_state: Callable[..., None]) -> None:
        """Commit, stream the commit to Glance, and remove it, whatever happens.

        :param image_id: the image that Nova has made for it
        :param update_task_state: see nova.virt.driver.ComputeDriver.snapshot
        :raises InstanceNotRunning: its container is absent
        """
        tag = naming.snapshot_tag(image_id)
        try:
            # 1. The commit, for which the instance is paused.
            commit, original = self._commit(instance, image_id)
            update_task_state(task_state=task_states.IMAGE_PENDING_UPLOAD)
            # 2. The stream.  The instance may be stopped or deleted meanwhile.
            update_task_state(task_state=task_states.IMAGE_UPLOADING,
                              expected_state=task_states.IMAGE_PENDING_UPLOAD)
            size = self._uploads.upload(
                context, image_id, _properties(),
                snapshot_translation.as_original(
                    self._engine.save_image(tag), commit, original))
            LOG.info('Uploaded snapshot %s of %d bytes', image_id, size, instance=instance)
        except nova_exception.NovaException as e:
            # Nova itself says next to nothing about it.
            LOG.error('The snapshot %s failed: %s', image_id, e, instance=instance)
            raise
        finally:
            self._forget(tag)

    def _commit(self, instance: nova_instance.Instance,
                image_id: str) -> tuple[str, dict[str, ty.Any]]:
        """:returns: the commit's id, and the configuration of the image that
        the instance was booted from"""
        workload = naming.workload_name(instance.uuid)
        with lifecycle.exclusive(instance.uuid):
            try:
                booted = container.origin(self._engine.inspect_container(workload))
                original = self._engine.inspect_image(booted)['Config']
                commit = self._engine.commit_container(
                    workload, naming.SNAPSHOT_REPOSITORY, image_id)
            except exception.ContainerNotFound as e:
                raise nova_exception.InstanceNotRunning(instance_id=instance.uuid) from e
        return commit, original

    def _forget(self, tag: str) -> None:
        try:
            self._engine.remove_image(tag)
        except exception.EngineError:
            # The outcome of the snapshot is what the caller wants to know.
            LOG.exception('Could not remove %s; the next start of nova-compute does it', tag)

    def remove_leftovers(self) -> None:
        """Remove the commits of a nova-compute that died; for its start, when
        no snapshot of its own is at work yet."""
        for image in self._engine.list_images(naming.SNAPSHOT_REPOSITORY):
            if (image['Labels'] or {}).get(naming.LABEL_HOST) != CONF.host:
                continue
            for tag in image['RepoTags']:
                if tag.startswith(naming.SNAPSHOT_REPOSITORY + ':'):
                    LOG.warning('Removing %s, which an interrupted snapshot left', tag)
                    self._forget(tag)


def _properties() -> dict[str, str]:
    """What places a server of the snapshot on a host that can run it."""
    return {'hw_architecture': compute_host.architecture(), 'img_hv_type': 'docker'}
