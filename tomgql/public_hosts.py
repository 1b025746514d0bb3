"""Which hosts may be asked at addresses that people give: public ones, whatever a name stands for when it is asked.

A name is looked up once a connection and the address that was checked is the one connected to, so that a name server
cannot show one address to the check and another to the connection.
"""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from tomgql.errors import UpstreamRefused

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""IPv6 addresses whose last four bytes are an IPv4 address behind a gateway (RFC 6052)."""


class PublicResolver(AbstractResolver):
    """Looks names up, and refuses those that stand for an address that is not public."""

    def __init__(self) -> None:
        self._names = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """See aiohttp. Raises `UpstreamRefused`."""
        found = await self._names.resolve(host, port, family)
        for each in found:
            if not is_public(each["host"]):
                raise refusal(host)
        return found

    async def close(self) -> None:
        """See aiohttp."""
        await self._names.close()


def require_public(address: str) -> None:
    """Raises `UpstreamRefused` for a web address whose host is written as a number that is not public."""
    host = urlsplit(address).hostname or ""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return  # a name: the resolver sees what it stands for
    if not is_public(host):
        raise refusal(host)


def is_public(host: str) -> bool:
    """Whether an IP address is one of the public internet; so is none that leads to another one inside it."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(address.packed[-4:])
        if inner is not None:
            return is_public(str(inner))
    return address.is_global and not (address.is_multicast or address.is_reserved)


def refusal(host: str) -> UpstreamRefused:
    """What is said of a host that is not asked."""
    return UpstreamRefused(
        f'"{host}" is in a private network or on this machine; a site that wants such peers sets TOMGQL_PRIVATE_PEERS.'
    )
