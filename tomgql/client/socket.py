"""One connection of graphql-transport-ws that carries one subscription.

Protocol: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md. A task reads into a box of bounded size, so
that pings are answered while the caller is busy with an event. When the box is full the task stops reading, and TCP
holds the server back; it then only says that it lives. What the box holds is delivered even when the connection breaks.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson

from tomgql.client.errors import NOT_SIGNED_IN, AnswerTooLarge, ClientError, Unreachable, refused
from tomgql.client.http import CONNECT_S, Http

PROTOCOL = "graphql-transport-ws"
"""Name of the sub-protocol."""

ID = "1"
"""The only operation of the socket."""

PING_S = 20.0
"""Seconds of silence after which the server is asked whether it is there."""

PONG_S = 10.0
"""Seconds within which it must have said anything at all."""

BOX_BYTES = 1024 * 1024
"""Bytes of events that are read ahead; one more message may come on top."""

GOODBYE_S = 2.0
"""Seconds that the server has for its half of a closing."""

LASTING = {
    4400: "BAD_REQUEST",
    4401: NOT_SIGNED_IN,
    4403: NOT_SIGNED_IN,
    4406: "BAD_REQUEST",
    4409: "BAD_REQUEST",
    4429: "BAD_REQUEST",
}
"""Close codes of the protocol after which the same attempt would end in the same way, and what they stand for."""


class _Box:
    """Messages that were read and not taken yet, and how the connection ended."""

    def __init__(self) -> None:
        self._messages: deque[tuple[dict[str, Any], int]] = deque()
        self._bytes = 0
        self._end: ClientError | None = None
        self._changed = asyncio.Event()

    @property
    def is_full(self) -> bool:
        return self._bytes >= BOX_BYTES

    def put(self, message: dict[str, Any], size: int) -> None:
        self._messages.append((message, size))
        self._bytes += size
        self._changed.set()

    def end(self, reason: ClientError) -> None:
        self._end = reason
        self._changed.set()

    async def take(self) -> dict[str, Any]:
        while not self._messages:
            if self._end is not None:
                raise self._end
            await self._wait()
        message, size = self._messages.popleft()
        self._bytes -= size
        self._changed.set()
        return message

    async def room(self) -> None:
        while self.is_full:
            await self._wait()

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()


class Socket:
    """A running subscription on a connection of its own."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._ws = ws
        self._box = _Box()

    async def greet(self, authorization: str | None) -> None:
        """Sign in and wait for the acknowledgement; raises NotSignedIn, Refused, Unreachable."""
        payload = {} if authorization is None else {"authorization": authorization}
        await self._send({"type": "connection_init", "payload": payload})
        while True:
            message, _ = await self._receive(None)
            if message.get("type") == "connection_ack":
                return
            await self._answer(message)

    async def subscribe(self, document: str, variables: dict[str, Any]) -> None:
        """Start the operation."""
        payload = {"query": document, "variables": variables}
        await self._send({"id": ID, "type": "subscribe", "payload": payload})

    async def next(self) -> dict[str, Any]:
        """The next message of the operation: `next`, `error` or `complete`. Raises as the connection ended."""
        return await self._box.take()

    async def read(self) -> None:
        """Read to the connection's end."""
        try:
            while True:
                await self._room()
                message, size = await self._heard()
                if message.get("type") in ("next", "error", "complete"):
                    self._box.put(message, size)
                else:
                    await self._answer(message)
        except ClientError as error:
            self._box.end(error)

    async def _room(self) -> None:
        while self._box.is_full:
            try:
                async with asyncio.timeout(PING_S):
                    await self._box.room()
            except TimeoutError:
                await self._send({"type": "pong"})  # unasked: the server's pings wait behind what is not read yet

    async def _heard(self) -> tuple[dict[str, Any], int]:
        try:
            return await self._receive(PING_S)
        except TimeoutError:
            await self._send({"type": "ping"})
        try:
            return await self._receive(PONG_S)
        except TimeoutError:
            raise Unreachable(f"The server has been silent for {PING_S + PONG_S:g} s.") from None

    async def _answer(self, message: dict[str, Any]) -> None:
        if message.get("type") == "ping":
            await self._send({"type": "pong"})

    async def _send(self, message: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(PONG_S):
                await self._ws.send_str(orjson.dumps(message).decode())
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise Unreachable(f"The connection broke: {error}.") from error

    async def _receive(self, timeout_s: float | None) -> tuple[dict[str, Any], int]:
        got = await self._ws.receive(timeout_s)
        if got.type is not aiohttp.WSMsgType.TEXT:
            raise _ending(self._ws, got)
        try:
            message = orjson.loads(got.data)
        except orjson.JSONDecodeError:
            message = None
        if not isinstance(message, dict):
            raise Unreachable("The server sent a message that is no JSON object.")
        return message, len(got.data)


@asynccontextmanager
async def connected(http: Http) -> AsyncIterator[Socket]:
    """A connection that has been greeted and is being read. Raises NotSignedIn, Refused, Unreachable."""
    async with await _open(http) as ws:
        socket = Socket(ws)
        try:
            async with asyncio.timeout(CONNECT_S):
                await socket.greet(http.authorization)
        except TimeoutError:
            raise Unreachable("The server took the connection and then said nothing.") from None
        reading = asyncio.create_task(socket.read(), name="tomgql subscription")
        try:
            yield socket
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading


async def _open(http: Http) -> aiohttp.ClientWebSocketResponse:
    address = http.endpoint.with_scheme({"http": "ws", "https": "wss"}[http.endpoint.scheme])
    timeout = aiohttp.ClientWSTimeout(ws_close=GOODBYE_S)
    try:
        async with asyncio.timeout(CONNECT_S):
            return await http.session.ws_connect(
                address, protocols=(PROTOCOL,), timeout=timeout, max_msg_size=http.max_bytes, ssl=http.tls
            )
    except aiohttp.WSServerHandshakeError as error:
        raise _refused_handshake(error.status) from None  # the cause holds the request's headers
    except TimeoutError as error:
        raise Unreachable(f"{http.endpoint.origin()} did not answer in time.") from error
    except (aiohttp.ClientError, OSError) as error:
        raise Unreachable(f"{http.endpoint.origin()} cannot be reached: {error}.") from error


def _refused_handshake(status: int) -> ClientError:
    text = f"The server answered HTTP {status} instead of opening a WebSocket."
    if status >= 500 or status in (408, 425, 429):
        return Unreachable(text)
    code = NOT_SIGNED_IN if status == 401 else f"HTTP_{status}"
    return refused([{"message": text, "extensions": {"code": code}}])


def _ending(ws: aiohttp.ClientWebSocketResponse, got: aiohttp.WSMessage) -> ClientError:
    """How a connection ended that was not ended by us."""
    code = ws.close_code
    if isinstance(got.data, aiohttp.WebSocketError) and code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG:
        return AnswerTooLarge("An event exceeds the client's limit; select less, or raise `max_message_bytes`.")
    reason = got.extra or "no reason given"
    if code in LASTING:
        text = f"The server closed the connection with code {code}: {reason}."
        return refused([{"message": text, "extensions": {"code": LASTING[code]}}])
    return Unreachable(f"The connection ended with code {code}: {reason}.")
