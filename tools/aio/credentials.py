"""The cloud's passwords: random, made once, readable by root alone."""

from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import fields
import json
import secrets

from aio.layout import Layout


@dataclass(frozen=True)
class Credentials:
    """One secret for each account, and what Neutron signs metadata requests with."""

    database_password: str
    rabbitmq_password: str
    admin_password: str
    demo_password: str
    nova_password: str
    placement_password: str
    glance_password: str
    neutron_password: str
    metadata_secret: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def ensure(layout: Layout) -> Credentials:
    """Read the credentials, or make them.

    They are made before anything uses them and never changed: databases and users
    of the identity service know them.
    """
    path = layout.etc / 'credentials.json'
    if not path.exists():
        fresh = {field.name: secrets.token_hex(16) for field in fields(Credentials)}
        draft = path.with_suffix('.new')
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(fresh, indent=2))
        draft.rename(path)
    return Credentials(**json.loads(path.read_text()))
