"""Two operations at once on one server, drawn by lot, end in a legal state.

SOAK_MINUTES says how long (3), SOAK_SEED which lots.
"""

from concurrent import futures
import os
import random
import re
import time
from typing import Any

from openstack import exceptions

from tests.cloud import user
from tests.soak import invariants
from tests.soak import operations

MINUTES = float(os.environ.get('SOAK_MINUTES', '3'))
SEED = int(os.environ.get('SOAK_SEED', str(int(time.time()))))
PAIRS_PER_SERVER = 4
# Those first, of which one is known to have gone wrong somewhere.
FIRST = (('delete', 'snapshot'), ('reboot hard', 'attach'), ('resize', 'console'),
         ('snapshot', 'rebuild'), ('delete', 'rescue'), ('detach', 'reboot soft'))


def attempt(tenant: user.User, server: Any, name: str) -> str:
    """What the API answered: it may refuse, but it may not fail."""
    try:
        operations.ALL[name](tenant, server)
    except exceptions.HttpException as error:
        # Two requests that Nova's API lets through at once: the second loses in the
        # database, and some of its calls have no 409 for that.
        lost = re.search(r'nova\.exception\w*\.(Unexpected\w*TaskStateError|InstanceNotFound)',
                         str(error))
        assert lost or error.status_code in {400, 403, 404, 409}, f'{name}: {error}'
        return f'{name}: {error.status_code}'
    return f'{name}: taken'


def settled(admin: user.User, server: Any) -> bool:
    try:
        full = admin.api.compute.get_server(server.id)
    except exceptions.NotFoundException:
        return True
    return not full.task_state and full.status not in {'SHELVED', 'BUILD'}


def consistent(admin: user.User, server: Any) -> bool:
    return settled(admin, server) and not invariants.broken(admin, server.id)


def test_random_pairs(tenant: user.User, admin: user.User) -> None:
    lots = random.Random(SEED)
    end = time.monotonic() + MINUTES * 60
    rounds = 0
    waiting = [list(pair) for pair in FIRST]
    with futures.ThreadPoolExecutor(2) as pool:
        while time.monotonic() < end:
            server = tenant.boot(f'soak-{rounds}', 'busybox')
            for _ in range(PAIRS_PER_SERVER):
                pair = waiting.pop(0) if waiting else lots.choices(
                    list(operations.ALL), k=2)
                answers = list(pool.map(lambda name, s=server: attempt(tenant, s, name), pair))
                print(f'seed {SEED} round {rounds}: {", ".join(answers)}', flush=True)
                rounds += 1
                try:
                    user.wait_for('it settles', lambda s=server: consistent(admin, s))
                except AssertionError as error:
                    raise AssertionError(
                        f'seed {SEED}, {answers}: '
                        f'{invariants.broken(admin, server.id)}') from error
                if admin.api.compute.find_server(server.id, ignore_missing=True) is None:
                    break
            tenant.delete_server(server)
            assert not invariants.broken(admin, server.id)
    print(f'seed {SEED}: {rounds} pairs')
