"""A site whose parts are killed at random while it is written to and listened to, and what its subscribers heard.

Real processes: PostgreSQL, Valkey and two web processes are killed by SIGKILL and started again; subscribers hang up
without a goodbye. Writers repeat a call with its idempotency key until it is answered; subscribers resume behind the
cursor of the last event they took.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import websockets

from tests.support.client import Client
from tests.support.site import Child, free_port, until
from tomgql.embedded import EmbeddedPostgres, EmbeddedValkey
from tomgql.settings import Settings

EVENTS = """
subscription ($after: Cursor) {
  reducedData(after: $after) { cursor target { id } data { globalId revision } }
}
"""
CREATE = "mutation ($input: CreateReducedDataInput!) {createReducedData(input: $input) {created revised errors {code}}}"

LOST = (OSError, TimeoutError, AssertionError, ValueError, KeyError, TypeError, httpx.HTTPError,
        websockets.WebSocketException)  # fmt: skip
"""What a client sees of a server that dies: no connection, half an answer, or an answer that says so."""

ROWS = 5
"""Data of one call; every fourth call revises those of an earlier one."""

PATIENCE_S = 90.0
"""Longest wait for a server that was killed to answer again."""


@dataclass
class Heard:
    """What one subscriber was told: its place, every event, and the revision that each datum was last shown in."""

    place: str
    cursors: list[str] = field(default_factory=list)
    revisions: dict[str, int] = field(default_factory=dict)
    disconnects: int = 0

    def take(self, event: dict[str, Any]) -> None:
        """Note an event."""
        self.place = event["cursor"]
        self.cursors.append(event["cursor"])
        self.revisions |= {datum["globalId"]: datum["revision"] for datum in event["data"]}


@dataclass
class Parts:
    """The processes of a site."""

    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    settings: list[Settings]
    webs: list[Child] = field(default_factory=list)
    kills: Counter[str] = field(default_factory=Counter)

    def start_web(self, number: int) -> None:
        """Start one of the web processes."""
        self.webs[number] = Child(self.settings[number], "serve", "--port", str(self.settings[number].port))

    async def kill_one(self, dice: random.Random) -> None:
        """Kill a part and start it again."""
        kind = dice.choices(["web", "valkey", "postgresql"], [6, 2, 2])[0]
        self.kills[kind] += 1
        if kind == "web":
            number = dice.randrange(len(self.webs))
            await asyncio.to_thread(self.webs[number].kill)
            self.start_web(number)
        else:
            server = self.valkey if kind == "valkey" else self.postgres
            await asyncio.to_thread(kill_and_start, server)


def kill_and_start(server: EmbeddedPostgres | EmbeddedValkey) -> None:
    """kill -9, and start again."""
    if server.pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(server.pid, signal.SIGKILL)
    server.stop()
    server.start()


@asynccontextmanager
async def running_parts(place: Path, prepare: Any) -> AsyncIterator[tuple[Parts, str, list[str]]]:
    """Everything started; the parts, an administrator's token and ids of targets to write to.

    ``prepare`` is called with the database's address and returns the token.
    """
    postgres, valkey = EmbeddedPostgres(place / "postgres"), EmbeddedValkey(place / "valkey")
    async with AsyncExitStack() as stack:
        for server in (postgres, valkey):
            stack.callback(server.stop)
            await asyncio.to_thread(server.start)
        token = await prepare(postgres.dsn())
        shared = {"database_url": postgres.dsn(), "redis_url": valkey.url(), "data_dir": place, "log_level": "error"}
        settings = [Settings(**shared, port=free_port()) for _ in range(2)]
        parts = Parts(postgres, valkey, settings, [Child(each, "serve", "--port", str(each.port)) for each in settings])
        stack.callback(lambda: [web.kill() for web in parts.webs])
        clients = clients_of(parts, token)
        await until(PATIENCE_S, lambda: answers(clients[0]))
        targets = [await _target(clients[0], f"Disconnects {number}") for number in range(3)]
        yield parts, token, targets


def clients_of(parts: Parts, token: str) -> list[Client]:
    """A client of each web process."""
    return [Client(f"http://127.0.0.1:{each.port}", token) for each in parts.settings]


async def answers(client: Client) -> bool:
    """Whether a client's server answers."""
    with contextlib.suppress(*LOST):
        return bool(await client.query("{ server { latestCursor } }"))
    return False


async def _target(client: Client, name: str) -> str:
    create = "mutation ($n: String!) {createTarget(input: {name: $n, raDeg: 1, decDeg: 1}) {target {id}}}"
    target: str = (await client.query(create, n=name))["createTarget"]["target"]["id"]
    return target


async def write_on(clients: list[Client], target: str, dice: random.Random, over: asyncio.Event) -> None:
    """Record data and revise some, until it is over."""
    call = 0
    while not over.is_set():
        first = call if call % 4 else max(call - 2, 0)
        rows = [{"mjd": 59000 + first + row / 100, "mag": 18 + call / 1e5, "magerr": 0.1, "filter": "ztfr"}
                for row in range(ROWS)]  # fmt: skip
        given = {"target": target, "dataType": "photometry", "rows": rows, "idempotencyKey": f"{target} {call}"}
        await _insist(clients, given, dice)
        call += 1


async def _insist(clients: list[Client], given: dict[str, Any], dice: random.Random) -> None:
    """Repeat a call until it is answered: with its key it is done once however often it is sent."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(*LOST):
                answer = await asyncio.wait_for(dice.choice(clients).query(CREATE, input=given), 20)
                assert answer["createReducedData"]["errors"] == []
                return
            await asyncio.sleep(0.1)


async def listen_on(clients: list[Client], heard: Heard, dice: random.Random, over: asyncio.Event) -> None:
    """Subscribe, take a few events, hang up, and go on at any of the web processes, until it is over."""
    while not over.is_set():
        with contextlib.suppress(*LOST):
            async with asyncio.timeout(10), dice.choice(clients).subscribe(EVENTS, after=heard.place) as events:
                try:
                    for _ in range(dice.randrange(1, 12)):
                        heard.take((await events.next())["reducedData"])
                finally:
                    heard.disconnects += 1
                    events.drop()
        await asyncio.sleep(dice.random() / 20)


async def read_to_the_end(client: Client, heard: Heard, end: str) -> None:
    """Take what is left, up to a place of the log."""
    async with client.subscribe(EVENTS, after=heard.place) as events:
        while heard.place < end:
            heard.take((await asyncio.wait_for(events.next(), 30))["reducedData"])


async def stored(database_url: str) -> tuple[dict[str, int], list[int]]:
    """The table itself: globalId and revision of every datum; and the ids of all events about data, in order."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch("select global_id::text, revision from reduced_data")
        events = await connection.fetch("select id from events where topic = 'reduced_data' order by id")
    finally:
        await connection.close()
    return {row["global_id"]: row["revision"] for row in rows}, [row["id"] for row in events]
