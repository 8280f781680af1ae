"""nova-compute starts beside healthy instances, and none of them loses a packet.

HEALTHY says how many there are (4).
"""

import os
import re
import subprocess

import nova.conf

from nova_docker import driver as nova_driver
from tests.engine import cloud
from tests.engine import instances
from tests.engine.test_interfaces import boot
from tests.engine.test_interfaces import index_of

CONF = nova.conf.CONF
INSTANCES = int(os.environ.get("HEALTHY", "4"))
SECONDS = 3 + INSTANCES // 3


def ping(address: str) -> subprocess.Popen[str]:
    """Five packets a second, for as long as the start may take."""
    return subprocess.Popen(["ping", "-q", "-i", "0.2", "-c", str(5 * SECONDS), address],
                            stdout=subprocess.PIPE, text=True)


def start_again(wanted: list[tuple[object, object]]) -> None:
    """What Nova's compute manager does when it starts."""
    with cloud.quiet_nova():
        driver = nova_driver.DockerDriver(cloud.WiredAtOnce())
        driver.init_host(CONF.host)
        for instance, vif in wanted:
            driver.plug_vifs(instance, instances.network(vif))
        driver.cleanup_host(CONF.host)


def test_healthy_instances_lose_no_packet(boots):
    made = []
    for n in range(INSTANCES):
        vif = instances.vif(instances.subnet(f"10.198.{n}.0/24", f"10.198.{n}.5", None))
        made.append((boot(boots, vif), vif))
        # This machine is the neighbour, in the place of a switch.
        subprocess.run(["ip", "addr", "add", f"10.198.{n}.1/24", "dev", vif["devname"]],
                       check=True)
    indexes = [index_of(vif) for _, vif in made]
    pings = [ping(f"10.198.{n}.5") for n in range(INSTANCES)]
    start_again(made)
    assert all(process.poll() is None for process in pings), "the start outlasted the pings"
    said = [process.communicate()[0] for process in pings]
    assert [re.findall(r"[\d.]+% packet loss", text) for text in said] == [
        ["0% packet loss"]] * INSTANCES
    assert [index_of(vif) for _, vif in made] == indexes
