"""What a test has left behind: containers, images, links, volumes, namespaces entered."""

from dataclasses import dataclass
import os
from pathlib import Path

import docker

from nova_docker.privileged import netns
from nova_docker.translate import naming

# Private tags, and what comes from the registry of the tests.
FETCHED = (naming.GLANCE_REPOSITORY, naming.COMMIT_REPOSITORY, naming.PULLED_REPOSITORY,
           naming.USED_REPOSITORY, "127.0.0.1:")


@dataclass(frozen=True)
class Traces:
    """What one compute host has on the machine, by name."""

    containers: frozenset[str]
    images: frozenset[str]
    links: frozenset[str]
    namespaces: frozenset[str]
    volumes: frozenset[str]


def traces(api: docker.APIClient, host: str) -> Traces:
    """Everything that belongs to the host, and every image that the driver fetched."""
    label = f"{naming.LABEL_HOST}={host}"
    containers = api.containers(all=True, filters={"label": label})
    aliases = netns.list_aliases().items()
    return Traces(
        containers=frozenset(name for entry in containers for name in entry["Names"]),
        images=frozenset(tag for image in api.images() for tag in image["RepoTags"] or ()
                         if tag.startswith(FETCHED)),
        links=frozenset(name for name, alias in aliases if alias.endswith(f":{host}")),
        namespaces=frozenset(_namespaces()),
        volumes=frozenset(volume["Name"] for volume in api.volumes()["Volumes"] or ()))


def _namespaces() -> list[str]:
    """Where the threads of this process are; a thread that stays would work astray."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        try:
            found.append(os.readlink(task / "ns/net"))
        except FileNotFoundError:
            continue  # the thread has ended
    return found
