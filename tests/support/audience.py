"""Subscribers in a process of their own, which may be killed: `python -m tests.support.audience PORT TOKEN COUNT`.

COUNT of each kind subscribe: over WebSocket, over a stream of server-sent events each, and as an operation on a
reserved stream. Every second one never reads what it is sent. A line on standard input resets all lines at once (RST).
"""

from __future__ import annotations

import base64
import os
import selectors
import socket
import struct
import sys
from collections.abc import Callable

import orjson

SUBSCRIPTION = (
    "subscription { targets { cursor target { name " + " ".join(f"a{n}: extras" for n in range(30)) + " } } }"
)
"""What everybody asks: events of 30 times a target's extras, so that who does not read is soon held up."""

NARROW_BYTES = 65_536
"""Receive buffer of a subscriber, which the kernel fills for who does not read."""


def connected(port: int) -> socket.socket:
    """A connection with a small buffer."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW_BYTES)
    line.settimeout(30)
    line.connect(("127.0.0.1", port))
    return line


def requested(port: int, method: str, headers: dict[str, str], body: object = None) -> tuple[socket.socket, bytes]:
    """The connection of a request, and its answer as far as it has come with the head."""
    line = connected(port)
    content = b"" if body is None else orjson.dumps(body)
    if body is not None:
        headers = headers | {"Content-Type": "application/json", "Content-Length": str(len(content))}
    lines = [f"{method} /graphql HTTP/1.1", f"Host: 127.0.0.1:{port}", *(f"{n}: {v}" for n, v in headers.items())]
    line.sendall("\r\n".join([*lines, "", ""]).encode() + content)
    return line, until_there(line, b"\r\n\r\n")


def until_there(line: socket.socket, mark: bytes) -> bytes:
    """What comes, up to a mark and perhaps beyond."""
    came = b""
    while mark not in came:
        data = line.recv(4096)
        assert data, came
        came += data
    return came


def over_websocket(port: int, token: str) -> socket.socket:
    """Subscribe over graphql-transport-ws."""
    key = base64.b64encode(os.urandom(16)).decode()
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": key,
               "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": "graphql-transport-ws"}  # fmt: skip
    line, head = requested(port, "GET", headers)
    assert b" 101 " in head, head
    line.sendall(framed({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}))
    until_there(line, b"connection_ack")
    line.sendall(framed({"type": "subscribe", "id": "1", "payload": {"query": SUBSCRIPTION}}))
    return line


def framed(message: object) -> bytes:
    """A text frame of RFC 6455, masked with zeros: the same bytes."""
    content = orjson.dumps(message)
    size = len(content)
    return b"\x81" + (bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack("!H", size)) + bytes(4) + content


def over_a_stream(port: int, token: str) -> socket.socket:
    """Subscribe by a stream of its own."""
    headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {token}"}
    line, head = requested(port, "POST", headers, {"query": SUBSCRIPTION})
    assert b" 200 " in head, head
    return line


def over_a_reserved_stream(port: int, token: str) -> socket.socket:
    """Reserve a stream, open it, and subscribe on it."""
    signed = {"Authorization": f"Bearer {token}"}
    reservation, answer = requested(port, "PUT", signed | {"Connection": "close"})
    while data := reservation.recv(4096):
        answer += data
    reservation.close()
    assert b" 201 " in answer, answer
    held = {"X-GraphQL-Event-Stream-Token": answer.rpartition(b"\r\n\r\n")[2].decode()}
    line, _ = requested(port, "GET", held | {"Accept": "text/event-stream"})
    body = {"query": SUBSCRIPTION, "extensions": {"operationId": "1"}}
    asked, answer = requested(port, "POST", signed | held, body)
    asked.close()
    assert b" 202 " in answer, answer
    return line


KINDS: list[Callable[[int, str], socket.socket]] = [over_websocket, over_a_stream, over_a_reserved_stream]
"""All ways to subscribe."""


def reset(line: socket.socket) -> None:
    """Cut a connection without a goodbye: RST."""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()


def main(port: int, token: str, count: int) -> None:
    """Subscribe, say so, and read with every second one until the end."""
    lines = [kind(port, token) for kind in KINDS for _ in range(count)]
    print("all are there", flush=True)
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin, selectors.EVENT_READ)
        for line in lines[::2]:
            selector.register(line, selectors.EVENT_READ)
        while all(key.fileobj is not sys.stdin for key in read_some(selector)):
            pass
    for line in lines:
        reset(line)


def read_some(selector: selectors.BaseSelector) -> list[selectors.SelectorKey]:
    """Take what has come; the places where something came."""
    ready = [key for key, _ in selector.select()]
    for key in ready:
        if isinstance(key.fileobj, socket.socket) and not key.fileobj.recv(65_536):
            selector.unregister(key.fileobj)
    return ready


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
