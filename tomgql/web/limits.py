"""Limits on requests, before anything is parsed: how much comes, and how long that may take."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tomgql.settings import Settings
from tomgql.web.auth import COOKIE
from tomgql.web.errors import error_response

TIMEOUT = 408
"""Status of a request that did not come in time."""


class _Refused(Exception):  # noqa: N818 - never leaves this module
    """A request whose body is too large, or comes too slowly."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


class BodyLimit:
    """Refuses request bodies over a size with 413, by their announced length or as soon as they exceed it.

    What comes too slowly is 408. ``larger`` gives paths, by how they begin, a size of their own; they keep their time
    themselves. A client that goes in the middle of its request ends it quietly, and nobody is answered.
    """

    def __init__(self, app: ASGIApp, settings: Settings, larger: Mapping[str, int]) -> None:
        self._app = app
        self._settings = settings
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = self._body(scope, receive)
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            body.check_announced(dict(scope["headers"]).get(b"content-length", b"0"))
            await self._app(scope, body.receive, watched)
        except ClientDisconnect:
            return
        except _Refused as refusal:
            if started:
                raise
            response = error_response(refusal.code, refusal.message, refusal.status)
            if refusal.status == TIMEOUT:
                response.headers["Connection"] = "close"  # the rest of the body is not waited for
            await response(scope, receive, send)

    def _body(self, scope: Scope, receive: Receive) -> _Body:
        headers, limits = dict(scope["headers"]), self._settings
        large = next((limit for start, limit in self._larger.items() if scope["path"].startswith(start)), None)
        # Wrong credentials get the larger limit here, and 401 before the body is read.
        if b"authorization" in headers or COOKIE.encode() in headers.get(b"cookie", b""):
            time_s = None if large else limits.body_timeout_s
            return _Body(receive, large or limits.max_body_bytes, "", time_s)
        most_bytes = min(limits.max_body_bytes, limits.max_anonymous_body_bytes)
        return _Body(receive, most_bytes, ", without signing in", limits.anonymous_body_timeout_s)


class _Body:
    """One request's body as it comes; ``time_s`` is for all of it, None without a limit."""

    def __init__(self, receive: Receive, most_bytes: int, whose: str, time_s: float | None) -> None:
        self._receive = receive
        self._most_bytes = most_bytes
        self._whose = whose
        self._time_s = time_s
        self._until = None if time_s is None else asyncio.get_running_loop().time() + time_s
        self._bytes = 0

    def check_announced(self, length: bytes) -> None:
        """Raises _Refused for a length that is none, or too large."""
        if not length.isdigit() or int(length) > self._most_bytes:
            raise self._too_large()

    async def receive(self) -> Message:
        """See ASGI."""
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            text = f"A request body must come within {self._time_s:g} seconds here{self._whose}."
            raise _Refused("REQUEST_TIMEOUT", text, TIMEOUT) from None
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._most_bytes:
            raise self._too_large()
        if not message.get("more_body"):
            self._until = None  # from now on one waits here for the client to go
        return message

    def _too_large(self) -> _Refused:
        return _Refused("TOO_LARGE", f"A request body may hold {self._most_bytes} bytes here{self._whose}.", 413)
