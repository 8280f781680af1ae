"""Stand-ins for the parts of a cloud that this layer does without."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
from typing import Any
from unittest import mock

import docker
from nova import context as nova_context
from nova import exception as nova_exception
from nova import objects
from nova.network import model
from nova.virt import virtapi

from nova_docker import driver as nova_driver
from nova_docker.translate import image as image_translation
from nova_docker.translate import naming
from tests import archives
from tests.engine import instances


class Switch:
    """Remembers the ports that os-vif was asked to take."""

    def __init__(self) -> None:
        self.ports: set[str] = set()
        self.plugs = 0

    def plug(self, vifs: Sequence[Any], instance: Any, make_links: Callable[[], None]) -> None:
        make_links()
        self.plugs += len(vifs)
        self.ports |= {vif.id for vif in vifs}

    def unplug(self, vif: Any, instance: Any) -> None:
        self.ports.discard(vif.id)

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        with (mock.patch("nova_docker.switch.plug", self.plug),
              mock.patch("os_vif.unplug", self.unplug)):
            yield


class WiredAtOnce(virtapi.VirtAPI):
    """Neutron has wired every port before anybody waits."""

    @contextlib.contextmanager
    def wait_for_instance_event(self, instance, event_names, timeout=300,
                                error_callback=None):
        yield

    def update_compute_provider_status(self, context, rp_uuid, enabled):
        pass


class Glance:
    """Images in memory, downloaded in pieces."""

    def __init__(self) -> None:
        self.images: dict[str, bytes] = {}
        self.downloads = 0

    def download(self, context: Any, image_id: str, data: Any,
                 trusted_certs: Any = None) -> None:
        self.downloads += 1
        for piece in archives.pieces(self.images[image_id]):
            data.write(piece)


@contextlib.contextmanager
def quiet_nova() -> Iterator[None]:
    """No database: no service record yet, and no instances on this host."""
    missing = nova_exception.ComputeHostNotFound(host="any")
    with (mock.patch.object(objects.Service, "get_by_compute_host", side_effect=missing),
          mock.patch.object(objects.InstanceList, "get_by_host",
                            return_value=objects.InstanceList(objects=[]))):
        yield


class Boots:
    """Boots instances from archives and references."""

    def __init__(self, driver: nova_driver.DockerDriver, glance: Glance) -> None:
        self.driver = driver
        self.glance = glance
        self.context = nova_context.get_admin_context()
        self.admin_password: str | None = None
        self.injected_files: list[tuple[str, bytes]] = []
        self._made: list[tuple[objects.Instance, model.NetworkInfo]] = []
        self._fetched: list[str] = []

    def archive(self, content: bytes | archives.Image, vifs: model.NetworkInfo | None = None,
                properties: dict[str, str] | None = None, **changes: Any) -> objects.Instance:
        """Boot an archive that is in Glance."""
        instance = instances.instance(properties, **changes)
        data = content if isinstance(content, bytes) else content.archive()
        self.glance.images[instance.uuid] = data
        self._fetched.append(f"{naming.GLANCE_REPOSITORY}:{instance.uuid}")
        return self._spawn(instance, instance.uuid, vifs, properties or {})

    def reference(self, reference: str, vifs: model.NetworkInfo | None = None,
                  **changes: Any) -> objects.Instance:
        """Boot an image of a registry."""
        properties = {image_translation.REFERENCE_PROPERTY: reference}
        instance = instances.instance(properties, **changes)
        self._fetched.append(reference)
        return self._spawn(instance, instance.uuid, vifs, properties)

    def _spawn(self, instance: objects.Instance, image_id: str,
               vifs: model.NetworkInfo | None, properties: dict[str, str]) -> objects.Instance:
        network_info = instances.network() if vifs is None else vifs
        self._made.append((instance, network_info))
        instance.image_ref = image_id
        self.driver.spawn(self.context, instance, instances.image_meta(image_id, **properties),
                          self.injected_files, self.admin_password, {}, network_info=network_info)
        return instance

    def clean_up(self, api: docker.APIClient) -> None:
        """Destroy the instances as Nova does; the engine keeps images, the test does not."""
        for instance, network_info in self._made:
            self.driver.destroy(self.context, instance, network_info)
        for image in api.images():
            # An image whose tag has moved is known by its digest.
            names = [*(image["RepoDigests"] or ()), *(image["RepoTags"] or ())]
            fetched = (*self._fetched,
                       *(name.rpartition(":")[0] + "@" for name in self._fetched))
            if any(name.startswith(fetched) for name in names):
                for name in names:
                    if name.startswith((*fetched, naming.PRIVATE_REGISTRY)):
                        api.remove_image(name)
