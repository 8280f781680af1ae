"""Connections to the cloud's APIs, as its users make them."""

import os
from typing import Any

import openstack

from aio.layout import Layout


def connect(layout: Layout, cloud: str) -> Any:
    """An openstacksdk connection.

    :param cloud: an entry of clouds.yaml, ``aio-admin`` or ``aio-demo``
    """
    config = openstack.config.OpenStackConfig(
        config_files=[str(layout.state / 'clouds.yaml')], load_envvars=False)
    return openstack.connection.Connection(config=config.get_one(cloud))


def client_environment(layout: Layout, project: str, password: str) -> dict[str, str]:
    """The environment that ``openrc`` makes, for running the command line clients."""
    mine = {key: value for key, value in os.environ.items() if not key.startswith('OS_')}
    return {
        **mine,
        'OS_AUTH_URL': 'http://127.0.0.1:5000/v3', 'OS_USERNAME': project,
        'OS_PASSWORD': password, 'OS_PROJECT_NAME': project, 'OS_USER_DOMAIN_NAME': 'Default',
        'OS_PROJECT_DOMAIN_NAME': 'Default', 'OS_REGION_NAME': 'RegionOne',
        'OS_IDENTITY_API_VERSION': '3', 'OS_INTERFACE': 'public', 'PYTHONWARNINGS': 'ignore',
    }
