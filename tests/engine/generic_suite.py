"""Nova's own suite for drivers, run by ``test_generic_suite`` in a process of its own.

Nova's test base class patches much of the process it is imported into.
"""

import os
from typing import Any
from unittest import mock
import warnings

import docker
from nova import exception as nova_exception
from nova import objects
from nova import test
import nova.conf
from nova.tests.fixtures import glance as glance_fixture
from nova.tests.unit.virt import test_virt_drivers
from nova.virt import driver as nova_virt_driver
from sqlalchemy.exc import SADeprecationWarning

from nova_docker import driver as docker_driver
from nova_docker import privileged
from nova_docker.translate import naming
from tests.engine import cloud
from tests.engine import instances

CONF = nova.conf.CONF
# The one image that Nova's suite boots.
SUITE_IMAGE = "cedef40a-ed67-4d10-800e-17455edce175"
CALLED = os.environ.get("NOVA_DOCKER_TEST_CALLED", "")


def boring(context: Any, image_id: str, data: Any, trusted_certs: Any = None) -> None:
    """Whatever image the suite boots, it is one that waits."""
    image = instances.busybox()
    # The suite sets a password.
    image.files["etc/shadow"] = b"root:*:20000:0:99999:7:::\n"
    data.write(image.archive())


def update(self: Any, context: Any, image_id: str, metadata: dict[str, Any], data: Any = None,
           **kwargs: Any) -> None:
    """Nova's stand-in for Glance reads no data."""
    size = 0
    while piece := data.read(65536):
        size += len(piece)
    self.images[image_id].update(metadata, size=size)


class Recorder:
    """Writes down the methods of the driver that the suite calls."""

    def __init__(self, driver: nova_virt_driver.ComputeDriver) -> None:
        self._driver = driver

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._driver, name)
        if CALLED and callable(found):
            with open(CALLED, "a", encoding="ascii") as f:
                f.write(name + "\n")
        return found


class DockerConnTestCase(test_virt_drivers._VirtDriverTestCase, test.TestCase):
    """The suite, against the engine of the environment."""

    driver_module = "nova.virt.docker.DockerDriver"

    def setUp(self) -> None:
        objects.register_all()
        privileged.context.set_client_mode(False)
        docker_driver.conf.register_opts(CONF)
        self.flags(host=f"engine-test-generic-{os.getpid()}", my_ip="127.0.0.1")
        self.flags(group="docker", engine_url=os.environ["NOVA_DOCKER_TEST_ENGINE"])
        switch = cloud.Switch()
        missing = nova_exception.ComputeHostNotFound(host="any")
        self.enterContext(switch.installed())
        self.enterContext(mock.patch(
            "nova.image.glance.API.download", mock.Mock(side_effect=boring)))
        self.enterContext(mock.patch.object(
            objects.Service, "get_by_compute_host", side_effect=missing))
        self.enterContext(mock.patch.object(
            objects.InstanceList, "get_by_host",
            return_value=objects.InstanceList(objects=[])))
        self.enterContext(mock.patch.object(glance_fixture.GlanceFixture, "update", update))
        super().setUp()
        # Nova makes errors of them; the installed SQLAlchemy has more than Nova knows.
        warnings.simplefilter("ignore", SADeprecationWarning)
        driver = self.connection
        driver.init_host(CONF.host)
        self.connection = Recorder(driver)
        self.addCleanup(self._remove_everything, driver)

    def test_migrate_disk_and_power_off(self) -> None:
        """Nova's own names a host that is another's."""
        instance, network_info = self._get_running_instance()
        self.connection.migrate_disk_and_power_off(
            self.ctxt, instance, CONF.my_ip, instance.flavor, network_info)

    def test_live_migration(self) -> None:
        self.skipTest("the driver does not offer it yet, and this test does not allow that")

    def test_live_migration_force_complete(self) -> None:
        self.skipTest("it reaches into an attribute that only libvirt's driver has")

    def _remove_everything(self, driver: Any) -> None:
        for uuid in driver.list_instance_uuids():
            instance = instances.instance(uuid=uuid)
            driver.destroy(self.ctxt, instance, instances.network())
        api = docker.APIClient(CONF.docker.engine_url, version="auto")
        for image in api.images(naming.GLANCE_REPOSITORY):
            for tag in image["RepoTags"] or ():
                if SUITE_IMAGE in tag:
                    api.remove_image(tag)
        driver.cleanup_host(CONF.host)
