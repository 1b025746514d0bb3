"""A running site: the application behind a real socket, and workers as real child processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from pydantic import SecretStr

from tests.support.client import Client
from tomgql.app import build_app
from tomgql.connections import protocol_of
from tomgql.graphql.streams import Streams
from tomgql.runtime import Runtime
from tomgql.settings import Settings


@dataclass
class Site:
    """One running web application."""

    url: str
    settings: Settings
    rt: Runtime
    streams: Streams

    def client(self, token: str | None = None) -> Client:
        """A client that signs in with a token, or does not."""
        return Client(self.url, token)


@asynccontextmanager
async def running_site(settings: Settings) -> AsyncIterator[Site]:
    """The application under uvicorn in this process, on a free port."""
    app = build_app(settings)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host="127.0.0.1",
            port=0,
            http=protocol_of(settings.head_timeout_s),
            log_level="warning",
            timeout_graceful_shutdown=1,
            ws_per_message_deflate=False,
        )
    )
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server._serve())
    while not server.started:
        if task.done():
            task.result()
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Site(f"http://127.0.0.1:{port}", settings, app.state.rt, app.state.streams)
    finally:
        server.should_exit = True
        await task


def environment(settings: Settings) -> dict[str, str]:
    """The settings as the environment of a child process."""
    given = settings.model_dump(exclude_none=True)
    said = {
        name: json.dumps(value, default=_plain) if isinstance(value, dict) else _plain(value)
        for name, value in given.items()
    }
    return {**os.environ, **{f"TOMGQL_{name.upper()}": value for name, value in said.items()}}


def _plain(value: Any) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


class Child:
    """A `tomgql` command as a child process. It prints into a file: nobody reads a pipe, and a full one stops it."""

    def __init__(self, settings: Settings, *command: str) -> None:
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tomgql", *command],
            env=environment(settings),
            stdout=self._printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> str:
        """SIGTERM; returns what it printed. Raises TimeoutExpired, and kills it, when it does not end by itself."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        return self.printed()

    def printed(self) -> str:
        """What it has printed so far."""
        file = self._printed.fileno()
        return os.pread(file, os.fstat(file).st_size, 0).decode()  # leaves alone where the child writes


@contextlib.contextmanager
def running_worker(settings: Settings) -> Any:
    """A real worker process for the length of the block; what it printed is shown when the test fails."""
    child = Child(settings, "worker")
    try:
        yield child
    finally:
        print(child.stop())


def free_port() -> int:
    """A port of this machine that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def web_child(settings: Settings) -> AsyncIterator[Child]:
    """A web process that answers; killed at the end of the block if it still lives."""
    child = Child(settings, "serve", "--port", str(settings.port))
    try:
        await until(20, lambda: listens(settings.port))
        yield child
    finally:
        if child.process.poll() is None:
            child.kill()
        child.process.wait()


def listens(port: int) -> bool:
    """Whether somebody takes connections on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def until(seconds: float, condition: Callable[[], Any]) -> Any:
    """The first true answer of an async or plain condition, polled; fails when there is none in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        found = condition()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        assert asyncio.get_running_loop().time() < deadline, f"nothing within {seconds} s"
        await asyncio.sleep(0.05)
