"""NICs in the network namespaces of sandboxes.

With links.py, the only module that imports pyroute2.  It never uses ``IPRoute(netns=...)``,
which forks: in a process with several threads the child deadlocks now and
then.  A network namespace belongs to a thread, so a thread of its own enters
the namespace, makes its socket there, and ends.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
import contextlib
import ctypes
import ipaddress
import os
import socket
import threading
import typing as ty

import pyroute2
from pyroute2 import netlink

from nova_docker import exception
from nova_docker import privileged
from nova_docker.privileged import devices
from nova_docker.privileged import links

T = ty.TypeVar('T')
Nic = dict[str, ty.Any]
Route = tuple[str, str | None]  # destination, gateway; without one it is a neighbour

_CLONE_NEWNET = 0x40000000
_IFA_F_NODAD = 0x02
_IFA_F_PERMANENT = 0x80
_RT_SCOPE_UNIVERSE = 0
_RTPROT_STATIC = 4
# What we add carries these marks, which "ip" shows as "proto": so what a port has
# lost is told from what the instance's own programs have added.  Routes are what
# DHCP would have given.  Kernels before 5.18 keep no mark on addresses.
_RTPROT_DHCP = 16
_ADDRESS_MARK = 0x4e
_RTNH_F_ONLINK = 0x04
_EXISTS = 17
_NO_SUCH_DEVICE = (2, 19)
_ENDED = 'the sandbox has ended; did the Docker engine stop?'


@privileged.context.entrypoint
def plug_nics(pid: int, nics: list[Nic], resolv_conf: str | None, hosts: str,
              exact: bool = False) -> None:
    """Make the NICs of a sandbox as they shall be; repeatable.

    :param pid: the sandbox's main process, seen from the host
    :param nics: netplan.NicPlan as dicts; what is right already is not touched
    :param resolv_conf: content of the instance's /etc/resolv.conf, None to
        leave the engine's
    :param hosts: content of the instance's /etc/hosts
    :param exact: take all other addresses and routes away: while no program of
        the instance runs, they are what its ports have lost; else only those
        that were added here
    :raises NetnsError: naming the NIC and the kernel's error
    """
    _refuse_host_process(pid)
    host_netns = os.open('/proc/self/ns/net', os.O_RDONLY)
    try:
        with pyroute2.IPRoute() as host:
            unwired = _unwired(pid, nics)
            for nic in unwired:
                _delete(host, nic['host_device'])
            _in_netns(pid, lambda ip: _configure(ip, nics, unwired, host_netns, exact))
            for nic in nics:
                _finish_host_end(host, nic)
    finally:
        os.close(host_netns)
    _write_in_place(f'/proc/{pid}/root/etc/hosts', hosts)
    if resolv_conf is not None:
        _write_in_place(f'/proc/{pid}/root/etc/resolv.conf', resolv_conf)


@privileged.context.entrypoint
def list_unwired(pid: int, nics: list[Nic]) -> list[str]:
    """The ``host_device`` of each NIC whose pair of links is not as it shall be."""
    return [nic['host_device'] for nic in _unwired(pid, nics)]


@privileged.context.entrypoint
def list_names(pid: int, host_devices: list[str]) -> dict[str, str]:
    """What the NICs of a sandbox are called: {host_device: device}.

    :param host_devices: the ends on the host; those without a NIC are left out
    """
    ends = {_index(name): name for name in host_devices}
    ends.pop(None, None)
    return _in_netns(pid, lambda ip: {
        ends[link.get('link')]: link.get('ifname')
        for link in links.all_links(ip) if link.get('link') in ends})


@privileged.context.entrypoint
def announce_nics(pid: int, nics: list[Nic]) -> None:
    """Tell the neighbours who has the addresses: gratuitous ARP, unsolicited NA.

    A neighbour may remember the MAC of the port that had an address before, for
    half a minute.  The kernel announces a link whose MAC is set (arp_notify,
    ndisc_notify), also to the one that it has.
    """
    def announce(ip: ty.Any) -> None:
        for nic in nics:
            ip.link('set', index=_require(nic['device']), address=nic['mac'])

    _in_netns(pid, announce)


@privileged.context.entrypoint
def delete_links(names: list[str]) -> None:
    """Delete links of the host; those that are gone already are fine."""
    with pyroute2.IPRoute() as host:
        for name in names:
            _delete(host, name)


@privileged.context.entrypoint
def join_bridge(name: str, bridge: str) -> None:
    """Make a link of the host a port of a Linux bridge."""
    with pyroute2.IPRoute() as host:
        host.link('set', index=_require(name), master=_require(bridge))


@privileged.context.entrypoint
def set_links_state(alias_prefix: str, state: str) -> None:
    """Switch the host's end of an instance's NICs 'up' or 'down'.

    :param alias_prefix: what their aliases start with
    """
    with pyroute2.IPRoute() as host:
        for link in links.all_links(host):
            if (link.get('ifalias') or '').startswith(alias_prefix):
                with _unless_gone():
                    host.link('set', index=link['index'], state=state)


@privileged.context.entrypoint
def list_aliases() -> dict[str, str]:
    """The links of the host that have an alias: {name: alias}."""
    with pyroute2.IPRoute() as host:
        return {link.get('ifname'): link.get('ifalias')
                for link in links.all_links(host) if link.get('ifalias')}


def _refuse_host_process(pid: int) -> None:
    """A sandbox that died may have left its pid to a process of the host, whose
    network and files must not become the instance's."""
    for kind in ('net', 'mnt'):
        try:
            theirs, ours = os.stat(f'/proc/{pid}/ns/{kind}'), os.stat(f'/proc/self/ns/{kind}')
        except FileNotFoundError:
            raise exception.NetnsError(reason=f'of process {pid}: {_ENDED}') from None
        if theirs.st_ino == ours.st_ino:
            raise exception.NetnsError(
                reason=f'process {pid} is one of the host; {_ENDED}')


