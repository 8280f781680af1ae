"""The identity service's content: service users, endpoints, limits, and the demo project."""

import hashlib
from pathlib import Path
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

# How many images a project may have, how many of them on their way, and MiB of all.
IMAGE_LIMITS = {'image_count_total': 1000, 'image_count_uploading': 100,
                'image_size_total': 1 << 20, 'image_stage_total': 1 << 20}


def version() -> str:
    """Changes with this file."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]


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
    _limit_images(identity, roles['reader'])
    demo = _project(identity, 'demo')
    user = _user(identity, 'demo', credentials.demo_password)
    for role in ('member', 'reader'):
        identity.assign_project_role_to_user(demo, user, roles[role])


def _limit_images(identity: Any, reader: Any) -> None:
    """Glance refuses every image as long as there are no limits."""
    glance = identity.find_user('glance', domain_id='default')
    identity.assign_system_role_to_user(glance, reader, 'all')  # it reads the limits
    service = next(identity.services(type='image'))
    known = {limit.resource_name for limit in identity.registered_limits(service_id=service.id)}
    for name, limit in IMAGE_LIMITS.items():
        if name not in known:
            identity.create_registered_limit(service_id=service.id, region_id='RegionOne',
                                             resource_name=name, default_limit=limit)


def _project(identity: Any, name: str) -> Any:
    return identity.find_project(name, domain_id='default') or \
        identity.create_project(name=name, domain_id='default')


def _user(identity: Any, name: str, password: str) -> Any:
    return identity.find_user(name, domain_id='default') or \
        identity.create_user(name=name, password=password, domain_id='default')
