"""Many subscribers in one process: sockets that count frames, so that the servers are measured and not these."""

from __future__ import annotations

import asyncio
import base64
import os
import time

import orjson

CLOSE, PING, PONG, TEXT = 0x8, 0x9, 0xA, 0x1
"""Opcodes of RFC 6455."""


class Listener(asyncio.Protocol):
    """One WebSocket of graphql-transport-ws with one subscription; notes when each event came."""

    def __init__(self, port: int, token: str | None, document: str) -> None:
        self.came: list[float] = []
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.problem = ""
        self._port = port
        self._token = token
        self._document = document
        self._buffer = b""
        self._opened = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio; asks for the WebSocket."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        key = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            f"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        self._buffer += data
        if not self._opened:
            head, separator, rest = self._buffer.partition(b"\r\n\r\n")
            if not separator:
                return
            assert b" 101 " in head, head.decode()
            self._opened, self._buffer = True, rest
            self._say({"type": "connection_init", "payload": _payload(self._token)})
        while frame := self._frame():
            self._hear(*frame)

    def close(self) -> None:
        """Hang up."""
        self._transport.abort()

    def _frame(self) -> tuple[int, bytes] | None:
        """The next frame of the buffer; servers send them whole and unmasked."""
        if len(self._buffer) < 2:
            return None
        size, start = self._buffer[1], 2
        if size >= 126:
            start = 4 if size == 126 else 10
            size = int.from_bytes(self._buffer[2:start], "big")
        if len(self._buffer) < start + size:
            return None
        frame = self._buffer[0] & 0xF, self._buffer[start : start + size]
        self._buffer = self._buffer[start + size :]
        return frame

    def _hear(self, opcode: int, content: bytes) -> None:
        if opcode == PING:
            self._send(PONG, content)
        elif opcode == CLOSE or b'"error"' in content[:60]:
            self.problem = content.decode(errors="replace")
        elif b'"next"' in content[:60]:
            assert b'"errors"' not in content, content
            self.came.append(time.perf_counter())
        elif b"connection_ack" in content:
            self._say({"id": "1", "type": "subscribe", "payload": {"query": self._document}})
            self.ready.set_result(None)
        elif b'"ping"' in content:
            self._say({"type": "pong"})

    def _say(self, message: object) -> None:
        self._send(TEXT, orjson.dumps(message))

    def _send(self, opcode: int, content: bytes) -> None:
        size = len(content)
        head = bytes([0x80 | opcode]) + (bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big"))
        self._transport.write(head + bytes(4) + content)  # masked with zeros: the same bytes


def _payload(token: str | None) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"} if token else {}


async def listen(port: int, token: str | None, documents: list[str]) -> list[Listener]:
    """A subscriber for each document, greeted and subscribed."""
    loop = asyncio.get_running_loop()
    listeners = []
    for start in range(0, len(documents), 50):  # few at a time: a listening socket queues about a hundred
        some = [Listener(port, token, document) for document in documents[start : start + 50]]
        await asyncio.gather(*(loop.create_connection(lambda each=each: each, "127.0.0.1", port) for each in some))  # type: ignore[misc]
        await asyncio.gather(*(each.ready for each in some))
        listeners += some
    return listeners
