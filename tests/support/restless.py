"""Restless subscribers and mortal servers together: one run, and what must be true at its end."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass
from pathlib import Path

from tests.support.client import Client
from tests.support.disconnects import (
    LOST,
    Heard,
    clients_of,
    listen_on,
    read_to_the_end,
    running_parts,
    stored,
    write_on,
)
from tests.support.faults import latest_cursor
from tests.support.site import until
from tomgql.site import create_token, create_user
from tomgql.store.schema import migrate

SUBSCRIBERS = 6
"""Subscribers that come and go at a time."""


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    disconnects: int
    kills: dict[str, int]
    data: int
    events: int
    revised: int

    def __str__(self) -> str:
        killed = ", ".join(f"{name} {number}" for name, number in sorted(self.kills.items()))
        return (
            f"{self.disconnects} disconnects of {SUBSCRIBERS} subscribers; killed: {killed}; {self.data} data,"
            f" {self.revised} of them revised, in {self.events} events: each subscriber was told of each event once, in"
            " order, and holds what the table holds"
        )


async def prepared(database_url: str) -> str:
    """Migrate a database and make an administrator; the token."""
    await migrate(database_url)
    await create_user(database_url, "chaos", is_admin=True)
    token: str = await create_token(database_url, "chaos", "disconnects", ())
    return token


async def run(place: Path, disconnects: int, pause_s: float, seed: int) -> Outcome:
    """Disconnect and kill until there were so many disconnects; fails when anything was lost, doubled or reordered."""
    dice, over = random.Random(seed), asyncio.Event()
    async with running_parts(place, prepared) as (parts, token, targets):
        clients = clients_of(parts, token)
        begin = await latest_cursor(clients[0])
        everybody = [Heard(begin) for _ in range(SUBSCRIBERS)]
        writers = [asyncio.create_task(write_on(clients, target, dice, over)) for target in targets]
        listeners = [asyncio.create_task(listen_on(clients, heard, dice, over)) for heard in everybody]
        while sum(heard.disconnects for heard in everybody) < disconnects:
            await asyncio.sleep(pause_s * (0.5 + dice.random()))
            await parts.kill_one(dice)
        over.set()
        await asyncio.gather(*writers, *listeners)
        end = await until(60, lambda: _end(clients))
        for heard in everybody:
            await read_to_the_end(clients[0], heard, end)
        table, events = await stored(parts.postgres.dsn())
        for heard in everybody:
            told = [int(cursor.split("-")[0]) for cursor in heard.cursors]
            wanted = [event for event in events if event > int(begin.split("-")[0])]
            missing, repeated = sorted(set(wanted) - set(told)), len(told) - len(set(told))
            assert told == wanted, f"missing: {missing}; repeated: {repeated}; unknown: {set(told) - set(wanted)}"
            assert heard.revisions == table
        total = sum(heard.disconnects for heard in everybody)
        revised = sum(revision > 1 for revision in table.values())
        return Outcome(total, dict(parts.kills), len(table), len(events), revised)


async def _end(clients: list[Client]) -> str | None:
    with contextlib.suppress(*LOST):
        return await latest_cursor(clients[0])
    return None
