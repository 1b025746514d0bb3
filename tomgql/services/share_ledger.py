"""The ledger of shares, row by row: what a job has still to send, and what came of each item.

A row is written only while it says what was read of it: when a datum was revised, or another job took the item over
while it was on its way, what came of the older state is not taken for the newer one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tomgql.plugins.destinations import Outcome, Sent
from tomgql.store.transaction import Transaction

MOST_ATTEMPTS = 8
"""Attempts at an item that the destination does not take for the moment, before it counts as failed."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 60.0, 3600.0
"""Pause before such an item is tried again: doubled with every attempt."""

PATIENCE_DAYS = 7
"""Items that a destination has not answered for so long, and no other of their job, count as failed."""

LONGEST_ANSWER, LONGEST_REMOTE_ID = 2_000, 200
"""Characters kept of what a destination says, and of what it calls an item."""

_COLUMNS = (
    "id, subject_kind, target_id, subject_id, subject_global_id, content, state, attempts, remote_id, due, job_id"
)


@dataclass(frozen=True)
class Item:
    """A row of the ledger as it was read."""

    id: int
    kind: str
    target_id: int
    subject_id: int
    global_id: UUID
    content: UUID
    state: str
    attempts: int
    remote_id: str | None
    due: Any
    job_id: int


@dataclass(frozen=True)
class Delivered:
    """What came of an item: ``content`` is the state of the thing that was sent."""

    item: Item
    outcome: Outcome
    content: UUID | None = None


async def due_items(connection: Any, job_id: int, after: int, most: int) -> list[Item]:
    """The job's next items behind a key that are due, in the order in which they were queued."""
    rows = await connection.fetch(
        f"select {_COLUMNS} from share_ledger where job_id = $1 and state = 'QUEUED' and id > $2 and due <= now()"
        " order by id limit $3",
        job_id, after, most,
    )  # fmt: skip
    return [_item(row) for row in rows]


async def item_of(connection: Any, destination: str, kind: str, global_id: UUID) -> Item | None:
    """The row of one thing, whichever job it belongs to."""
    row = await connection.fetchrow(
        f"select {_COLUMNS} from share_ledger where destination = $1 and subject_kind = $2 and subject_global_id = $3",
        destination, kind, global_id,
    )  # fmt: skip
    return None if row is None else _item(row)


async def record(connection: Any, delivered: Sequence[Delivered]) -> None:
    """Write what came of items. One that may not go any more is REFUSED beforehand, by `refuse`."""
    rows = [_written(each) for each in delivered]
    await connection.execute(
        "update share_ledger l set state = o.state, content = coalesce(o.content, l.content), answer = o.answer,"
        " remote_id = coalesce(o.remote_id, l.remote_id), attempts = l.attempts + 1,"
        " due = case when o.state = 'QUEUED' then now() + o.pause_s * interval '1 second' else l.due end,"
        " sent = case when o.state = 'SENT' then now() else l.sent end"
        " from unnest($1::bigint[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::float8[], $7::uuid[],"
        "  $8::bigint[]) o(id, state, content, remote_id, answer, pause_s, wanted, job_id)"
        " where l.id = o.id and l.job_id is not distinct from o.job_id and l.content is not distinct from o.wanted",
        *[list(column) for column in zip(*rows, strict=True)],
    )


async def refuse(connection: Any, items: Sequence[Item], words: str) -> None:
    """Mark items that may not go."""
    await connection.execute(
        "update share_ledger l set state = 'REFUSED', answer = $2"
        " from unnest($1::bigint[], $3::bigint[]) o(id, job_id)"
        " where l.id = o.id and l.job_id is not distinct from o.job_id and l.state = 'QUEUED'",
        [each.id for each in items], words, [each.job_id for each in items],
    )  # fmt: skip


