"""What Tempest is told about the all-in-one cloud.

https://docs.openstack.org/tempest/latest/sampleconf.html
"""

from collections.abc import Mapping
import configparser
from pathlib import Path
import subprocess
from typing import Any

import openstack

FEATURES = Path(__file__).resolve().parents[2] / 'tools/tempest-features'
# What is not there says so in Tempest's report, instead of failing.
ABSENT = ('cinder', 'swift', 'horizon', 'heat')
PRESENT = ('nova', 'glance', 'neutron')


def options(facts: Mapping[str, Any], folder: Path) -> dict[str, dict[str, str]]:
    """Section -> option -> value.

    :param facts: what tools/quickstart says of its cloud
    :param folder: where Tempest may write
    """
    region = openstack.config.OpenStackConfig(
        config_files=[facts['clouds']], load_envvars=False).get_one('aio-admin')
    admin = region.get_auth_args()
    found = {
        'DEFAULT': {'log_file': str(folder / 'tempest.log')},
        'oslo_concurrency': {'lock_path': str(folder / 'locks')},
        'auth': {'admin_username': admin['username'], 'admin_password': admin['password'],
                 'admin_project_name': admin['project_name'], 'admin_domain_name': 'Default'},
        'identity': {'uri_v3': admin['auth_url'], 'auth_version': 'v3', 'region': 'RegionOne',
                     'v3_endpoint_type': 'public'},
        'service_available': {**dict.fromkeys(ABSENT, 'false'), **dict.fromkeys(PRESENT, 'true')},
        **_resources(openstack.connection.Connection(config=region)),
    }
    for section, option, value in features():
        found.setdefault(section, {})[option] = value
    return found


def _resources(cloud: Any) -> dict[str, dict[str, str]]:
    """What tools/quickstart has made for users, by id."""
    with cloud:
        public = cloud.network.find_network('public', ignore_missing=False)
        images = [cloud.image.find_image(name, ignore_missing=False).id
                  for name in ('dropbear', 'dropbear-archive')]
        flavors = [cloud.compute.find_flavor(name, ignore_missing=False).id
                   for name in ('m1.nano', 'm1.tiny')]
    return {
        'compute': {'image_ref': images[0], 'image_ref_alt': images[1],
                    'flavor_ref': flavors[0], 'flavor_ref_alt': flavors[1],
                    'min_compute_nodes': '1', 'max_microversion': 'latest',
                    'build_timeout': '120', 'fixed_network_name': 'private',
                    'compute_volume_common_az': ''},
        'image': {'disk_formats': 'raw', 'container_formats': 'docker,bare'},
        'network': {'public_network_id': public.id, 'floating_network_name': public.name,
                    'project_network_cidr': '10.100.0.0/16'},
        'network-feature-enabled': {'floating_ips': 'true', 'port_security': 'true',
                                    'ipv6_subnet_attributes': 'true'},
        # [api]/dhcp_domain of the cloud
        'compute-feature-enabled': {'dhcp_domain': '.aio.test'},
        'validation': {'run_validation': 'true', 'connect_method': 'floating',
                       'auth_method': 'keypair', 'validation_timeout': '120'},
    }


def features() -> list[tuple[str, str, str]]:
    """What the driver can do: (section, option, value), the same as in DevStack."""
    lines = subprocess.check_output([FEATURES], text=True).splitlines()
    return [(words[0], words[1], words[2]) for words in (line.split(None, 2) for line in lines)]


def write(target: Path, sections: Mapping[str, Mapping[str, str]]) -> None:
    """As tempest.conf; it has a password in it."""
    parser = configparser.RawConfigParser(default_section='DEFAULT')
    parser.read_dict(sections)
    target.touch(mode=0o600)
    with target.open('w') as out:
        parser.write(out)
