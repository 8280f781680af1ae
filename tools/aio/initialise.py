"""Databases and their schemas, once, and again when the versions change.

A schema that was not completed is dropped and made anew: MariaDB cannot roll
back a migration that was interrupted.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aio import accounts
from aio import program
from aio import wait
from aio.credentials import Credentials
from aio.layout import Layout
from aio.layout import port
from aio.layout import SERVICE_USER
from aio.step import Failure

DATABASES = {
    'keystone': ('keystone',),
    'placement': ('placement',),
    'glance': ('glance',),
    'neutron': ('neutron',),
    'nova': ('nova_api', 'nova_cell0', 'nova'),
}


class Databases:
    """Makes the schemas of all services."""

    def __init__(self, layout: Layout, credentials: Credentials, venv: Path) -> None:
        self.layout = layout
        self.credentials = credentials
        self.venv = venv

    def ensure(self) -> None:
        """Make those that are missing, two at a time: each takes seconds of one processor."""
        work: dict[str, Callable[[], None]] = {
            'neutron': self._neutron, 'nova': self._nova, 'keystone': self._keystone,
            'glance': self._glance, 'placement': self._placement,
        }
        wait.until(self._answers, 'MariaDB does not answer', seconds=60,
                   log=self.layout.program_log('mariadb'))
        wanted = [name for name in work if not self._done(name)]
        if not wanted:
            return
        self.sql(f"CREATE USER IF NOT EXISTS 'openstack'@'127.0.0.1' IDENTIFIED BY "
                 f"'{self.credentials.database_password}';")
        with ThreadPoolExecutor(max_workers=2) as pool:
            for finished in [pool.submit(self._make, name, work[name]) for name in wanted]:
                finished.result()

    def sql(self, statements: str) -> None:
        """As MariaDB's root, over its socket.  Through stdin: arguments are public."""
        program.run(['mariadb', '--no-defaults', '-S', self.layout.data / 'mysql/mysqld.sock'],
                    stdin=statements, log=self._log('mariadb'))

    def _answers(self) -> bool:
        return program.succeeds(['mariadb-admin', '--no-defaults', '-S',
                                 self.layout.data / 'mysql/mysqld.sock', 'ping'], timeout=5)

    def _log(self, name: str) -> Path:
        return self.layout.log / f'initialise-{name}.log'

    def _marker(self, name: str) -> Path:
        return self.layout.marker(f'database-{name}')

    def _done(self, name: str) -> bool:
        marker = self._marker(name)
        return marker.exists() and marker.read_text() == self.venv.name

    def _make(self, name: str, migrate: Callable[[], None]) -> None:
        if not self._marker(name).exists():
            for database in DATABASES[name]:
                self.sql(f'DROP DATABASE IF EXISTS {database};'
                         f'CREATE DATABASE {database} CHARACTER SET utf8mb4;'
                         f"GRANT ALL ON {database}.* TO 'openstack'@'127.0.0.1';")
        migrate()
        self._marker(name).write_text(self.venv.name)

    def _run(self, name: str, *arguments: str | Path, env: dict[str, str] | None = None) -> None:
        command, *rest = arguments
        program.run([self.venv / 'bin' / command, *rest], log=self._log(name), env=env,
                    fix=f'tools/quickstart again; the database of {name} is made anew')

    def _keystone(self) -> None:
        config = ['--config-file', str(self.layout.etc / 'keystone/keystone.conf')]
        self._run('keystone', 'keystone-manage', *config, 'db_sync')
        owner = ['--keystone-user', SERVICE_USER, '--keystone-group', SERVICE_USER]
        accounts.folder(self.layout.data / 'keystone', SERVICE_USER).chmod(0o700)
        for setup in ('fernet_setup', 'credential_setup'):
            self._run('keystone', 'keystone-manage', *config, setup, *owner)
        self._run('keystone', 'keystone-manage', *config, 'bootstrap',
                  '--bootstrap-username', 'admin', '--bootstrap-project-name', 'admin',
                  '--bootstrap-role-name', 'admin', '--bootstrap-service-name', 'keystone',
                  '--bootstrap-region-id', 'RegionOne', '--bootstrap-public-url',
                  f'http://127.0.0.1:{port("keystone_port")}/v3',
                  env={'OS_BOOTSTRAP_PASSWORD': self.credentials.admin_password})

    def _placement(self) -> None:
        self._run('placement', 'placement-manage', '--config-file',
                  self.layout.etc / 'placement/placement.conf', 'db', 'sync')

    def _glance(self) -> None:
        self._run('glance', 'glance-manage', '--config-file',
                  self.layout.etc / 'glance/glance-api.conf', 'db_sync')

    def _neutron(self) -> None:
        etc = self.layout.etc / 'neutron'
        self._run('neutron', 'neutron-db-manage', '--config-file', etc / 'neutron.conf',
                  '--config-file', etc / 'plugins/ml2/ml2_conf.ini', 'upgrade', 'head')

    def _nova(self) -> None:
        self.nova_manage('api_db', 'sync')
        # Without --database_connection Nova derives it, suffix _cell0, from [database],
        # and no password appears among the arguments.
        self.nova_manage('cell_v2', 'map_cell0')
        self.nova_manage('db', 'sync')
        if 'cell1' not in program.output(
                [self.venv / 'bin/nova-manage', *self._nova_config(), 'cell_v2', 'list_cells'],
                timeout=60):
            self.nova_manage('cell_v2', 'create_cell', '--name', 'cell1')

    def _nova_config(self) -> list[str]:
        return ['--config-file', str(self.layout.etc / 'nova/nova.conf')]

    def nova_manage(self, *arguments: str) -> None:
        self._run('nova', 'nova-manage', *self._nova_config(), *arguments)

    def map_host(self, host: str) -> None:
        """Tell the cell database about the compute host, once it has reported itself."""
        marker = self.layout.marker(f'mapped-{host}')
        if marker.exists():
            return
        self.nova_manage('cell_v2', 'discover_hosts', '--by-service')
        if not host:
            raise Failure('the compute host has no name')
        marker.touch()
