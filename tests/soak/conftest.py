"""Long runs against the all-in-one cloud: the cloud tests' users and leak check."""

from tests.cloud.conftest import admin
from tests.cloud.conftest import agent
from tests.cloud.conftest import compute
from tests.cloud.conftest import facts
from tests.cloud.conftest import nothing_left
from tests.cloud.conftest import tenant

__all__ = ['admin', 'agent', 'compute', 'facts', 'nothing_left', 'tenant']
