"""What keeps the containers of an instance: containerd's shims."""

from pathlib import Path
import re

from nova_docker.translate import naming
from tests.engine import instances


def parent(pid):
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(re.search(r"^PPid:\s+(\d+)", status, re.MULTILINE)[1])


def test_both_containers_have_one_shim_where_the_engine_can_share_it(boots, api):
    instance = boots.archive(instances.busybox())
    shims = {parent(api.inspect_container(name(instance.uuid))["State"]["Pid"])
             for name in (naming.sandbox_name, naming.workload_name)}
    api_version = tuple(map(int, api.api_version.split(".")))
    assert len(shims) == (1 if api_version >= (1, 43) else 2)
