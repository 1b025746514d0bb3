"""One server over HTTP: GraphQL requests, and plain requests to its own origin with the same token.

The token goes to the server's own origin alone, never into a log or an error, and no redirect is followed with it.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
from yarl import URL

from tomgql.client import hosts
from tomgql.client.errors import NOT_SIGNED_IN, AnswerTooLarge, InvalidCall, Refused, ServerError, Unreachable, refused

ACCEPT = "application/graphql-response+json, application/json;q=0.9"
"""The GraphQL-over-HTTP specification's media type, else the older one."""

CONNECT_S = 15.0
"""Seconds to open a connection: several lost packets, but not a person's patience."""

CHUNK_BYTES = 65_536
"""Bytes read or written at a time."""

WORDS = 200
"""Characters of a foreign answer that an error message repeats."""


class Http:
    """The requests of one client; ``headers_for`` alone knows the token."""

    def __init__(
        self,
        url: str,
        token: str | None,
        *,
        timeout_s: float,
        max_bytes: int,
        tls: ssl.SSLContext | bool,
        public_only: bool = False,
    ) -> None:
        self.endpoint = endpoint_of(url)
        self._public_only = public_only
        self.max_bytes = max_bytes
        self.tls = tls
        self._token = _checked(token)
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> None:
        """Begin; needs a running event loop."""
        connector = hosts.connector(public_only=self._public_only)
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), connector=connector)

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The open session; raises InvalidCall outside of `async with`."""
        if self._session is None:
            raise InvalidCall("Open the client first: `async with Client(url, token=...) as tom:`.")
        return self._session

    @property
    def authorization(self) -> str | None:
        """The header by which the client signs in."""
        return None if self._token is None else f"Bearer {self._token}"

    def headers_for(self, url: URL) -> dict[str, str]:
        """Headers of a request: the token for the server's own origin only."""
        if self.authorization is None or url.origin() != self.endpoint.origin():
            return {}
        return {"Authorization": self.authorization}

    async def ask(self, document: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        """The data of a GraphQL answer. Raises Refused for an answer with errors, Unreachable, AnswerTooLarge."""
        body = encoded({"query": document, "variables": variables or {}})
        return await self.post(body, {"Content-Type": "application/json"}, self._timeout_s)

    async def post(self, body: Any, headers: dict[str, str], timeout_s: float | None, **more: Any) -> dict[str, Any]:
        """The data of the answer to a GraphQL request that is encoded already; raises like `ask`.

        ``timeout_s`` limits the whole request; None limits only the wait for the answer's bytes.
        """
        headers = {"Accept": ACCEPT, **headers}
        async with self.request("POST", self.endpoint, headers, timeout_s, data=body, **more) as response:
            return _data_of(response, await self._read(response))

    @asynccontextmanager
    async def request(
        self, method: str, url: URL, headers: dict[str, str], timeout_s: float | None, **more: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request, with the token where it belongs; raises Unreachable, also for what breaks within the block."""
        timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=CONNECT_S, sock_read=self._timeout_s)
        headers = {**headers, **self.headers_for(url)}
        given = {"headers": headers, "timeout": timeout, "ssl": self.tls, "allow_redirects": False, **more}
        try:
            async with self.session.request(method, url, **given) as response:
                yield response
        except TimeoutError as error:
            raise Unreachable(f"{self.endpoint.origin()} did not answer in time.") from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Unreachable(f"{self.endpoint.origin()} cannot be reached: {error}.") from error

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        read = bytearray()
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            read += chunk
            if len(read) > self.max_bytes:
                raise AnswerTooLarge(f"The answer holds more than {self.max_bytes} bytes; ask for less at once.")
        return bytes(read)


def endpoint_of(url: str) -> URL:
    """The address of GraphQL at a site; raises InvalidCall for what is no plain http(s) address."""
    try:
        given = URL(url)
    except ValueError:
        given = URL()
    if given.scheme not in ("http", "https") or not given.host or given.user or given.password or given.query_string:
        raise InvalidCall('Give the site\'s address, such as "https://tom.example.org", without user name or query.')
    path = given.path.rstrip("/")
    return given.with_path(path if path.endswith("/graphql") else f"{path}/graphql").with_fragment(None)


def encoded(value: Any) -> bytes:
    """Strict JSON; raises InvalidCall for what it cannot say, such as NaN."""
    try:
        return json.dumps(value, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidCall(f"The variables are no JSON: {error}. NaN and infinities are written as null.") from error


def refusal_of(status: int, body: bytes) -> Exception:
    """The error that an answer other than success stands for, by its JSON body or else its status."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = None
    if isinstance(said, dict) and said.get("errors"):
        return refused(said["errors"], said.get("data"))
    words = " ".join(body[: 4 * WORDS].decode(errors="replace").split())[:WORDS]
    if status >= 500 or status in (408, 425, 429):
        return Unreachable(f"The server answered with HTTP {status}: {words}")
    code = NOT_SIGNED_IN if status == 401 else f"HTTP_{status}"
    return refused([{"message": f"The server answered with HTTP {status}: {words}", "extensions": {"code": code}}])


def _data_of(response: aiohttp.ClientResponse, body: bytes) -> dict[str, Any]:
    if 300 <= response.status < 400:
        place = response.headers.get("Location", "nowhere")
        raise Refused([ServerError("REDIRECTED", f"The server sends to {place}; give the address that it is at.")])
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict) or answer.get("errors") or not isinstance(answer.get("data"), dict):
        raise refusal_of(response.status, body)
    data: dict[str, Any] = answer["data"]
    return data


def _checked(token: str | None) -> str | None:
    if token is not None and not (token.isascii() and token.isprintable() and token and " " not in token):
        raise InvalidCall("The token holds blanks, line ends or other signs that no token has.")
    return token
