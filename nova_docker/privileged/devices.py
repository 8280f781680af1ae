"""Sysctls and ioctls of devices: what netlink has no word for, or is slow at.

All of it concerns the network namespace of the thread that calls.
"""

import array
import fcntl
import os
import socket
import struct

_SIOCGIFINDEX = 0x8933
_SIOCETHTOOL = 0x8946
_ETHTOOL_STXCSUM = 0x17
_INDEX_REQUEST = '16si20x'  # struct ifreq: name, index


def index(device: str) -> int:
    """The index of a device.

    :raises OSError: ENODEV when there is none of that name
    """
    request = struct.pack(_INDEX_REQUEST, device.encode(), 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        answer = fcntl.ioctl(control, _SIOCGIFINDEX, request)
    found: int = struct.unpack(_INDEX_REQUEST, answer)[1]
    return found


def prepare_for_changes(device: str) -> None:
    """Neighbours are told of them, and with an address that goes the others of its
    subnet do not."""
    for family, name in (('ipv4', 'arp_notify'), ('ipv6', 'ndisc_notify'),
                         ('ipv4', 'promote_secondaries')):
        _write_sysctl(f'{family}/conf/{device}/{name}', '1')


def set_ipv6_disabled(device: str, disabled: bool) -> None:
    _write_sysctl(f'ipv6/conf/{device}/disable_ipv6', str(int(disabled)))


def _write_sysctl(name: str, value: str) -> None:
    path = f'/proc/sys/net/{name}'
    if os.path.exists(path):  # absent where the kernel has no IPv6
        with open(path, 'w', encoding='ascii') as f:
            f.write(value)


def switch_checksum_offload_off(device: str) -> None:
    """ETHTOOL_STXCSUM: let the kernel compute checksums before it sends."""
    value = array.array('I', [_ETHTOOL_STXCSUM, 0])
    request = struct.pack('16sP', device.encode(), value.buffer_info()[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCETHTOOL, request)
