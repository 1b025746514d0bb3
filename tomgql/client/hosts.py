"""Which hosts may be connected to: where an address was given by somebody else, none of private networks.

Names are judged by what they resolve to at the moment of connecting, so that a name server cannot lead elsewhere after
it was asked. Ranges: IANA's special-purpose registries, as the standard library's `ipaddress` knows them.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver

_WITHIN = tuple(
    ipaddress.ip_network(each)
    for each in ("fec0::/10", "::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16")
)
"""Site-local addresses (RFC 3879), and those that stand for IPv4 addresses behind a gateway (RFC 4291, 6052, 3056)."""


class NotPublicError(OSError):
    """A host in a private network, on this machine, or none at all."""


class PublicResolver(AbstractResolver):
    """Resolves names, and raises for those that lead to a private network or to this machine."""

    def __init__(self) -> None:
        self._resolver = DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host, all of them public. Raises OSError, `NotPublicError` among them."""
        found = await self._resolver.resolve(host, port, family)
        for each in found:
            require_public(each["host"], host)
        return found

    async def close(self) -> None:
        """Release the resolver."""
        await self._resolver.close()


class PublicConnector(aiohttp.TCPConnector):
    """Connections to public hosts alone; aiohttp resolves no literal addresses, which are looked at here."""

    def __init__(self, **given: Any) -> None:
        super().__init__(resolver=PublicResolver(), **given)

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:  # noqa: ASYNC109 - aiohttp's own signature
        """See aiohttp. Raises `NotPublicError` for a literal address that is not public."""
        host = req.url.raw_host or ""
        if _literal(host) is not None:
            require_public(host, host)
        return await super().connect(req, traces, timeout)


def connector(*, public_only: bool, **given: Any) -> aiohttp.TCPConnector:
    """A connector for a session, which closes it."""
    return PublicConnector(**given) if public_only else aiohttp.TCPConnector(**given)


def require_public(address: str, name: str) -> None:
    """Raises `NotPublicError` for an address of a private network, of this machine, or of no single host."""
    found = _literal(address)
    if found is None or not found.is_global or found.is_multicast or any(found in each for each in _WITHIN):
        raise NotPublicError(errno.EACCES, f"{name} is in a private network, which this site does not ask")


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
