"""Limits on requests, before anything is parsed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tomgql.web.auth import COOKIE
from tomgql.web.errors import error_response


class _TooLarge(Exception):  # noqa: N818 - never leaves this module
    pass


class BodyLimit:
    """Refuses request bodies over a size with 413, by their announced length or as soon as they exceed it.

    ``larger`` gives paths, by how they begin, a limit of their own.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, max_anonymous_bytes: int, larger: Mapping[str, int]) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._larger = larger
        self._max_anonymous_bytes = max_anonymous_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        announced = headers.get(b"content-length", b"0")
        # Wrong credentials get the larger limit here, and 401 before the body is read.
        signed_in = b"authorization" in headers or COOKIE.encode() in headers.get(b"cookie", b"")
        limit = self._limit(scope["path"]) if signed_in else min(self._max_bytes, self._max_anonymous_bytes)
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            if not announced.isdigit() or int(announced) > limit:
                raise _TooLarge
            await self._app(scope, _counted(receive, limit), watched)
        except _TooLarge:
            if started:
                raise
            text = f"A request body may hold {limit} bytes here{'' if signed_in else ', without signing in'}."
            await error_response("TOO_LARGE", text, 413)(scope, receive, send)

    def _limit(self, path: str) -> int:
        """The limit of a path: that of the first beginning which has one of its own, else the common one."""
        return next((limit for start, limit in self._larger.items() if path.startswith(start)), self._max_bytes)


def _counted(receive: Receive, limit: int) -> Any:
    total = 0

    async def counted() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > limit:
            raise _TooLarge
        return message

    return counted
