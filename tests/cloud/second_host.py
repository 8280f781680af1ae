"""A second compute host beside that of the cloud, with Nova's fake driver."""

import json
from pathlib import Path
import subprocess
from typing import Any

from tests.cloud import user

HOST = 'fake-host'
CONFIG = f"""\
[DEFAULT]
host = {HOST}
compute_driver = fake.FakeDriverWithoutFakeNodes
state_path = {{state}}
instances_path = {{state}}/instances

[oslo_concurrency]
lock_path = {{state}}/lock
"""
# Says once that an Open vSwitch agent is alive, without which Neutron binds no port.
REPORT = """
import json, sys
from neutron.agent import rpc
from neutron.common import config
from neutron.conf.agent import common as agent_config
from neutron_lib import context
from neutron_lib.agent import topics
from oslo_config import cfg
agent_config.register_agent_state_opts_helper(cfg.CONF)
config.register_common_config_options()
config.init(sys.argv[1:])
rpc.PluginReportStateAPI(topics.REPORTS).report_state(
    context.get_admin_context_without_session(), json.load(sys.stdin), use_call=True)
"""
_AGENT = 'neutron-openvswitch-agent'


class SecondHost:
    """Its nova-compute; its instances are nothing but entries of a list."""

    def __init__(self, facts: dict[str, Any], admin: user.User, folder: Path) -> None:
        self._facts = facts
        self._admin = admin
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Until the scheduler can choose it."""
        subprocess.run(['chown', '-R', 'nova', self._folder], check=True)
        for folder in (self._folder, *self._folder.parents[:2]):
            folder.chmod(0o755)
        config = self._folder / 'nova-fake.conf'
        config.write_text(CONFIG.format(state=self._folder))
        nova = Path(self._facts['etc']) / 'nova'
        binaries = Path(self._facts['venv']) / 'bin'
        with (self._folder / 'log').open('w') as log:
            self._process = subprocess.Popen(
                [binaries / 'nova-compute', '--config-file', nova / 'nova-compute.conf',
                 '--config-file', config], user='nova', group='nova', cwd='/',
                env={'HOME': str(self._folder), 'PATH': '/usr/bin:/bin'}, stdout=log, stderr=log)
        user.wait_for('the fake host reports', lambda: [
            s for s in self._admin.api.compute.services(host=HOST) if s.state == 'up'])
        subprocess.run([binaries / 'nova-manage', '--config-file', nova / 'nova.conf',
                        'cell_v2', 'discover_hosts', '--by-service'], check=True,
                       capture_output=True)
        user.wait_for('it can be chosen', lambda: [
            h for h in self._admin.api.compute.hypervisors() if h.name == HOST])

    def have_ports_bound(self) -> None:
        """For a minute Neutron takes it for a host like that of the cloud."""
        model = next(iter(self._admin.api.network.agents(
            host=self._facts['host'], binary=_AGENT)))
        state = {'host': HOST, 'binary': _AGENT, 'agent_type': model.agent_type,
                 'topic': 'N/A', 'configurations': model.configuration, 'start_flag': True}
        etc = Path(self._facts['etc']) / 'neutron'
        subprocess.run(
            [Path(self._facts['venv']) / 'bin/python', '-c', REPORT,
             '--config-file', etc / 'neutron.conf'], input=json.dumps(state).encode(),
            check=True, capture_output=True)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(60)

    def forget(self) -> None:
        """End it, and have the cloud know nothing of it."""
        self.kill()
        for agent in self._admin.api.network.agents(host=HOST):
            self._admin.api.network.delete_agent(agent)
        for service in self._admin.api.compute.services(host=HOST):
            self._admin.api.compute.delete_service(service)