def _in_netns(pid: int, action: Callable[[ty.Any], T]) -> T:
    """Run ``action(IPRoute)`` in a thread that entered the namespace."""
    outcome: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            _enter(pid)
            with pyroute2.IPRoute() as ip:
                outcome.append(action(ip))
        except BaseException as e:  # noqa: BLE001  handed to the caller below
            failure.append(e)

    thread = threading.Thread(target=run, name=f'netns-{pid}')
    thread.start()
    thread.join()
    if failure:
        # The exceptions of pyroute2 do not survive the way out of the privsep
        # daemon; their text does.
        raise exception.NetnsError(reason=f'of process {pid}: {failure[0]}') from failure[0]
    return outcome[0]


def _enter(pid: int) -> None:
    # os.setns() came with Python 3.12.
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        fd = os.open(f'/proc/{pid}/ns/net', os.O_RDONLY)
    except FileNotFoundError:
        raise OSError(_ENDED) from None
    try:
        if libc.setns(fd, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), 'cannot enter the network namespace')
    finally:
        os.close(fd)


def _index(name: str) -> int | None:
    """The index of a link of this thread's namespace, None when there is none of
    that name."""
    try:
        return devices.index(name)
    except OSError as e:
        if e.errno in _NO_SUCH_DEVICE:
            return None
        raise


def _require(name: str) -> int:
    index = _index(name)
    if index is None:
        raise exception.NetnsError(reason=f'there is no link {name}')
    return index


def _delete(ip: ty.Any, name: str) -> None:
    index = _index(name)
    if index is not None:
        with _unless_gone():
            ip.link('del', index=index)


@contextlib.contextmanager
def _unless_gone() -> Iterator[None]:
    """A veth goes when its other end or its namespace goes, at any moment."""
    try:
        yield
    except netlink.exceptions.NetlinkError as e:
        if e.code not in _NO_SUCH_DEVICE:
            raise


def _unwired(pid: int, nics: list[Nic]) -> list[Nic]:
    """The NICs that are absent, or whose other end is not the right link."""
    ends = {nic['host_device']: _index(nic['host_device']) for nic in nics}
    if not any(ends.values()):
        return nics
    found = _in_netns(pid, links.peers)
    return [nic for nic in nics if ends[nic['host_device']] is None
            or found.get(nic['device']) != ends[nic['host_device']]]


def _configure(ip: ty.Any, nics: list[Nic], unwired: list[Nic], host_netns: int,
               exact: bool) -> None:
    """Inside the namespace: links, addresses, then routes."""
    ip.link('set', ifname='lo', state='up')
    # The engine switches IPv6 off in a namespace without a network of its own; the
    # metadata service is at a link-local address, too.
    devices.set_ipv6_disabled('lo', False)
    for nic in unwired:
        _delete(ip, nic['device'])
        _make_veth(ip, nic, host_netns)
    indexes = {nic['device']: _require(nic['device']) for nic in nics}
    for nic in nics:
        index = indexes[nic['device']]
        if not nic['checksum_offload']:
            devices.switch_checksum_offload_off(nic['device'])
        devices.set_ipv6_disabled(nic['device'], False)
        devices.prepare_for_changes(nic['device'])
        if nic not in unwired:  # a new link has nothing yet
            _remove_others(ip, index, nic, exact)
        for address in nic['addresses']:
            _add_address(ip, index, address)
        ip.link('set', index=index, state='up')
    # After all links are up: a gateway may be behind another NIC's subnet.
    for nic in nics:
        for route in nic['routes']:
            _change_route(ip, 'replace', indexes[nic['device']], route, _RTPROT_DHCP)


