"""A road to PostgreSQL that tests may spoil: it relays bytes, until it holds them up or drops the line."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from tomgql.embedded.directory import LOOPBACK

NARROW_BYTES = 16_384
"""Receive buffer of the road, so that who sends into a clogged one soon has to wait."""

CHUNK_BYTES = 65_536
"""Most bytes that are relayed at a time."""


class Wire:
    """Connections to a server on a loopback port."""

    def __init__(self, server_port: int) -> None:
        self.clogged = asyncio.Event()
        """Set when a client's bytes are held up."""
        self._server_port = server_port
        self._may_end = asyncio.Event()
        self._may_end.set()
        self._clog_after: int | None = None
        self._held: set[asyncio.StreamWriter] = set()
        self._dropped = asyncio.Event()
        self._ports: dict[asyncio.StreamWriter, int] = {}

    def hold_ends(self) -> None:
        """From now on no client hears that the server has closed its connection; the server's last words do arrive."""
        self._may_end.clear()

    def clog_after(self, sent_bytes: int) -> None:
        """From now on take nothing more from a client that has sent so many bytes."""
        self._clog_after = sent_bytes

    def mend(self) -> None:
        """Relay everything again; lines that were held up are dropped."""
        self._clog_after = None
        self._may_end.set()
        self._dropped.set()
        for client in self._held:
            client.transport.abort()

    def ports(self) -> list[int]:
        """The ports that the server sees its clients at: `client_port` of pg_stat_activity."""
        return list(self._ports.values())

    async def relay(self, requests: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        """Serve one connection until both its ends are closed."""
        answers, server = await asyncio.open_connection(LOOPBACK, self._server_port)
        self._ports[client] = server.get_extra_info("sockname")[1]
        try:
            await asyncio.gather(self._forth(requests, client, server), self._back(answers, client))
        finally:
            del self._ports[client]

    async def _forth(
        self, requests: asyncio.StreamReader, client: asyncio.StreamWriter, server: asyncio.StreamWriter
    ) -> None:
        sent = 0
        with contextlib.suppress(OSError), contextlib.closing(server):
            while data := await requests.read(CHUNK_BYTES):
                sent += len(data)
                if self._clog_after is not None and sent > self._clog_after:
                    self._held.add(client)
                    self.clogged.set()
                    await self._dropped.wait()
                    return
                server.write(data)
                await server.drain()

    async def _back(self, answers: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError), contextlib.closing(client):
            while data := await answers.read(CHUNK_BYTES):
                client.write(data)
                await client.drain()
            await self._may_end.wait()


@asynccontextmanager
async def wired(url: str) -> AsyncIterator[tuple[Wire, str]]:
    """A road to the server of an address, and the address at its other end."""
    port = urlsplit(url).port
    assert port is not None
    wire = Wire(port)
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW_BYTES)
    door.bind((LOOPBACK, 0))
    server = await asyncio.start_server(wire.relay, sock=door, limit=NARROW_BYTES)
    try:
        yield wire, url.replace(f":{port}/", f":{door.getsockname()[1]}/")
    finally:
        wire.mend()
        server.close()
