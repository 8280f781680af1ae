"""Names and labels: how an instance is found on the engine.

Labels carry the identity; names only make ``docker ps`` readable and keep two
boots of one instance from running side by side.
"""

from collections.abc import Mapping

_PREFIX = 'org.openstack.nova-docker.'
LABEL_INSTANCE = _PREFIX + 'instance'   # instance uuid
LABEL_NAME = _PREFIX + 'name'           # instance.name, instance-0000002a
LABEL_HOST = _PREFIX + 'host'           # [DEFAULT]/host of the owner
LABEL_ROLE = _PREFIX + 'role'           # sandbox or workload
LABEL_GENERATION = _PREFIX + 'generation'  # counts containers over the same files
LABEL_IMAGE_DIGEST = _PREFIX + 'image-digest'  # <repository>@sha256:... of the registry
LABEL_FIXED = _PREFIX + 'fixed'         # what of the flavor no update changes
LABEL_ORIGIN = _PREFIX + 'origin'       # id of the image that the instance was booted from

LABELS = frozenset((LABEL_INSTANCE, LABEL_NAME, LABEL_HOST, LABEL_ROLE, LABEL_GENERATION,
                    LABEL_FIXED))

ROLE_SANDBOX = 'sandbox'
ROLE_WORKLOAD = 'workload'
ROLE_STORE = 'store'

# A top-level domain that can never exist (RFC 2606), so that nobody can
# publish an image under a private tag.
PRIVATE_REGISTRY = 'nova-docker.invalid'
GLANCE_REPOSITORY = PRIVATE_REGISTRY + '/glance'
SANDBOX_REPOSITORY = PRIVATE_REGISTRY + '/sandbox'
SNAPSHOT_REPOSITORY = PRIVATE_REGISTRY + '/snapshot'
PULLED_REPOSITORY = PRIVATE_REGISTRY + '/pulled'  # see imagecache.py
USED_REPOSITORY = PRIVATE_REGISTRY + '/used'
COMMIT_REPOSITORY = PRIVATE_REGISTRY + '/commit'

_LINK_ALIAS = 'nova-docker:'
_LONGEST_HOST = 160  # the kernel keeps 255 bytes of an alias


def workload_name(instance_uuid: str) -> str:
    """Name of the container that runs the instance's image."""
    return f'nova-{instance_uuid}'


def sandbox_name(instance_uuid: str) -> str:
    """Name of the container that holds the instance's network."""
    return f'nova-{instance_uuid}-sandbox'


def draft_sandbox_name(instance_uuid: str) -> str:
    """Name of a sandbox whose workload is not made yet."""
    return f'nova-{instance_uuid}-sandbox-draft'


def parked_name(instance_uuid: str) -> str:
    """Name of the container that runs the instance's image, while the container
    of a rescue has its place and its name.
    """
    return f'nova-{instance_uuid}-rescued'


def store_name(instance_uuid: str) -> str:
    """Name of the volume for what belongs to the instance and not to its disk."""
    return f'nova-{instance_uuid}-store'


def successor_name(instance_uuid: str) -> str:
    """Name of the container that is about to take the workload's place."""
    return f'nova-{instance_uuid}-next'


def commit_of(instance_uuid: str, generation: int) -> tuple[str, str]:
    """Repository and tag of the files that a later generation is made of."""
    return COMMIT_REPOSITORY, f'{instance_uuid}-{generation}'


def host_filter(host: str) -> dict[str, str]:
    """Labels of all that belongs to a compute host."""
    return {LABEL_HOST: host}


def instance_filter(host: str, instance_uuid: str) -> dict[str, str]:
    """Labels of the containers of one instance."""
    return {LABEL_HOST: host, LABEL_INSTANCE: instance_uuid}


def labels(role: str, *, instance_uuid: str, instance_name: str, host: str,
           generation: int = 1, image_digest: str = '') -> dict[str, str]:
    """All labels of one container.

    :param image_digest: what a registry image was resolved to; '' is none
    """
    pinned = {LABEL_IMAGE_DIGEST: image_digest} if image_digest else {}
    return {
        LABEL_INSTANCE: instance_uuid,
        LABEL_NAME: instance_name,
        LABEL_HOST: host,
        LABEL_ROLE: role,
        LABEL_GENERATION: str(generation),
        **pinned,
    }


def generation_of(container_labels: Mapping[str, str]) -> int:
    """Which container over the instance's files it is; the boot makes the first."""
    return int(container_labels.get(LABEL_GENERATION, 1))


def instance_of(container_labels: Mapping[str, str]) -> str:
    """The instance uuid in a container's labels; '' when it is not ours."""
    return container_labels.get(LABEL_INSTANCE, '')


def private_tag(image_id: str, checksum: str | None) -> str:
    """The only tag under which a Glance image is known to the engine.

    The checksum is in it because Glance's data can change under one id when an
    image is deactivated, deleted and made anew with the same id.
    """
    return f'{GLANCE_REPOSITORY}:{image_id}-{(checksum or "none")[:32]}'


def snapshot_tag(image_id: str) -> str:
    """The tag of a container's commit while it is uploaded to that Glance image."""
    return f'{SNAPSHOT_REPOSITORY}:{image_id}'


def link_prefix(instance_uuid: str) -> str:
    """What the aliases of all links of one instance start with."""
    return f'{_LINK_ALIAS}{instance_uuid}:'


def link_alias(instance_uuid: str, port_id: str, host: str) -> str:
    """The kernel alias (``ip link ... alias``) of a NIC's end on the host.

    :param host: the compute host that owns it, because another nova-compute
        may work on the same kernel
    """
    return f'{link_prefix(instance_uuid)}{port_id}:{host[:_LONGEST_HOST]}'


def parse_link_alias(alias: str, host: str) -> tuple[str, str] | None:
    """(instance uuid, port id), or None when the link is not the host's."""
    if not alias.startswith(_LINK_ALIAS):
        return None
    instance_uuid, _, rest = alias[len(_LINK_ALIAS):].partition(':')
    port_id, _, owner = rest.partition(':')
    is_ours = instance_uuid and port_id and owner == host[:_LONGEST_HOST]
    return (instance_uuid, port_id) if is_ours else None


# HOST_NAME_MAX of Linux, hostname(7).
_HOST_NAME_MAX = 64


def kernel_hostname(hostname: str) -> str:
    """What a host name can be in the kernel: all of it, or its first label.

    Nova's API takes names of 255 characters with dots in them.
    """
    if len(hostname) <= _HOST_NAME_MAX:
        return hostname
    return hostname.partition('.')[0][:_HOST_NAME_MAX]


def host_names(hostname: str) -> str:
    """The names of a host in /etc/hosts: the full one and its first label."""
    return ' '.join(dict.fromkeys((hostname, hostname.partition('.')[0])))