async def end_items_of(
    connection: Any, job_id: int, target_id: int | None, state: str, words: str, *, but_target: bool = False
) -> None:
    """End what the job has queued of a target, or all that it has queued, unsent."""
    await connection.execute(
        "update share_ledger set state = $3, answer = $4 where job_id = $1 and state = 'QUEUED'"
        " and ($2::bigint is null or target_id = $2) and not ($5 and subject_kind = 'target')",
        job_id, target_id, state, words[:LONGEST_ANSWER], but_target,
    )  # fmt: skip


async def put_off_items_of(connection: Any, job_id: int, target_id: int, pause_s: float, words: str) -> None:
    """Try later what the job has queued of a target; an item that was put off too often has failed."""
    await connection.execute(
        "update share_ledger set attempts = attempts + 1, answer = $4, due = now() + $3 * interval '1 second',"
        " state = case when attempts + 1 >= $5 then 'FAILED' else 'QUEUED' end"
        " where job_id = $1 and target_id = $2 and state = 'QUEUED' and subject_kind <> 'target' and due <= now()",
        job_id, target_id, pause_s, words[:LONGEST_ANSWER], MOST_ATTEMPTS,
    )  # fmt: skip


async def forget_remote_id(connection: Any, destination: str, target: str) -> None:
    """What the destination called a target is gone there: it is to be given the target anew."""
    await connection.execute(
        "update share_ledger set remote_id = null where destination = $1 and subject_kind = 'target'"
        " and subject_global_id = $2",
        destination, UUID(target),
    )  # fmt: skip


async def park(connection: Any, job_id: int, words: str) -> int:
    """Give up what has waited for days in vain for a destination that does not answer; returns how many items."""
    tag = await connection.execute(
        "update share_ledger set state = 'FAILED', answer = $2 where job_id = $1 and state = 'QUEUED'"
        " and due < now() - $3 * interval '1 day' and not exists (select from share_ledger s where s.job_id = $1"
        "  and s.state = 'SENT' and s.sent > now() - $3 * interval '1 day')",
        job_id, f"Given up after {PATIENCE_DAYS} days: {words}"[:LONGEST_ANSWER], float(PATIENCE_DAYS),
    )  # fmt: skip
    return int(tag.split()[-1])


async def counts(connection: Any, job_id: int) -> Mapping[str, int]:
    """How many items of the job are in each state."""
    rows = await connection.fetch(
        "select state, count(*) as n from share_ledger where job_id = $1 group by state", job_id
    )
    return dict.fromkeys(("QUEUED", "SENT", "FAILED", "REFUSED"), 0) | {row["state"]: row["n"] for row in rows}


async def due_in_s(connection: Any, job_id: int) -> float:
    """Seconds until the first of the job's items is due."""
    found = await connection.fetchval(
        "select extract(epoch from min(due) - now())::float8 from share_ledger where job_id = $1 and state = 'QUEUED'",
        job_id,
    )
    return max(float(found or 0.0), 0.0)


async def queue_again(tx: Transaction, job_id: int) -> None:
    """Queue all of a job's items that did not go."""
    await tx.execute(
        "update share_ledger set state = 'QUEUED', attempts = 0, due = now() where job_id = $1 and state <> 'SENT'",
        job_id,
    )


def pause_after(attempts: int) -> float:
    """Seconds before an item is tried again that was tried so often."""
    return float(min(FIRST_PAUSE_S * 2.0 ** min(attempts - 1, 20), LONGEST_PAUSE_S))


def _item(row: Any) -> Item:
    values = dict(row)
    return Item(kind=values.pop("subject_kind"), global_id=values.pop("subject_global_id"), **values)


def _written(each: Delivered) -> tuple[Any, ...]:
    outcome, tried = each.outcome, each.item.attempts + 1
    remote_id, pause_s, content = None, 0.0, None
    if isinstance(outcome, Sent):
        state, remote_id, content = "SENT", outcome.remote_id, each.content
    elif outcome.lasting or tried >= MOST_ATTEMPTS:
        state = "FAILED"
    else:
        state, pause_s = "QUEUED", pause_after(tried)
    answer = outcome.words[:LONGEST_ANSWER]
    return each.item.id, state, content, remote_id, answer, pause_s, each.item.content, each.item.job_id
