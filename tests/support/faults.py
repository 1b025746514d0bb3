"""What fault tests share: files that take a while, jobs watched to their end, and everything a subscriber is told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from tests.support.client import Client
from tests.support.site import until

JOB = "query ($id: ID!) { job(id: $id) { state progress message attempts result error { code message retryable } } }"

ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")

DATA_EVENTS = """
subscription ($after: Cursor, $target: ID!) {
  reducedData(after: $after, where: {target: $target}) { cursor change count data { id } }
}
"""

QUIET_S = 0.3
"""How long a stream must be silent to count as read to its end; the log is read at once when it has more."""


def light_curve(rows: int, first_mjd: float = 59000.0) -> bytes:
    """A CSV file of photometry with so many rows, no two of one time."""
    lines = (f"{first_mjd + row / 1000:.3f},{20 + row % 100 / 100:.2f},0.05,ztfr" for row in range(rows))
    return ("mjd,mag,magerr,filter\n" + "\n".join(lines) + "\n").encode()


async def job_of(client: Client, job_id: str) -> dict[str, Any]:
    """The job as it is now."""
    job: dict[str, Any] = (await client.query(JOB, id=job_id))["job"]
    return job


async def ended(client: Client, job_id: str, seconds: float = 30) -> dict[str, Any]:
    """The job once it has ended."""

    async def look() -> Any:
        job = await job_of(client, job_id)
        return job if job["state"] in ENDED else None

    job: dict[str, Any] = await until(seconds, look)
    return job


async def reaches(client: Client, job_id: str, state: str, progress: float = 0.0, seconds: float = 30) -> None:
    """Return when the job is in a state, and so far."""

    async def look() -> bool:
        job = await job_of(client, job_id)
        assert job["state"] not in ENDED or job["state"] == state, job
        return bool(job["state"] == state and job["progress"] >= progress)

    await until(seconds, look)


async def latest_cursor(client: Client) -> str:
    """Where the event log ends now."""
    cursor: str = (await client.query("{ server { latestCursor } }"))["server"]["latestCursor"]
    return cursor


async def announced(client: Client, target: str, after: str, count: int) -> Counter[str]:
    """How often each datum of a target is announced behind a cursor; reads on until `count` and then silence."""
    seen: Counter[str] = Counter()
    async with client.subscribe(DATA_EVENTS, after=after, target=target) as events:
        while sum(seen.values()) < count:
            event = (await asyncio.wait_for(events.next(), 30))["reducedData"]
            assert event["count"] == len(event["data"])
            seen.update(datum["id"] for datum in event["data"])
        try:
            more = await asyncio.wait_for(events.next(), QUIET_S)
        except TimeoutError:
            return seen
    raise AssertionError(f"more than {count} data were announced: {more}")


async def stored_ids(connection: Any, target: str) -> list[str]:
    """Public ids of a target's reduced data, from the table itself."""
    key = int(target[1:])
    rows = await connection.fetch("select id from reduced_data where target_id = $1 order by id", key)
    return [f"d{key}-{row['id']}" for row in rows]


async def assert_exactly_once(client: Client, connection: Any, target: str, after: str, rows: int) -> None:
    """The target has so many data, each announced once behind the cursor, none revised."""
    stored = await connection.fetchval("select count(*) from reduced_data where target_id = $1", int(target[1:]))
    times = await connection.fetchval(
        "select count(distinct mjd) from reduced_data where target_id = $1 and revision = 1", int(target[1:])
    )
    assert (stored, times) == (rows, rows)
    told = await announced(client, target, after, rows)
    assert (len(told), set(told.values())) == (rows, {1})


@asynccontextmanager
async def held_up(database_url: str, statement: str) -> AsyncIterator[asyncpg.Connection]:
    """Hold a lock, taken by `statement`, on which a worker will wait in the middle of its transaction."""
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await connection.execute(statement)
            yield connection
    finally:
        await connection.close()


async def someone_waits(connection: Any, what: str = "") -> None:
    """Return when another session of this database waits for a lock in a statement that holds `what`."""

    async def look() -> bool:
        await connection.execute("select pg_stat_clear_snapshot()")
        return bool(
            await connection.fetchval(
                "select count(*) from pg_stat_activity where datname = current_database()"
                " and wait_event_type = 'Lock' and pid <> pg_backend_pid() and position($1 in query) > 0",
                what,
            )
        )

    await until(20, look)
