"""What a user expects to find: flavors, networks, security group rules, images.

Everything is looked for by name first, so a second run makes only what is missing.
"""

from ipaddress import ip_network
from pathlib import Path
from typing import Any

from aio import catalogue
from aio import external
from aio import images
from aio import wait
from aio.layout import Layout

# Name -> (id, vCPUs, MiB of memory, GiB of disk).  Not 0 GiB: by Nova's default
# policy only administrators may boot such a flavor from an image.
FLAVORS = {
    'm1.nano': ('42', 1, 64, 1),
    'm1.tiny': ('1', 1, 128, 1),
    'm1.small': ('2', 1, 512, 1),
    'm1.medium': ('3', 2, 1024, 2),
}
# Name -> (address range, gateway).
NETWORKS = {
    'private': ('10.10.0.0/20', '10.10.0.1'),
    'private2': ('10.20.0.0/20', '10.20.0.1'),
}
EXTERNAL_NETWORK = 'public'
# Joins the networks above to the external one.
ROUTER = 'router1'
# Protocol, lowest and highest port.
RULES = (('icmp', None, None), ('tcp', 22, 22), ('tcp', 80, 80))

# Glance image -> (image of the index or name of its archive, further properties).
INDEX_IMAGES = {
    'nginx': ('nginx', {}),
    'dropbear': ('dropbear', {}),
    'busybox-index': ('busybox', {'os_command_line': '/bin/idle'}),
}
ARCHIVES = {
    'busybox': ('busybox', {'os_command_line': '/bin/idle'}),
    'dropbear-archive': ('dropbear', {}),
}
# Glance refuses to activate an image that has no data.
STUB = b'This image is in a registry; see its property docker_image.\n'


def ensure(layout: Layout, admin: Any, demo: Any, prefix: str) -> None:
    """Make what is missing.

    :param prefix: what the engine needs before the name of an image in our registry
    """
    flavors(admin)
    networks(admin)
    router(admin, external_network(admin))
    for connection in (admin, demo):
        rules(connection)
    for name, (reference, properties) in INDEX_IMAGES.items():
        image(admin, name, STUB, {'docker_image': f'{prefix}{reference}', **properties})
    for name, (archive, properties) in ARCHIVES.items():
        image(admin, name, images.archive(layout, archive), properties)


def flavors(admin: Any) -> None:
    present = {flavor.name for flavor in admin.compute.flavors()}
    for name, (identity, vcpus, memory, disk) in FLAVORS.items():
        if name not in present:
            admin.compute.create_flavor(name=name, id=identity, vcpus=vcpus, ram=memory,
                                        disk=disk)


def networks(admin: Any) -> None:
    """Networks that every project may use, with DHCP, which also serves metadata."""
    for name, (cidr, gateway) in NETWORKS.items():
        network = admin.network.find_network(name) or \
            admin.network.create_network(name=name, is_shared=True)
        subnet = admin.network.find_subnet(f'{name}-v4') or admin.network.create_subnet(
            name=f'{name}-v4', network_id=network.id, ip_version=4, cidr=cidr,
            gateway_ip=gateway, enable_dhcp=True)
        if subnet.gateway_ip != gateway:
            give_gateway(admin, subnet, gateway)


def give_gateway(admin: Any, subnet: Any, gateway: str) -> None:
    """For a cloud of the time before there was a router, whose DHCP port may have the
    gateway's address; its agent makes another one."""
    for port in admin.network.ports(network_id=subnet.network_id, device_owner='network:dhcp'):
        admin.network.delete_port(port)
    hosts = ip_network(subnet.cidr)
    admin.network.update_subnet(
        subnet, gateway_ip=gateway,
        allocation_pools=[{'start': f'{hosts[2]}', 'end': f'{hosts[-2]}'}])


def external_network(admin: Any) -> Any:
    """The network of floating IPs, whose gateway is this machine."""
    name = EXTERNAL_NETWORK
    network = admin.network.find_network(name) or admin.network.create_network(
        name=name, is_router_external=True, provider_network_type='flat',
        provider_physical_network=external.PHYSICAL_NETWORK)
    if not admin.network.find_subnet(f'{name}-v4'):
        admin.network.create_subnet(
            name=f'{name}-v4', network_id=network.id, ip_version=4, enable_dhcp=False,
            cidr=str(external.ADDRESS.network), gateway_ip=str(external.ADDRESS.ip))
    return network


def router(admin: Any, outside: Any) -> None:
    """A router with a foot in every network."""
    found = admin.network.find_router(ROUTER) or admin.network.create_router(
        name=ROUTER, external_gateway_info={'network_id': outside.id})
    joined = {port.network_id for port in admin.network.ports(device_id=found.id)}
    for name in NETWORKS:
        subnet = admin.network.find_subnet(f'{name}-v4')
        if subnet.network_id not in joined:
            admin.network.add_interface_to_router(found, subnet=subnet.id)


def router_address(admin: Any) -> str:
    """The router's address on the external network."""
    found = admin.network.find_router(ROUTER, ignore_missing=False)
    return str(found.external_gateway_info['external_fixed_ips'][0]['ip_address'])


def rules(connection: Any) -> None:
    """Let the demo's ping and page, and ssh, into the project's default group."""
    project = connection.current_project_id
    group = next(group for group in connection.network.security_groups(project_id=project)
                 if group.name == 'default')
    present = {(rule.protocol, rule.port_range_min, rule.port_range_max)
               for rule in connection.network.security_group_rules(security_group_id=group.id)
               if rule.direction == 'ingress' and rule.remote_group_id is None}
    for protocol, low, high in RULES:
        if (protocol, low, high) not in present:
            connection.network.create_security_group_rule(
                security_group_id=group.id, direction='ingress', ether_type='IPv4',
                protocol=protocol, port_range_min=low, port_range_max=high)


def image(admin: Any, name: str, source: bytes | Path, properties: dict[str, str]) -> None:
    """Upload an image unless an equal one is there.

    It asks for a host with the Docker driver, of which a cloud may have others, too.

    :param source: the content, or the file that holds it
    """
    wanted = {'img_hv_type': 'docker', **properties, 'aio_content': catalogue.version()}
    present = admin.image.find_image(name)
    if present and present.status == 'active' and all(
            present.properties.get(key, getattr(present, key, None)) == value
            for key, value in wanted.items()):
        return
    if present:
        admin.image.delete_image(present)
    made = admin.image.create_image(
        name=name, container_format='docker', disk_format='raw', visibility='public',
        validate_checksum=False, **wanted,
        **({'data': source} if isinstance(source, bytes) else {'filename': str(source)}))
    wait.until(lambda: admin.image.get_image(made.id).status == 'active',
               f'the image {name} does not become active', seconds=60)


def delete_servers(admin: Any) -> int:
    """Delete every server of every project and wait until they are gone.  How many."""
    found = list(admin.compute.servers(all_projects=True, details=False))
    for server in found:
        admin.compute.delete_server(server, ignore_missing=True)
    wait.until(lambda: not list(admin.compute.servers(all_projects=True, details=False)),
               'the servers are not deleted', seconds=120, pause=0.3,
               fix='openstack server list --all-projects, and look into nova-compute.log')
    return len(found)
