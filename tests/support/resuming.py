"""A subscriber that was away for long: what it is told when it comes back, and what memory that takes the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from tests.support.client import Client
from tests.support.disconnects import CREATE, PATIENCE_S, Parts, answers, clients_of, running_parts
from tests.support.faults import latest_cursor
from tests.support.restless import prepared
from tests.support.site import until

EVENTS = """
subscription ($after: Cursor) {
  reducedData(after: $after) {
    cursor change at count target { id name } data { globalId revision mjd a: globalId b: globalId c: globalId }
  }
}
"""

DATA = 1_000
"""Reduced data of each target."""

FILL = """
with held as (select target_id, array_agg(id order by id) as data_ids from reduced_data group by target_id),
  placed as (select *, row_number() over (order by target_id) - 1 as place, count(*) over () as targets from held)
insert into events (topic, change, target_id, data_product_id, job_id, data_ids)
select 'reduced_data', 'REVISED', target_id, null, null, data_ids[n % $2 + 1 : n % $2 + $3]
from generate_series(1, $1::int) as n join placed on place = n % targets order by n
"""
"""So many events as the writer of data makes them, about $3 data each that begin at one of the first $2."""

LOGGED = """
select e.id, e.target_id, array(select global_id::text from reduced_data r
  where r.target_id = e.target_id and r.id = any(e.data_ids)) as data
from events e where e.id > $1 and e.topic = 'reduced_data' order by e.id
"""

LIVE = 30
"""Events that are recorded while the subscriber catches up."""

ABSENT_S = 2.0
"""How long the subscriber, back again, leaves unread what it is sent."""


@dataclass(frozen=True)
class Resumed:
    """What a resumption came to: events told, their size in characters, seconds, and growth of memory in bytes."""

    events: int
    size: int
    seconds: float
    growth: int

    def __str__(self) -> str:
        return (
            f"{self.events:,} missed events, {self.size / 1e6:.0f} MB of JSON, told in {self.seconds:.0f} s, each once"
            f" and in order; the web process grew by {self.growth / 2**20:.1f} MiB at most"
        )


async def run(place: Path, events: int, data_per_event: int) -> Resumed:
    """Miss so many events, come back, and compare what is told with the log; fails when they differ."""
    async with running_parts(place, prepared) as (parts, token, targets):
        client, writer = clients_of(parts, token)
        await until(PATIENCE_S, lambda: answers(writer))
        for target in targets:
            await _record(writer, target, DATA, 50_000)
        begin = await latest_cursor(client)
        await _fill(parts, 100, data_per_event)
        await _told(client, begin, 100)  # the process is warm
        begin = await latest_cursor(client)
        await _fill(parts, events, data_per_event)
        return await _resumed(parts, (client, writer), targets[0], begin, events)


async def _resumed(parts: Parts, clients: tuple[Client, Client], target: str, begin: str, events: int) -> Resumed:
    client, writer = clients
    memory = Memory(parts.webs[0].process.pid)
    started = asyncio.get_running_loop().time()
    writing = asyncio.create_task(_record_one_by_one(writer, target))
    told = await _told(client, begin, events + LIVE)
    seconds = asyncio.get_running_loop().time() - started
    growth = memory.growth()
    await writing
    assert told.cursors[-1] == await latest_cursor(client)
    await _compare(parts, told, int(begin.split("-")[0]))
    return Resumed(events, told.size, seconds, growth)


@dataclass
class Told:
    """What the subscriber was told: the cursors in order, and each event's target and data."""

    cursors: list[str]
    events: list[tuple[int, str, frozenset[str]]]
    size: int


async def _told(client: Client, after: str, number: int) -> Told:
    told = Told([], [], 0)
    async with client.subscribe(EVENTS, after=after) as subscription:
        await asyncio.sleep(ABSENT_S)
        async for event in _events(subscription, number):
            assert event["count"] == len(event["data"])
            told.cursors.append(event["cursor"])
            data = frozenset(datum["globalId"] for datum in event["data"])
            told.events.append((int(event["cursor"].split("-")[0]), event["target"]["id"], data))
            told.size += len(str(event))
    return told


async def _events(subscription: Any, number: int) -> AsyncIterator[dict[str, Any]]:
    for _ in range(number):
        yield (await asyncio.wait_for(subscription.next(), 30))["reducedData"]


async def _compare(parts: Parts, told: Told, begin: int) -> None:
    """The log itself, event by event: nothing lost, nothing doubled, the order of each target kept."""
    connection = await asyncpg.connect(parts.postgres.dsn())
    try:
        async with connection.transaction():
            number = 0
            async for row in connection.cursor(LOGGED, begin, prefetch=1_000):
                wanted = (row["id"], f"t{row['target_id']}", frozenset(row["data"]))
                assert told.events[number] == wanted, f"event {number} of {len(told.events)}"
                number += 1
    finally:
        await connection.close()
    assert number == len(told.events)


async def _fill(parts: Parts, events: int, data_per_event: int) -> None:
    connection = await asyncpg.connect(parts.postgres.dsn())
    try:
        await connection.execute(FILL, events, DATA - data_per_event, data_per_event)
    finally:
        await connection.close()


async def _record_one_by_one(writer: Client, target: str) -> None:
    for number in range(LIVE):
        await _record(writer, target, 1, 51_000 + number)


async def _record(client: Client, target: str, number: int, first_mjd: float) -> None:
    rows = [{"mjd": first_mjd + row / 10, "mag": 18, "magerr": 0.1, "filter": "ztfr"} for row in range(number)]
    answer = await client.query(CREATE, input={"target": target, "dataType": "photometry", "rows": rows})
    assert answer["createReducedData"] == {"created": number, "revised": 0, "errors": []}


class Memory:
    """A process' memory from now on, in bytes."""

    def __init__(self, pid: int) -> None:
        self._process = Path(f"/proc/{pid}")
        (self._process / "clear_refs").write_text("5")  # proc(5): forgets the peak
        self._before = self._of("VmRSS")

    def growth(self) -> int:
        """How far the peak lies above the beginning."""
        return self._of("VmHWM") - self._before

    def _of(self, name: str) -> int:
        lines = (self._process / "status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