def _make_veth(ip: ty.Any, nic: Nic, host_netns: int) -> None:
    """The pair is made inside with its peer put on the host, so that no step
    leaves a device half-way between the two."""
    mtu = {'mtu': nic['mtu']} if nic['mtu'] else {}
    ip.link('add', ifname=nic['device'], kind='veth', address=nic['mac'], **mtu,
            peer={'ifname': nic['host_device'], 'net_ns_fd': host_netns, **mtu})


def _add_address(ip: ty.Any, index: int, address: str) -> None:
    plain, _, prefix = address.partition('/')
    # Neutron has made sure that nobody else has the address.
    flags = {'flags': _IFA_F_NODAD} if ':' in plain else {}
    try:
        ip.addr('add', index=index, address=plain, prefixlen=int(prefix),
                proto=_ADDRESS_MARK, **flags)
    except netlink.exceptions.NetlinkError as e:
        if e.code != _EXISTS:
            raise


def _remove_others(ip: ty.Any, index: int, nic: Nic, exact: bool) -> None:
    """Before anything is added, so that an address may go to another NIC."""
    _remove_other_addresses(ip, index, nic['addresses'], exact)
    for proto in (_RTPROT_DHCP, _RTPROT_STATIC) if exact else (_RTPROT_DHCP,):
        _remove_other_routes(ip, index, nic['routes'], proto)


def _remove_other_addresses(ip: ty.Any, index: int, wanted: Iterable[str],
                            exact: bool) -> None:
    """Those that the kernel made (link-local ones, and what routers advertise) stay."""
    for entry in list(ip.get_addr(index=index)):
        address = f"{entry.get('address')}/{entry['prefixlen']}"
        ours = entry['scope'] == _RT_SCOPE_UNIVERSE and entry['flags'] & _IFA_F_PERMANENT
        ours = ours and (exact or entry.get('proto') == _ADDRESS_MARK)
        if ours and address not in wanted:
            with _unless_gone():
                ip.addr('del', index=index, address=entry.get('address'),
                        prefixlen=entry['prefixlen'])


def _remove_other_routes(ip: ty.Any, index: int, wanted: Iterable[Route], proto: int) -> None:
    kept = {_route_key(destination, gateway) for destination, gateway in wanted}
    for entry in list(ip.get_routes(oif=index, proto=proto)):
        default = '0.0.0.0' if entry['family'] == socket.AF_INET else '::'  # noqa: S104
        destination = f"{entry.get('dst') or default}/{entry['dst_len']}"
        if _route_key(destination, entry.get('gateway')) not in kept:
            with _unless_gone():
                _change_route(ip, 'del', index, (destination, entry.get('gateway')), proto)


def _route_key(to: str, via: str | None) -> tuple[ty.Any, ty.Any]:
    return ipaddress.ip_network(to, strict=False), via and ipaddress.ip_address(via)


def _change_route(ip: ty.Any, verb: str, index: int, route: Route, proto: int) -> None:
    destination, gateway = route
    family = socket.AF_INET6 if ':' in destination else socket.AF_INET
    # RTNH_F_ONLINK: a gateway may lie outside the subnet, as Neutron allows.
    hop = {'gateway': gateway, 'flags': _RTNH_F_ONLINK} if gateway else {'scope': 'link'}
    ip.route(verb, family=family, dst=destination, oif=index, proto=proto, **hop)


def _finish_host_end(host: ty.Any, nic: Nic) -> None:
    # Or the host itself would be a neighbour of the tenant's instances.
    devices.set_ipv6_disabled(nic['host_device'], True)
    host.link('set', ifname=nic['host_device'], ifalias=nic['alias'], state='up')


def _write_in_place(path: str, content: str) -> None:
    """Write a file that the engine binds into containers: it must not be
    replaced, only rewritten."""
    with open(path, 'r+', encoding='utf-8') as f:
        f.truncate()
        f.write(content)
