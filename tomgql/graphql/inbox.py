"""What a WebSocket sends: bounded before it is parsed, by who it belongs to, as bodies of HTTP requests are."""

from __future__ import annotations

from starlette.types import Message, Receive, Send

from tomgql.settings import Settings

TOO_LARGE = 1009
"""Close code of RFC 6455 for a message that is too large."""

SCOPE_KEY = "tomgql.inbox"
"""Where a connection's scope holds its inbox."""


class Inbox:
    """Messages of one WebSocket; one that is too large closes it. Everybody begins as a stranger."""

    def __init__(self, receive: Receive, send: Send, limits: Settings) -> None:
        self._receive = receive
        self._send = send
        self._limits = limits
        self._most_bytes = min(limits.max_anonymous_body_bytes, limits.max_socket_message_bytes)

    def greet(self) -> None:
        """Somebody has signed in."""
        self._most_bytes = self._limits.max_socket_message_bytes

    async def receive(self) -> Message:
        """See ASGI."""
        message = await self._receive()
        text, data = message.get("text") or "", message.get("bytes") or b""
        if len(text) + len(data) <= self._most_bytes // 4 or len(text.encode()) + len(data) <= self._most_bytes:
            return message
        reason = f"A message may hold {self._most_bytes} bytes here."
        await self._send({"type": "websocket.close", "code": TOO_LARGE, "reason": reason})
        return {"type": "websocket.disconnect", "code": TOO_LARGE, "reason": reason}
