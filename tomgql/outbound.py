"""Requests to other people's servers: one session a process, and limits on everything that they could do to us."""

from __future__ import annotations

import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp

from tomgql.errors import UpstreamDown, UpstreamRefused

CONNECT_LIMIT_S = 15.0
"""Until a server has accepted the connection, TLS included."""

SILENCE_LIMIT_S = 60.0
"""Longest pause between two pieces of an answer."""

MOST_CONNECTIONS, MOST_PER_HOST = 50, 8
"""Connections of one process at a time, and to one host."""

MOST_REDIRECTS = 5
"""Redirects of one request that are followed."""

_REDIRECTS = (301, 302, 303, 307, 308)
_CHUNK_BYTES = 65_536
_USER_AGENT = f"tomgql/{version('tomgql')}"


@dataclass(frozen=True)
class Asked:
    """One request: ``params`` go into the address, ``form`` or ``json`` into the body, ``basic`` is HTTP Basic.

    ``once``: it is never sent twice; else a GET whose connection breaks off before its answer is tried once more.
    """

    method: str
    address: str
    params: Mapping[str, Any] | None = None
    form: Mapping[str, Any] | None = None
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    basic: tuple[str, str] | None = None
    once: bool = False


@dataclass(frozen=True)
class Answered:
    """What came back: headers by lower-case name, and the address that was asked last."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    address: str


class Outbound:
    """The process's HTTP client. TLS is checked; no cookie is kept and no proxy or password of the environment used."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    async def ask(self, asked: Asked, *, origins: Collection[str], limit_bytes: int, limit_s: float) -> Answered:
        """The answer, whatever its status.

        ``origins`` (as of `origin`) may be asked; a GET follows redirects within one of them. Raises `UpstreamDown`
        when there is no whole answer within ``limit_s`` seconds, and `UpstreamRefused` for other places and answers of
        more than ``limit_bytes``.
        """
        try:
            for _ in range(MOST_REDIRECTS + 1):
                _require_host(asked.address, origins)
                answered = await self._ask_once(asked, limit_bytes, limit_s)
                target = _redirect(asked, answered)
                if target is None:
                    return answered
                asked = Asked("GET", target, headers=asked.headers, basic=asked.basic, once=asked.once)
        except (aiohttp.ClientError, TimeoutError, OSError, ssl.SSLError) as error:
            raise UpstreamDown(f"{place(asked.address)} does not answer: {_words(error, limit_s)}.") from error
        raise UpstreamRefused(f"{place(asked.address)} redirects without end.")

    async def _ask_once(self, asked: Asked, limit_bytes: int, limit_s: float) -> Answered:
        timeout = aiohttp.ClientTimeout(total=limit_s, sock_connect=CONNECT_LIMIT_S, sock_read=SILENCE_LIMIT_S)
        basic = {} if asked.basic is None else {"Authorization": aiohttp.encode_basic_auth(*asked.basic)}
        async with self._open().request(
            asked.method, asked.address, params=asked.params, data=asked.form, json=asked.json,
            headers={**asked.headers, **basic}, timeout=timeout, allow_redirects=False,
            middlewares=(_never_twice,) if asked.once else (),
        ) as response:  # fmt: skip
            content = await _content(response, limit_bytes)
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answered(response.status, headers, content, str(response.url))

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=MOST_CONNECTIONS, limit_per_host=MOST_PER_HOST),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": _USER_AGENT},
                trust_env=False,
            )
        return self._session


async def _never_twice(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Hide broken connections from aiohttp, which sends requests of idempotent methods again by itself after them."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise  # nothing was sent
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientConnectionError("the connection broke off") from error


def origin(address: str) -> str:
    """Scheme, host and port of an address (RFC 6454); raises UpstreamRefused when it has none."""
    where = place(address)
    return f"{urlsplit(address).scheme}://{where}"


def place(address: str) -> str:
    """Host and port of an address; raises UpstreamRefused when it has none."""
    try:
        parts = urlsplit(address)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        raise UpstreamRefused(f'"{address[:200]}" is no address of a web server.') from None
    if parts.username is not None or parts.password is not None:
        raise UpstreamRefused("The service names an address with a user or a password in it; it was not asked.")
    return f"{(parts.hostname or '').lower()}:{port}"


async def _content(response: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        content += chunk
        if len(content) > limit_bytes:
            raise UpstreamRefused(f"The answer is larger than {limit_bytes} bytes, the limit of this site.")
    return bytes(content)


def _require_host(address: str, origins: Collection[str]) -> None:
    if origin(address) not in origins:
        raise UpstreamRefused(f"The service names {place(address)}, which is not one of its hosts.")


def _redirect(asked: Asked, answered: Answered) -> str | None:
    """Where a GET is sent on to; None where the answer stands."""
    location = answered.headers.get("location")
    if asked.method != "GET" or answered.status not in _REDIRECTS or location is None:
        return None
    try:
        target = urljoin(answered.address, location)
    except ValueError:
        raise UpstreamRefused(f'"{location[:200]}" is no address of a web server.') from None
    if origin(target) != origin(asked.address):
        raise UpstreamRefused(
            f"{place(asked.address)} redirects to {place(target)}, another host; it was not followed."
        )
    return target


def _words(error: BaseException, limit_s: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no whole answer within {limit_s:g} seconds"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its certificate is not valid"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "no connection"
    return "the connection broke off"
