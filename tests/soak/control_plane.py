"""nova-api of the cloud, with other options for a while."""

from collections.abc import Iterator
import contextlib
from pathlib import Path
import subprocess
from typing import Any

from openstack import exceptions

from tests.cloud import user


class NovaApi:
    """Drives nova-api through the cloud's supervisor."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self._control = list(facts['supervisorctl'])
        self._configuration = Path(facts['etc']) / 'nova/nova.conf'

    @contextlib.contextmanager
    def amended(self, admin: user.User, text: str) -> Iterator[None]:
        """With more lines of configuration for a while."""
        before = self._configuration.read_text()
        try:
            self._configuration.write_text(f'{before}\n{text}')
            self._restart(admin)
            yield
        finally:
            self._configuration.write_text(before)
            self._restart(admin)

    def _restart(self, admin: user.User) -> None:
        subprocess.run([*self._control, 'restart', 'nova-api'], check=True, capture_output=True)

        def answers() -> bool:
            try:
                return bool(next(admin.api.compute.flavors(limit=1), None))
            except (exceptions.SDKException, OSError):
                return False
        user.wait_for('nova-api answers', answers)
