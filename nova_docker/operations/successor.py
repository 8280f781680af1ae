"""A container that takes another's place, for what no update changes.

It has the other's files, as a commit that it is made of, and the volumes that the
image declares.  What the other has printed goes with the other.
"""

import nova.conf
from nova.objects import instance as nova_instance
from oslo_log import log as logging

from nova_docker import exception
from nova_docker.engine import client
from nova_docker.operations import undo
from nova_docker.translate import container
from nova_docker.translate import naming

LOG = logging.getLogger(__name__)
CONF = nova.conf.CONF


def succeed(engine: client.Engine, instance: nova_instance.Instance,
            limits: container.Limits) -> None:
    """Put a container with these limits in the place of the instance's, which is
    stopped.  The caller holds the instance's lock.

    Whatever fails before the old one is removed leaves the old one as it was; after
    that only a name is missing, which :func:`complete` gives.

    :raises ContainerNotFound: when the instance's container is absent
    :raises EngineRejected: when the engine refuses what the flavor grants
    """
    workload = naming.workload_name(instance.uuid)
    successor = naming.successor_name(instance.uuid)
    old = engine.inspect_container(workload)
    generation = naming.generation_of(old['Config']['Labels'])
    repository, tag = naming.commit_of(instance.uuid, generation + 1)
    with undo.UndoStack(instance) as undone:
        # 1. Nothing of an attempt that broke off.
        undone.push('remove the commit', lambda: engine.remove_image(f'{repository}:{tag}'))
        undone.push('remove the new container', lambda: engine.remove_container(successor))
        engine.remove_container(successor)
        engine.remove_image(f'{repository}:{tag}')
        # 2. The files, then the container that has them.
        commit = engine.commit_container(workload, repository, tag)
        undone.push('give the sandbox its name back', lambda: _name_sandbox(engine, instance.uuid))
        _unname_sandbox(engine, instance.uuid)
        engine.create_container(successor, container.successor_config(
            old, commit, limits, engine.api_version))
        _name_sandbox(engine, instance.uuid)
    # 3. The place.
    engine.remove_container(workload)
    complete(engine, instance.uuid)
    _forget_commit(engine, instance.uuid, generation)
    LOG.info('Container %s was made anew over its files', workload, instance=instance)


def _unname_sandbox(engine: client.Engine, instance_uuid: str) -> None:
    """Or the engine would put its id in the place of the name in the new container,
    which could then join no other sandbox, ever."""
    try:
        engine.rename_container(naming.sandbox_name(instance_uuid),
                                naming.draft_sandbox_name(instance_uuid))
    except exception.ContainerNotFound:
        LOG.debug('Instance %s has no sandbox; its next start makes one', instance_uuid)


def _name_sandbox(engine: client.Engine, instance_uuid: str) -> None:
    """Give it its name; no error when it has it, or there is none."""
    try:
        engine.rename_container(naming.draft_sandbox_name(instance_uuid),
                                naming.sandbox_name(instance_uuid))
    except exception.ContainerNotFound:
        LOG.debug('The sandbox of instance %s has its name', instance_uuid)


def complete(engine: client.Engine, instance_uuid: str) -> None:
    """Give the successor the name of the one that is gone.

    :raises ContainerNotFound: when there is no successor
    :raises EngineConflict: when the other is not gone
    """
    engine.rename_container(naming.successor_name(instance_uuid),
                            naming.workload_name(instance_uuid))


def remove(engine: client.Engine, instance_uuid: str) -> None:
    """Remove the instance's container, with whatever successions have left; gone
    ones are fine."""
    listed = [*filter(container.is_workload, engine.list_containers(
        naming.instance_filter(CONF.host, instance_uuid)))]
    engine.remove_container(naming.workload_name(instance_uuid))
    for entry in listed:
        engine.remove_container(entry['Id'])
    for entry in listed:
        _forget_commit(engine, instance_uuid, naming.generation_of(entry['Labels']))


def is_interim(listed: container.Json) -> bool:
    """Whether an entry of the container list has not got its place yet."""
    instance_uuid = naming.instance_of(listed['Labels'])
    return not {f'/{naming.successor_name(instance_uuid)}',
                f'/{naming.draft_sandbox_name(instance_uuid)}'}.isdisjoint(listed['Names'])


def settle(engine: client.Engine, instance_uuid: str) -> None:
    """End a succession that broke off: forwards where the old container is gone,
    backwards where it is there.  The caller holds the instance's lock."""
    listed = engine.list_containers(naming.instance_filter(CONF.host, instance_uuid))
    names = {name for entry in listed for name in entry['Names']}
    if not any(map(is_interim, listed)):
        return
    LOG.warning('Ending an interrupted change of container of instance %s', instance_uuid)
    _name_sandbox(engine, instance_uuid)
    if f'/{naming.workload_name(instance_uuid)}' in names:
        engine.remove_container(naming.successor_name(instance_uuid))
    elif f'/{naming.successor_name(instance_uuid)}' in names:
        complete(engine, instance_uuid)


def forget_unused_commits(engine: client.Engine) -> None:
    """Remove the commits of this host that no container is made of; for the start
    of nova-compute, when no succession is at work yet."""
    used = {entry['ImageID'] for entry in engine.list_containers(naming.host_filter(CONF.host))}
    for image in engine.list_images(naming.COMMIT_REPOSITORY):
        if (image['Labels'] or {}).get(naming.LABEL_HOST) == CONF.host and image['Id'] not in used:
            for tag in image['RepoTags']:
                if tag.startswith(naming.COMMIT_REPOSITORY + ':'):
                    LOG.warning('Removing %s, which an interrupted change of container left', tag)
                    engine.remove_image(tag)


def _forget_commit(engine: client.Engine, instance_uuid: str, generation: int) -> None:
    """The first generation is made of the image that was booted."""
    if generation > 1:
        engine.remove_image(':'.join(naming.commit_of(instance_uuid, generation)))
