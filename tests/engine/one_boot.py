"""One boot and its end in a process of its own, under the backend that its argument names.

Nova decides about eventlet before anything else is imported, so this is a program.
"""

import sys

from nova import monkey_patch

monkey_patch.patch(backend=sys.argv[1])

import os  # noqa: E402
import threading  # noqa: E402
from unittest import mock  # noqa: E402

from nova import objects  # noqa: E402
from nova.compute import power_state  # noqa: E402
import nova.conf  # noqa: E402
from nova.utils import concurrency_mode_threading  # noqa: E402

from nova_docker import driver as nova_driver  # noqa: E402
from nova_docker import privileged  # noqa: E402
from nova_docker.translate import naming  # noqa: E402
from tests.engine import cloud  # noqa: E402
from tests.engine import instances  # noqa: E402
from tests.engine import waiting  # noqa: E402

CONF = nova.conf.CONF


def boot_and_destroy(driver: nova_driver.DockerDriver, boots: cloud.Boots) -> None:
    heard: list[int] = []
    driver.register_event_listener(lambda event: heard.append(event.transition))
    network = instances.network(instances.vif())
    instance = boots.archive(instances.busybox(), network)
    assert driver.get_info(instance).state == power_state.RUNNING
    sys.stdout.write("running\n")
    driver._engine.stop_container(naming.workload_name(instance.uuid), 0)
    waiting.until(lambda: 1 in heard, seconds=3)
    sys.stdout.write("stopped\n")
    driver.destroy(boots.context, instance, network)
    driver._engine.remove_image(naming.private_tag(instance.uuid, "0" * 32))
    assert driver.list_instances() == []
    sys.stdout.write("gone\n")


def main() -> None:
    assert concurrency_mode_threading() == (sys.argv[1] == "threading")
    objects.register_all()
    CONF([], project="nova", default_config_files=[])
    CONF.set_override("host", f"engine-test-one-boot-{os.getpid()}")
    CONF.set_override("engine_url", os.environ["NOVA_DOCKER_TEST_ENGINE"], "docker")
    privileged.context.set_client_mode(False)
    switch, glance = cloud.Switch(), cloud.Glance()
    with (cloud.quiet_nova(), switch.installed(),
          mock.patch("nova.image.glance.API.download", glance.download)):
        driver = nova_driver.DockerDriver(cloud.WiredAtOnce())
        driver.init_host(CONF.host)
        boot_and_destroy(driver, cloud.Boots(driver, glance))
        driver.cleanup_host(CONF.host)
    assert not [t for t in threading.enumerate() if t.name == "docker-events"]


if __name__ == "__main__":
    main()
