"""The identity service's content: service users, endpoints, and the demo project."""

from typing import Any

from aio.credentials import Credentials
from aio.layout import port

# User -> service type and URL.
SERVICES = {
    'nova': ('compute', f'http://127.0.0.1:{port("nova_port")}/v2.1'),
    'placement': ('placement', f'http://127.0.0.1:{port("placement_port")}'),
    'glance': ('image', f'http://127.0.0.1:{port("glance_port")}'),
    'neutron': ('network', f'http://127.0.0.1:{port("neutron_port")}'),
}


def ensure(admin: Any, credentials: Credentials) -> None:
    """Make what is missing; any part of it may be there."""
    identity = admin.identity
    passwords = credentials.as_dict()
    roles = {role.name: role for role in identity.roles()}
    endpoints = {endpoint.service_id for endpoint in identity.endpoints()}
    services = {service.type: service for service in identity.services()}
    project = _project(identity, 'service')
    for name, (kind, url) in SERVICES.items():
        user = _user(identity, name, passwords[f'{name}_password'])
        for role in ('admin', 'service'):
            identity.assign_project_role_to_user(project, user, roles[role])
        service = services.get(kind) or identity.create_service(name=name, type=kind)
        if service.id not in endpoints:
            identity.create_endpoint(service_id=service.id, interface='public',
                                     region_id='RegionOne', url=url)
    demo = _project(identity, 'demo')
    user = _user(identity, 'demo', credentials.demo_password)
    for role in ('member', 'reader'):
        identity.assign_project_role_to_user(demo, user, roles[role])


def _project(identity: Any, name: str) -> Any:
    return identity.find_project(name, domain_id='default') or \
        identity.create_project(name=name, domain_id='default')


def _user(identity: Any, name: str, password: str) -> Any:
    return identity.find_user(name, domain_id='default') or \
        identity.create_user(name=name, password=password, domain_id='default')
