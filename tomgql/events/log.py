"""The event log: append in a transaction, read in commit order.

A table, so that an event exists exactly when the data it announces do. The order of ids is the order of commits: the
database takes one advisory lock before the first id is drawn and keeps it to the commit (rules migration), so a
reader that asks for "id greater than mine" can miss nothing. Append as a transaction's last step: the lock is shared
by all writers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from tomgql.errors import CursorExpired, InvalidCursor
from tomgql.store.transaction import Transaction

DATA_PER_EVENT = 500
"""Most reduced data that one event announces, so that a message to a subscriber stays small."""

CHANNEL = "tomgql_events"
"""Name of the notification that wakes readers."""

_CURSOR = re.compile(r"([0-9]{19})-([0-9a-f]{8})")


@dataclass(frozen=True)
class LoggedEvent:
    """One event as read: its place in the log and the ids it speaks of."""

    id: int
    topic: str
    change: str
    at: datetime
    target_id: int | None
    data_product_id: int | None
    job_id: int | None
    data_ids: list[int] | None


@dataclass(frozen=True)
class Horizon:
    """How far the log reaches: ids above ``oldest`` up to ``latest`` can be read."""

    oldest: int
    latest: int


async def append(
    tx: Transaction,
    topic: str,
    change: str,
    *,
    target_id: int | None = None,
    data_product_id: int | None = None,
    job_id: int | None = None,
    tombstone: dict[str, Any] | None = None,
) -> None:
    """Append one event; call it last in the transaction."""
    await tx.execute(
        "insert into events (topic, change, target_id, data_product_id, job_id, tombstone)"
        " values ($1, $2, $3, $4, $5, $6)",
        topic,
        change,
        target_id,
        data_product_id,
        job_id,
        tombstone,
    )


async def read_after(connection: Any, topic: str, after: int, limit: int) -> list[LoggedEvent]:
    """The next events of a topic behind ``after``, in commit order."""
    rows = await connection.fetch(
        "select id, topic, change, at, target_id, data_product_id, job_id, data_ids from events"
        " where id > $1 and topic = $2 order by id limit $3",
        after,
        topic,
        limit,
    )
    return [LoggedEvent(**dict(row)) for row in rows]


async def horizon(connection: Any) -> Horizon:
    """How far the log reaches just now."""
    row = await connection.fetchrow(
        "select event_horizon, greatest(event_horizon, coalesce((select max(id) from events), 0)) as latest"
        " from instance"
    )
    return Horizon(row["event_horizon"], row["latest"])


async def prune(connection: asyncpg.Connection, keep_days: float) -> int:
    """Forget events older than ``keep_days``; remembers how far, so that old cursors are refused. Returns how many."""
    async with connection.transaction():
        last = await connection.fetchval(
            "select max(id) from events where at < now() - $1 * interval '1 day'", float(keep_days)
        )
        if last is None:
            return 0
        await connection.execute("update instance set event_horizon = greatest(event_horizon, $1)", last)
        tag = await connection.execute("delete from events where id <= $1", last)
        return int(tag.split()[-1])


def encode_cursor(event_id: int, instance_id: str) -> str:
    """The cursor of a place in the log: grows in commit order, and names the installation that it belongs to."""
    return f"{event_id:019d}-{instance_id[:8]}"


def decode_cursor(cursor: str, instance_id: str, reach: Horizon) -> int:
    """The place that a cursor names.

    Raises InvalidCursor for what this installation never gave, CursorExpired for a place that the log has forgotten.
    """
    match = _CURSOR.fullmatch(cursor)
    if match is None or match[2] != instance_id[:8] or int(match[1]) > reach.latest:
        raise InvalidCursor(
            "This is not a cursor of this server's event log; take `cursor` of an event or `server.latestCursor`.",
            path=["after"],
        )
    if int(match[1]) < reach.oldest:
        raise CursorExpired(
            f"The event log reaches back to cursor {encode_cursor(reach.oldest, instance_id)}; this one is older."
            " Query the data anew, then subscribe from `server.latestCursor`.",
            path=["after"],
        )
    return int(match[1])
