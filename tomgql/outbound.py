"""Requests to other people's servers: limits on everything that they could do to us, or have us do.

Two sessions a process: one for places that the site's own operator or a plug-in names, and one for addresses that
people give, which connects to public hosts alone.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractStreamWriter

from tomgql.client.hosts import NotPublicError, connector
from tomgql.errors import TomError, Unavailable, UpstreamDown, UpstreamRefused
from tomgql.plugins.destinations import FilePart

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
    """One request: ``params`` go into the address, ``basic`` is HTTP Basic.

    One of ``form``, ``json``, ``parts`` (multipart/form-data) and ``content`` (as it is) goes into the body; files are
    opened when they are sent. The length of ``content`` stands in the headers or is told by chunks.
    """

    method: str
    address: str
    params: Mapping[str, Any] | None = None
    form: Mapping[str, Any] | None = None
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    basic: tuple[str, str] | None = None
    parts: Sequence[tuple[str, str] | FilePart] | None = None
    content: Callable[[], AsyncIterator[bytes]] | None = None


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
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def close(self) -> None:
        """Close every connection."""
        for session in self._sessions.values():
            await session.close()

    async def ask(
        self, asked: Asked, *, origins: Collection[str], limit_bytes: int, limit_s: float, public_only: bool = False
    ) -> Answered:
        """The answer, whatever its status.

        ``origins`` (as of `origin`) may be asked; a GET follows redirects within one of them. ``public_only``: they are
        in no private network, whatever their names lead to at the moment. Raises `UpstreamDown` when there is no whole
        answer within ``limit_s`` seconds, and `UpstreamRefused` for other places and answers of more than
        ``limit_bytes``. A file of ours that cannot be read is our failure: its error, or `Unavailable`.
        """
        try:
            for _ in range(MOST_REDIRECTS + 1):
                _require_host(asked.address, origins)
                answered = await self._ask_once(asked, limit_bytes, limit_s, public_only)
                target = _redirect(asked, answered)
                if target is None:
                    return answered
                asked = Asked("GET", target, headers=asked.headers, basic=asked.basic)
        except (aiohttp.ClientError, TimeoutError, OSError, ssl.SSLError) as error:
            if (private := _private(error)) is not None:
                raise UpstreamRefused(f"{private.strerror}.") from error
            raise UpstreamDown(f"{place(asked.address)} does not answer: {_words(error, limit_s)}.") from error
        raise UpstreamRefused(f"{place(asked.address)} redirects without end.")

    async def _ask_once(self, asked: Asked, limit_bytes: int, limit_s: float, public_only: bool) -> Answered:
        timeout = aiohttp.ClientTimeout(total=limit_s, sock_connect=CONNECT_LIMIT_S, sock_read=SILENCE_LIMIT_S)
        basic = {} if asked.basic is None else {"Authorization": aiohttp.encode_basic_auth(*asked.basic)}
        body, files = _body(asked)
        try:
            async with self._open(public_only).request(
                asked.method, asked.address, params=asked.params, data=body, json=asked.json,
                headers={**asked.headers, **basic}, timeout=timeout, allow_redirects=False,
            ) as response:  # fmt: skip
                content = await _content(response, limit_bytes)
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answered(response.status, headers, content, str(response.url))
        except (aiohttp.ClientError, OSError):
            for file in files:
                if file.failure is not None:
                    raise file.failure from None
            raise

    def _open(self, public_only: bool) -> aiohttp.ClientSession:
        if public_only not in self._sessions:
            self._sessions[public_only] = aiohttp.ClientSession(
                connector=connector(public_only=public_only, limit=MOST_CONNECTIONS, limit_per_host=MOST_PER_HOST),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": _USER_AGENT},
                trust_env=False,
            )
        return self._sessions[public_only]


class _SentFile(aiohttp.Payload):
    """A file of a body, opened anew whenever it is sent; ``failure`` is why it could not be read."""

    def __init__(self, content: Callable[[], AsyncIterator[bytes]], size_bytes: int | None, content_type: str) -> None:
        super().__init__(content, content_type=content_type)
        self._size = size_bytes
        self.failure: TomError | None = None

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        raise TypeError("A file that is sent piece by piece is never held whole.")

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Send the file; one that is not as long as was said would shift what follows, so it breaks off instead."""
        sent_bytes = 0
        async for piece in self._pieces():
            sent_bytes += len(piece)
            if self._size is not None and sent_bytes > self._size:
                break
            await writer.write(piece)
        if self._size is not None and sent_bytes != self._size:
            self.failure = Unavailable(f"A file that was to be sent does not have the {self._size} bytes it had.")
            raise self.failure

    async def _pieces(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._value():
                yield piece
        except TomError as error:
            self.failure = error
            raise
        except OSError as error:
            self.failure = Unavailable("A file that was to be sent cannot be read.")
            raise self.failure from error


def _private(error: BaseException | None) -> NotPublicError | None:
    """The refusal of a private network that aiohttp has wrapped into errors of its own, if that is what it was."""
    while error is not None and not isinstance(error, NotPublicError):
        error = getattr(error, "os_error", None) or error.__cause__
    return error


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


def _body(asked: Asked) -> tuple[Any, list[_SentFile]]:
    """What aiohttp is given as body, and the files in it."""
    if asked.content is not None:
        file = _SentFile(asked.content, None, "application/octet-stream")
        return file, [file]
    if asked.parts is None:
        return asked.form, []
    body, files = aiohttp.MultipartWriter("form-data"), []
    for part in asked.parts:
        payload: aiohttp.Payload
        if isinstance(part, FilePart):
            payload = _SentFile(part.content, part.size_bytes, part.content_type)
            payload.headers["Content-Disposition"] = _disposition(part.field, part.file_name)
            files.append(payload)
        else:
            payload = aiohttp.StringPayload(part[1])
            payload.headers["Content-Disposition"] = _disposition(part[0])
        body.append_payload(payload)
    return body, files


def _disposition(name: str, file_name: str | None = None) -> str:
    """The header that names a part, with the escapes of browsers (WHATWG HTML, multipart/form-data)."""
    escapes = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A", "\0": "%00"})
    named = f'form-data; name="{name.translate(escapes)}"'
    return named if file_name is None else f'{named}; filename="{file_name.translate(escapes)}"'


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
