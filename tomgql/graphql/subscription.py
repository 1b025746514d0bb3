"""Subscriptions: the event log, read as the subscriber may see it at the time of delivery.

With `after` the log is replayed from the cursor and then followed, from one table in one order, so there is no gap
and no repeat. Each event is filtered by the same predicates and Where inputs as reads, and its fields are read by
the compiler like everything else.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import strawberry

from tomgql.events import log
from tomgql.events.hub import Hub
from tomgql.events.log import LoggedEvent
from tomgql.graphql.base import described
from tomgql.graphql.context import Context, Info
from tomgql.graphql.data import ReducedDatum
from tomgql.graphql.enums import Change
from tomgql.graphql.inputs import JobWhere, ReducedDatumWhere
from tomgql.graphql.jobs import Job
from tomgql.graphql.products import DataProduct
from tomgql.graphql.scalars import Cursor
from tomgql.graphql.targets import Target
from tomgql.reading.matching import count_matching
from tomgql.reading.relation import Pin, Relation, one

EVENTS_PER_READ = 100
"""Events that one subscriber takes from the log at a time."""

After = Annotated[
    Cursor | None,
    strawberry.argument(
        description="Replay everything later than this cursor, then go live; without it the stream starts now. A"
        " cursor older than the log is answered by an error of code CURSOR_EXPIRED."
    ),
]


@strawberry.type(description="Reduced data that are new, or changed.")
class ReducedDataEvent:
    cursor: Cursor = described("Where the event stands; subscribe again with `after: cursor` to go on behind it.")
    change: Change = described("What happened.")
    at: datetime = described("When it happened.")
    target: Target = described("The target.")
    data_product: DataProduct | None = described("The data product that they come from.")
    count: int = described("How many data the event holds for this subscriber, at most 500.")
    data: list[ReducedDatum] = described("The data as they are now.")


@strawberry.type(description="A job that is new, or has changed its state or progress.")
class JobEvent:
    cursor: Cursor = described("Where the event stands; subscribe again with `after: cursor` to go on behind it.")
    at: datetime = described("When it happened.")
    job: Job = described("The job as it is now.")


async def follow(info: Info, topic: str, after: str | None) -> AsyncIterator[LoggedEvent]:
    """Events of a topic behind a cursor, for ever; the actor's rights are looked up anew before each batch."""
    context = info.context
    rt = context.rt
    reach = await log.horizon(rt.reads)
    place = reach.latest if after is None else log.decode_cursor(after, rt.instance_id, reach)
    rt.hub.subscribers += 1
    try:
        while True:
            bell = rt.hub.bell()
            events = await log.read_after(rt.reads, topic, place, EVENTS_PER_READ)
            if not events:
                await Hub.wait(bell)
                continue
            await _refresh(context)
            for event in events:
                place = event.id
                yield event
    finally:
        rt.hub.subscribers -= 1


async def _refresh(context: Context) -> None:
    actor = await context.refreshed()
    if actor != context.actor:
        context.actor = actor
        context.reads = replace(context.reads, reader=replace(context.reads.reader, actor=actor))


def raw_where(info: Info) -> dict[str, Any]:
    """The field's `where` as the plain dictionary that filters take."""
    from tomgql.reading.selection import plain

    raw = info._raw_info
    field = raw.parent_type.fields[raw.field_name]
    from graphql.execution.values import get_argument_values

    values = get_argument_values(field, raw.field_nodes[0], raw.variable_values)
    return dict(plain(values.get("where")) or {})


@strawberry.type(description="Streams of what is new, over WebSocket (graphql-transport-ws).")
class Subscription:
    @strawberry.subscription(description="Reduced data as they are recorded, in commit order, in portions of 500.")
    async def reduced_data(
        self,
        info: Info,
        where: Annotated[ReducedDatumWhere | None, strawberry.argument(description="Which reduced data.")] = None,
        after: After = None,
    ) -> AsyncIterator[ReducedDataEvent]:
        wanted = raw_where(info)
        async for event in follow(info, "reduced_data", after):
            pin = Pin(
                "{row}.target_id = {0} and {row}.id = any({1})",
                ((event.target_id, "bigint"), (event.data_ids, "bigint[]")),
            )
            data: Any = Relation("reduced_data", (pin,), wanted)
            count = await count_matching(info.context.reads, data)
            if count:
                yield _data_event(info, event, data, count)

    @strawberry.subscription(description="Jobs as they change, in commit order.")
    async def jobs(
        self,
        info: Info,
        where: Annotated[JobWhere | None, strawberry.argument(description="Which jobs.")] = None,
        after: After = None,
    ) -> AsyncIterator[JobEvent]:
        wanted = raw_where(info)
        async for event in follow(info, "jobs", after):
            job: Any = replace(one("jobs", (event.job_id or 0,)), where=wanted)
            if await count_matching(info.context.reads, job):
                yield JobEvent(cursor=_cursor(info, event), at=event.at, job=job)


def _data_event(info: Info, event: LoggedEvent, data: Any, count: int) -> ReducedDataEvent:
    target: Any = one("targets", (event.target_id or 0,))
    product: Any = None if event.data_product_id is None else one("data_products", (event.data_product_id,))
    return ReducedDataEvent(
        cursor=_cursor(info, event),
        change=Change(event.change),
        at=event.at,
        target=target,
        data_product=product,
        count=count,
        data=data,
    )


def _cursor(info: Info, event: LoggedEvent) -> Cursor:
    return Cursor(log.encode_cursor(event.id, info.context.rt.instance_id))


