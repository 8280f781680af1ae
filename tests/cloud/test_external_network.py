"""The world outside: floating IPs, and servers that instances reach through the router."""

from collections.abc import Iterator
import http.server
import threading
import urllib.error
import urllib.request

import pytest

from tests.cloud import machine_state
from tests.cloud import user
from tests.cloud.test_boot import inside

# This machine, on the external network.
OUTSIDE = '172.24.4.1'


def page(address: str) -> str:
    """What a browser on this machine would get; nothing when it gets nothing."""
    try:
        with urllib.request.urlopen(f'http://{address}/', timeout=1) as answer:
            return str(answer.read().decode())
    except (urllib.error.URLError, TimeoutError):
        return ''


def pings(address: str) -> bool:
    return ' 0% packet loss' in machine_state.run('ping', '-c', '1', '-W', '1', address,
                                                  check=False)


class _Callers(http.server.BaseHTTPRequestHandler):
    """Answers with the address that the request came from."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.client_address[0].encode())

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def server_outside() -> Iterator[int]:
    """A web server of this machine that tells who asks; its port."""
    with http.server.ThreadingHTTPServer((OUTSIDE, 0), _Callers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def fetched_inside(server: object, address: str, port: int) -> str:
    request = f'printf "GET / HTTP/1.0\\r\\n\\r\\n" | nc -w 3 {address} {port}'
    return inside(server, 'sh', '-c', request).splitlines()[-1]


def test_a_floating_ip_leads_to_its_server_and_can_be_moved(tenant: user.User) -> None:
    first, second = tenant.boot('first', 'nginx'), tenant.boot('second', 'busybox')
    floating = tenant.floating_ip(first)
    address = floating.floating_ip_address
    user.wait_for('it answers a ping', lambda: pings(address), timeout=20)
    user.wait_for('it serves the page', lambda: 'Served by nginx' in page(address), timeout=20)
    user.wait_for('Nova knows', lambda: address in tenant.addresses(first), timeout=20)
    tenant.api.network.update_ip(floating, port_id=tenant.port_of(second).id)
    user.wait_for('the other server answers',
                  lambda: pings(address) and not page(address), timeout=20)


def test_a_security_group_closes_a_floating_ip(tenant: user.User) -> None:
    closed = tenant.security_group('closed')
    server = tenant.boot('web', 'nginx')
    address = tenant.floating_ip(server).floating_ip_address
    user.wait_for('it serves the page', lambda: page(address), timeout=20)
    tenant.api.network.update_port(tenant.port_of(server), security_groups=[closed.id])
    user.wait_for('it is closed', lambda: not page(address) and not pings(address), timeout=20)
    tenant.api.network.create_security_group_rule(
        security_group_id=closed.id, direction='ingress', ether_type='IPv4', protocol='tcp',
        port_range_min=80, port_range_max=80, remote_ip_prefix=f'{OUTSIDE}/32')
    user.wait_for('it is open again', lambda: page(address), timeout=20)
    assert not pings(address)


def test_a_server_reaches_the_outside_as_the_router_or_its_floating_ip(
        tenant: user.User, admin: user.User, server_outside: int) -> None:
    server = tenant.boot('box', 'busybox')
    router = admin.api.network.find_router('router1', ignore_missing=False)
    translated = router.external_gateway_info['external_fixed_ips'][0]['ip_address']
    assert fetched_inside(server, OUTSIDE, server_outside) == translated
    floating = tenant.floating_ip(server).floating_ip_address
    user.wait_for('it is seen as its floating IP', lambda: floating == fetched_inside(
        server, OUTSIDE, server_outside), timeout=20)


def test_the_metadata_service_answers_from_the_dhcp_port_or_as_a_neighbour(
        tenant: user.User) -> None:
    server = tenant.boot('asker', 'busybox')
    assert '169.254.169.254' in inside(server, 'ip', 'route')
    request = ('printf "GET /latest/meta-data/hostname HTTP/1.0\\r\\n\\r\\n" '
               '| nc -w 5 169.254.169.254 80')
    assert 'asker' in inside(server, 'sh', '-c', request)
