"""GraphQL over WebSocket: graphql-transport-ws (https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md).

strawberry keeps the protocol's states; ours are the streams, pings, limits on idle sockets, and that a bad document
ends its own operation with an ``error`` message, never the socket that carries others.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing, suppress
from types import NoneType
from typing import Any

import orjson
from starlette.websockets import WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler

from tomgql.errors import NotAuthenticated
from tomgql.graphql.context import Context
from tomgql.graphql.stream_results import LONGEST_ID, Asked, StreamRefused
from tomgql.graphql.streams import Streams

FORBIDDEN = 4403
"""Close code of the protocol for who may not (any longer) be here."""

IDLE = 4408
"""Close code for a socket on which nothing happens: a time limit, as the protocol has it for connection_init."""

LONGEST_REASON_BYTES = 123
"""Room for the reason in a close frame, by RFC 6455."""

LONGEST_PAYLOAD = 1_000
"""Characters of what is given with a ping, and sent back."""


class SocketAdapter(ASGIWebSocketAdapter):
    """A WebSocket that is closed once, with a reason that fits: some quote what a client said."""

    async def close(self, code: int, reason: str) -> None:
        """See strawberry."""
        if self.ws.application_state is not WebSocketState.DISCONNECTED:
            await super().close(code, reason.encode()[:LONGEST_REASON_BYTES].decode(errors="ignore"))


class SocketHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """A WebSocket whose owner is looked up anew for every operation, and that refuses messages of a wrong form."""

    async def handle(self) -> None:
        """See strawberry; with a task beside it that pings."""
        self._heard_at = self._busy_at = time.monotonic()
        self.context.turns = asyncio.Semaphore(self.context.rt.settings.max_operations_at_once)
        self._sending = asyncio.Lock()
        pings = asyncio.create_task(self._ping(), name="socket pings")
        try:
            await super().handle()
        finally:
            pings.cancel()
            with suppress(asyncio.CancelledError, WebSocketDisconnected):  # pinged who had just gone
                await pings

    async def handle_message(self, message: Any) -> None:
        """See strawberry; a message of another form closes the socket by the protocol's code, not by a traceback."""
        self._heard_at = time.monotonic()
        if _is_well_formed(message):
            await super().handle_message(message)
        else:
            await self.handle_invalid_message("Failed to parse message")

    async def handle_connection_init(self, message: Any) -> None:
        """See strawberry; a payload of null is none."""
        if message.get("payload") is None:
            message.pop("payload", None)
        await super().handle_connection_init(message)

    async def handle_ping(self, message: Any) -> None:
        """See strawberry; what is given with a ping comes back."""
        payload = message.get("payload")
        await self.send_message({"type": "pong"} if payload is None else {"type": "pong", "payload": payload})

    async def handle_subscribe(self, message: Any) -> None:
        """See strawberry; a token that was revoked or has expired meanwhile ends the socket."""
        try:
            await self.context.refresh()
        except NotAuthenticated:
            await self.websocket.close(code=FORBIDDEN, reason="Forbidden")
            return
        await super().handle_subscribe(message)

    async def run_operation(self, operation: Any) -> None:
        """See strawberry; frames are shared with all who ask the same, and only the id is put before them."""
        asked = Asked(operation.query, operation.variables or {}, operation.operation_name)
        prefix = f'{{"id":{orjson.dumps(operation.id).decode()},"type":"next","payload":'
        try:
            async with aclosing(self._streams.frames(asked, self.context)) as frames:
                async for frame in frames:
                    self._busy_at = time.monotonic()
                    async with self._sending:  # else each that waits would hold a text of its own
                        await self._send(f"{prefix}{frame.text}}}")
            await operation.send_operation_message({"id": operation.id, "type": "complete"})
        except StreamRefused as refused:
            await operation.send_operation_message({"id": operation.id, "type": "error", "payload": refused.errors})
        except WebSocketDisconnected:
            self.operations.pop(operation.id, None)

    @property
    def _streams(self) -> Streams:
        streams: Streams = self.websocket.ws.app.state.streams  # type: ignore[attr-defined]
        return streams

    async def _send(self, text: str) -> None:
        try:
            await self.websocket.ws.send_text(text)  # type: ignore[attr-defined]
        except WebSocketDisconnect as error:
            raise WebSocketDisconnected from error

    async def _ping(self) -> None:
        """Ping until the peer misses two; end a socket on which nothing runs."""
        limits = self.context.rt.settings
        while True:
            await asyncio.sleep(limits.socket_ping_s)
            now = time.monotonic()
            if self.operations:
                self._busy_at = now
            if now - self._heard_at > 2.5 * limits.socket_ping_s:
                return await self.websocket.close(code=IDLE, reason="No answer to two pings")
            if now - self._busy_at > limits.socket_idle_s:
                return await self.websocket.close(code=IDLE, reason="No operation for a long time")
            if self.connection_acknowledged:
                await self.send_message({"type": "ping"})


def _is_well_formed(message: Any) -> bool:
    """Whether a message has the fields of its type, as far as strawberry does not look itself."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return False
    payload = message.get("payload")
    if message["type"] in ("subscribe", "complete") and not _is_id(message.get("id")):
        return False
    if message["type"] == "subscribe":
        return (
            isinstance(payload, dict)
            and isinstance(payload.get("query"), str)
            and isinstance(payload.get("operationName"), (str, NoneType))
            and all(isinstance(payload.get(name), (dict, NoneType)) for name in ("variables", "extensions"))
        )
    return isinstance(payload, (dict, NoneType)) and (
        message["type"] != "ping" or len(orjson.dumps(payload)) <= LONGEST_PAYLOAD
    )


def _is_id(given: Any) -> bool:
    return isinstance(given, str) and 0 < len(given) <= LONGEST_ID
