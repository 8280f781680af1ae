"""Whole lists of links."""

import contextlib
import typing as ty

from pyroute2 import netlink

_TRIES = 20


def peers(ip: ty.Any) -> dict[str, int | None]:
    """The links of a sandbox, which has few: {name: index of a veth's other end}."""
    return {link.get('ifname'): link.get('link') for link in all_links(ip)}


def all_links(ip: ty.Any) -> list[ty.Any]:
    """The links of the namespace of a pyroute2.IPRoute, as it gives them.

    The kernel marks a list during which a link came or went (NLM_F_DUMP_INTR), and
    pyroute2 0.8, which OpenStack's upper constraints name, raises then: once more.

    :raises NetlinkDumpInterrupted: links never stop to come and go
    """
    for _ in range(_TRIES):
        with contextlib.suppress(netlink.exceptions.NetlinkDumpInterrupted):
            return list(ip.get_links())
    return list(ip.get_links())
