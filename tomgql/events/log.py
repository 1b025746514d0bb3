"""The event log: append in a transaction, read in commit order.

A table, so that an event exists exactly when the data it announces do. The order of ids is the order of commits: the
database takes one advisory lock before the first id is drawn and keeps it to the commit (rules migration), so a
reader that asks for "id greater than mine" can miss nothing. Append as a transaction's last step: the lock is shared
by all writers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
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
    """One event as read: its place in the log and the ids it speaks of.

    ``by_origin`` is false of the end of what came from elsewhere, where this site decided it.
    """

    id: int
    topic: str
    change: str
    at: datetime
    target_id: int | None
    data_product_id: int | None
    job_id: int | None
    data_ids: list[int] | None
    by_origin: bool


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


_COLUMNS = (
    "e.id, e.topic, e.change, e.at, e.target_id, e.data_product_id, e.job_id, e.data_ids,"
    " e.tombstone #>> '{row,origin_instance_id}' is null or e.tombstone ? 'followed' as by_origin"
)


async def read_after(connection: Any, topics: Sequence[str], after: int, limit: int) -> list[LoggedEvent]:
    """The next events of these topics behind ``after``, in commit order.

    Raises CursorExpired when the log has forgotten what came behind ``after``: never a gap without a word.
    """
    return await _read(connection, after, "e.id > $1 and e.topic = any($3)", limit, list(topics))


async def read_any_after(connection: Any, after: int, limit: int) -> list[LoggedEvent]:
    """The next events of all topics behind ``after``, in commit order; raises CursorExpired."""
    return await _read(connection, after, "e.id > $1", limit)


async def _read(connection: Any, after: int, condition: str, limit: int, *values: Any) -> list[LoggedEvent]:
    rows = await connection.fetch(
        f"select i.event_horizon, i.instance_id::text, e.* from instance i left join lateral"
        f" (select {_COLUMNS} from events e where {condition} order by e.id limit $2) e on true order by e.id",
        after,
        limit,
        *values,
    )
    if rows and rows[0]["event_horizon"] > after:
        raise _expired(rows[0]["event_horizon"], rows[0]["instance_id"])
    return [LoggedEvent(*list(row.values())[2:]) for row in rows if row["id"] is not None]


async def horizon(connection: Any) -> Horizon:
    """How far the log reaches just now."""
    row = await connection.fetchrow(
        "select event_horizon, greatest(event_horizon, coalesce((select max(id) from events), 0)) as latest"
        " from instance"
    )
    return Horizon(row["event_horizon"], row["latest"])


async def prune(connection: asyncpg.Connection, keep_days: float, keep_events: int) -> int:
    """Forget events older than ``keep_days``, and all but the newest ``keep_events``; returns how many.

    How far is remembered, so that older cursors are refused.
    """
    async with connection.transaction():
        last = await connection.fetchval(
            "select greatest((select max(id) from events where at < now() - $1 * interval '1 day'),"
            " (select id from events order by id desc offset $2 limit 1))",
            float(keep_days),
            keep_events,
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
        raise _expired(reach.oldest, instance_id)
    return int(match[1])


def _expired(oldest: int, instance_id: str) -> CursorExpired:
    return CursorExpired(
        f"The event log reaches back to cursor {encode_cursor(oldest, instance_id)}; this one is older."
        " Query the data anew, then subscribe from `server.latestCursor`.",
        path=["after"],
    )
