"""The web server: uvicorn, with a word to those who listen before it goes."""

from __future__ import annotations

import os
import socket
import sys

import uvicorn
from starlette.applications import Starlette

from tomgql.connections import protocol_of
from tomgql.settings import Settings

DRAIN_S = 3.0
"""How long streams may take to be told that the server goes away."""

STARTUP_FAILED = 3
"""Exit code of a server that could not start, as uvicorn itself has it."""


class DrainingServer(uvicorn.Server):
    """Ends its streams with the cursor to go on behind, then closes connections.

    ``stall_s``: a client that takes nothing of what waits for it for so long is cut.
    """

    def __init__(self, config: uvicorn.Config, app: Starlette, stall_s: float) -> None:
        super().__init__(config)
        self._app = app
        self._stall_s = stall_s

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        await super().startup(sockets)
        for server in self.servers:
            for door in server.sockets:
                _cut_who_stalls(door.fileno(), self._stall_s)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        for server in self.servers:
            server.close()  # nobody new comes in meanwhile
        await self._app.state.streams.drain(DRAIN_S)
        await super().shutdown(sockets)


def server_of(app: Starlette, settings: Settings) -> DrainingServer:
    """A server for an application at the settings' address."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=protocol_of(settings.head_timeout_s),
        ws_max_size=settings.max_socket_message_bytes,
        log_level=settings.log_level.lower(),
        ws_ping_interval=settings.socket_ping_s,
        ws_ping_timeout=settings.socket_ping_s,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=5,
    )
    return DrainingServer(config, app, settings.client_stall_s)


def _cut_who_stalls(door: int, seconds: float) -> None:
    """Have the kernel end connections whose client lets what is sent wait, as tcp(7) has it for TCP_USER_TIMEOUT.

    Nobody else can: a closed connection stays until its last byte is taken, and keeps its place among the streams.
    Connections have the option from the socket that listens. Systems other than Linux have none like it.
    """
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None:
        with socket.socket(fileno=os.dup(door)) as listening:
            listening.setsockopt(socket.IPPROTO_TCP, option, int(seconds * 1_000))


def serve(app: Starlette, settings: Settings) -> None:
    """Run the application until SIGINT or SIGTERM; exits with 3 when it cannot start."""
    server = server_of(app, settings)
    server.run()
    if not server.started:
        sys.exit(STARTUP_FAILED)
