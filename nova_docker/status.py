"""``nova-docker-status upgrade check``: whether this host can run instances.

Run it on the compute host, as the user of nova-compute and with the files that
nova-compute reads, before the service is started or upgraded.
"""

from collections.abc import Callable
import ctypes
import importlib
import importlib.util
import os
import platform
import shlex
import socket
import stat
import sys
import typing as ty
from urllib import parse

import nova
from nova import utils as nova_utils
import nova.conf
import os_vif
from oslo_config import cfg
from oslo_privsep import priv_context
from oslo_upgradecheck import upgradecheck
from vif_plug_ovs import privsep as os_vif_privileged

from nova_docker import conf
from nova_docker import credentials
from nova_docker import exception
from nova_docker import privileged
from nova_docker.engine import client
from nova_docker.translate import engines
from nova_docker.translate import sandbox

CONF = nova.conf.CONF
conf.register_opts(CONF)

Code = upgradecheck.Code
Result = upgradecheck.Result
# adjtimex(2): the clock is not synchronised.
_TIME_ERROR = 5
# More than the kernel's struct timex has on any architecture.
_TIMEX_BYTES = 512


class Checks(upgradecheck.UpgradeCommands):
    """Each check looks at one thing and says how to mend it."""

    def __init__(self) -> None:
        super().__init__()
        self._engine: client.Engine | None = None

    # Nova ------------------------------------------------------------------------

    def _nova(self) -> Result:
        """An editable Nova beside our package in nova/virt loses its own files."""
        if nova.__file__ is None:
            return Result(Code.FAILURE, 'nova is a namespace package: another distribution hides '
                          'it. Install Nova as a wheel, not editable, beside nova-docker.')
        if importlib.util.find_spec('nova.virt.docker') is None:
            return Result(Code.FAILURE, 'nova.virt.docker cannot be imported: install nova-docker '
                          f'in the environment of Nova ({sys.prefix}).')
        if CONF.compute_driver != 'docker.DockerDriver':
            return Result(Code.WARNING, f'[DEFAULT]/compute_driver is {CONF.compute_driver!r}. '
                          'Set it to docker.DockerDriver, and check that --config-file names '
                          'the file that nova-compute reads.')
        return Result(Code.SUCCESS)

    def _secrets(self) -> Result:
        """Whoever reads these files can act as Nova, or as root on the engine."""
        options = ('tls_key_file', 'registry_auth_file')
        paths = [*CONF.config_file, *(getattr(CONF.docker, name, None) for name in options)]
        exposed = [path for path in paths if path and os.path.exists(path)
                   and os.stat(path).st_mode & stat.S_IROTH]
        if exposed:
            return Result(Code.WARNING, f'everybody can read {", ".join(exposed)}: make the '
                          'group that of nova-compute\'s user, and the mode 0640.')
        try:
            credentials.check()
        except exception.CredentialsUnusable as e:
            return Result(Code.FAILURE, str(e))
        return Result(Code.SUCCESS)

    def _state(self) -> Result:
        """nova-compute writes there which host it is; the default is in Nova's package."""
        if not os.access(CONF.state_path, os.W_OK):
            return Result(Code.FAILURE, f'this user may not write to {CONF.state_path}, or it '
                          'is missing: set [DEFAULT]/state_path to a folder of the user of '
                          'nova-compute, for instance /var/lib/nova.')
        return Result(Code.SUCCESS, CONF.state_path)

    # The engine ------------------------------------------------------------------

    def _connection(self) -> Result:
        engine = client.from_configuration(CONF)
        try:
            engine.connect()
            reason = engines.unfit(engine.version())
        except exception.EngineError as e:
            return Result(Code.FAILURE, f'{str(e).rstrip(".")}. Check that dockerd runs, '
                          f'[docker]/engine_url, and that the user of nova-compute is in the '
                          f'group of its socket.')
        if reason:
            return Result(Code.FAILURE, f'{CONF.docker.engine_url}: {reason}.')
        self._engine = engine
        version = '.'.join(str(number) for number in engine.api_version)
        return Result(Code.SUCCESS, f'{CONF.docker.engine_url}, API {version}')

    def _of_engine(self, check: Callable[[client.Engine], Result]) -> Result:
        if self._engine is None:
            return Result(Code.WARNING, 'not checked, because the engine does not answer.')
        try:
            return check(self._engine)
        except exception.EngineError as e:
            return Result(Code.FAILURE, str(e))

    def _cgroups(self) -> Result:
        def check(engine: client.Engine) -> Result:
            info = engine.info()
            lacking = [name for name in ('MemoryLimit', 'SwapLimit', 'PidsLimit', 'CpuCfsQuota')
                       if info.get(name) is False]
            version = f'cgroup version {info.get("CgroupVersion", "1")}'
            if lacking:
                return Result(Code.WARNING, f'{version}: the kernel cannot limit '
                              f'{", ".join(lacking)}, so flavors do not. Boot with '
                              f'"cgroup_enable=memory swapaccount=1", or enable the controller.')
            return Result(Code.SUCCESS, version)
        return self._of_engine(check)

    def _image_store(self) -> Result:
        def check(engine: client.Engine) -> Result:
            if engines.has_containerd_store(engine.info()):
                return Result(Code.WARNING, 'the engine names images by their manifests '
                              '(containerd-snapshotter), and the driver does not: set '
                              '"features": {"containerd-snapshotter": false} in daemon.json, '
                              'restart the engine.')
            return Result(Code.SUCCESS)
        return self._of_engine(check)

    def _sandbox(self) -> Result:
        def check(engine: client.Engine) -> Result:
            configured = CONF.docker.sandbox_image
            if not configured:
                if platform.machine() in sandbox.supported_architectures():
                    return Result(Code.SUCCESS)
                return Result(Code.FAILURE, f'the driver has no sandbox for '
                              f'{platform.machine()}: name one in [docker]/sandbox_image.')
            try:
                engine.inspect_image(configured)
            except exception.EngineImageNotFound:
                return Result(Code.FAILURE, f'the engine has no image {configured}, which '
                              f'[docker]/sandbox_image names: docker pull {configured}')
            return Result(Code.SUCCESS, configured)
        return self._of_engine(check)

    def _disk_quota(self) -> Result:
        def check(engine: client.Engine) -> Result:
            info = engine.info()
            details = dict(info.get('DriverStatus') or ())
            storage = info['Driver']
            if storage in ('btrfs', 'zfs') or (
                    storage == 'overlay2' and details.get('Backing Filesystem') == 'xfs'):
                return Result(Code.SUCCESS, storage)
            return Result(Code.WARNING, f'the storage driver {storage} cannot limit a container\'s '
                          f'disk: root_gb counts in Placement only. Move the engine\'s data to '
                          f'btrfs, or to xfs mounted with pquota.')
        return self._of_engine(check)

    # The network -------------------------------------------------------------------

    def _helper(self, context: ty.Any, section: str) -> Result:
        # As nova-compute does: without a helper_command of its own by Nova's rootwrap.
        priv_context.init(root_helper=shlex.split(nova_utils.get_root_helper()))
        try:
            context.start()
        except Exception as e:  # noqa: BLE001  whatever keeps the helper from starting is the result
            command, _, _ = shlex.join(context.helper_command('')).partition(' --privsep_context')
            return Result(Code.FAILURE, f'its helper does not start ({e}). Run this check as the '
                          f'user of nova-compute, see [{section}]/helper_command and what sudo '
                          f'or rootwrap allow. Its command: {command}')
        context.stop()
        return Result(Code.SUCCESS)

    def _privileged(self) -> Result:
        return self._helper(privileged.context, 'nova_docker_privileged')

    def _os_vif(self) -> Result:
        os_vif.initialize()
        return self._helper(os_vif_privileged.vif_plug, 'vif_plug_ovs_privileged')

    def _switch(self) -> Result:
        os_vif.initialize()  # registers its options
        where = CONF.os_vif_ovs.ovsdb_connection
        try:
            _connect(where)
        except OSError as e:
            return Result(Code.FAILURE, f'nobody answers at {where}, [os_vif_ovs]/ovsdb_connection '
                          f'({e}). Start Open vSwitch, and Neutron\'s agent, which opens that '
                          f'port; or "ovs-vsctl set-manager ptcp:6640:127.0.0.1".')
        return Result(Code.SUCCESS, where)

    # The host ------------------------------------------------------------------------

    def _clock(self) -> Result:
        """Nova takes a host whose clock is behind for dead, and tokens for expired."""
        if ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)) == _TIME_ERROR:
            return Result(Code.WARNING, 'the kernel does not know of any synchronisation of its '
                          'clock. Install chrony, unless the hypervisor keeps the time.')
        return Result(Code.SUCCESS)

    _upgrade_checks = (
        ('Nova and nova.virt.docker', _nova),
        ('Files with secrets', _secrets),
        ('Folder of nova-compute', _state),
        ('Docker engine', _connection),
        ('Limits of the kernel', _cgroups),
        ('Image store', _image_store),
        ('Sandbox image', _sandbox),
        ('Disk quota', _disk_quota),
        ('Privileged helper', _privileged),
        ('Privileged helper of os-vif', _os_vif),
        ('Open vSwitch', _switch),
        ('Clock', _clock),
    )


def _connect(where: str) -> None:
    """Open and close a connection of Open vSwitch's notation.

    :raises OSError: nobody answers
    """
    kind, _, address = where.partition(':')
    if kind == 'unix':
        with socket.socket(socket.AF_UNIX) as stream:
            stream.connect(address)
        return
    target = parse.urlsplit(f'//{address}')
    with socket.create_connection((target.hostname or '', target.port or 0), timeout=10):
        return


def main() -> int:
    """:returns: 0 all well, 1 warnings, 2 failures, 255 not checked, as every OpenStack
    status command
    """
    try:
        return upgradecheck.main(CONF, project='nova', upgrade_command=Checks(), argv=sys.argv[1:])
    except cfg.Error as e:
        sys.stderr.write(f'nova-docker-status: {e}\nRun it as the user of nova-compute, and name '
                         f'the files that nova-compute reads with --config-file.\n')
        return 255
