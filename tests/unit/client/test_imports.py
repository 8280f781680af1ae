"""The client runs on the machine of a user, where there is no Nova."""

import subprocess
import sys
import tomllib

from tests import commands
from tests.unit.test_style import ROOT

# A module that is None cannot be imported.
LOAD = """
import sys
for name in ('nova', 'os_vif', 'oslo_concurrency', 'oslo_config', 'oslo_log', 'oslo_privsep',
             'pyroute2'):
    sys.modules[name] = None
import nova_docker.client.commands
print([name for name in sys.modules if name.startswith('nova_docker.')
       and not f'{name}.'.startswith('nova_docker.client.')])
"""


def test_neither_nova_nor_the_driver_is_imported():
    done = subprocess.run([sys.executable, "-c", LOAD], cwd=ROOT, check=True,
                          capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_openstackclient_is_told_of_every_command():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    told = project["entry-points"]["openstack.extension"]
    assert told == {f"docker_image_{name}": f"nova_docker.client.commands:{made.__name__}"
                    for name, made in commands.COMMANDS.items()}
