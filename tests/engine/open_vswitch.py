"""Open vSwitch with its real database, and ports that are nothing but names.

With ``--enable-dummy=override`` ovs-vswitchd touches nothing of the kernel, so it
runs beside another one, and whatever links there are come from os-vif and the driver.
"""

from collections.abc import Iterator
import contextlib
import os
from pathlib import Path
import subprocess
import tempfile

from tests import machine
from tests.engine import waiting

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
BRIDGE = "br-int"


class OpenVSwitch:
    """One switch, whose database and sockets are in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.connection = f"unix:{folder}/db.sock"
        self._folder = folder
        self._environment = {**os.environ, "OVS_RUNDIR": str(folder), "OVS_LOGDIR": str(folder)}

    def vsctl(self, *words: str) -> str:
        """What ``ovs-vsctl`` prints."""
        done = subprocess.run(
            ["ovs-vsctl", f"--db={self.connection}", "--timeout=10", *words],
            check=True, capture_output=True, text=True, env=self._environment)
        return done.stdout

    @property
    def ports(self) -> set[str]:
        """The ports of the integration bridge; none when there is no such bridge."""
        bridges = self.vsctl("list-br").split()
        return set(self.vsctl("list-ports", BRIDGE).split()) if BRIDGE in bridges else set()

    def neutron_port(self, name: str) -> str:
        """The Neutron port that one of its ports is."""
        return self.vsctl("get", "Interface", name, "external_ids:iface-id").strip().strip('"')

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Both daemons, from an empty database."""
        subprocess.run(["ovsdb-tool", "create", self._folder / "conf.db", SCHEMA], check=True)
        with contextlib.ExitStack() as daemons:
            daemons.enter_context(self._daemon(
                "ovsdb-server", f"--remote=p{self.connection}", str(self._folder / "conf.db")))
            waiting.until((self._folder / "db.sock").exists, seconds=10)
            self.vsctl("--no-wait", "init")
            daemons.enter_context(self._daemon(
                "ovs-vswitchd", "--enable-dummy=override", self.connection))
            yield

    @contextlib.contextmanager
    def _daemon(self, name: str, *arguments: str) -> Iterator[None]:
        log = f"--log-file={self._folder}/{name}.log"
        with subprocess.Popen(
                [name, f"--unixctl={self._folder}/{name}.ctl", log, *arguments],
                env=self._environment, stderr=subprocess.DEVNULL) as process:
            try:
                yield
            finally:
                process.kill()


@contextlib.contextmanager
def started() -> Iterator[OpenVSwitch]:
    """A switch that runs."""
    machine.require_program("ovs-vswitchd", package="openvswitch-switch")
    # A short path: the address of a Unix socket has 107 characters at the most.
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        switch = OpenVSwitch(Path(folder))
        with switch.running():
            yield switch
