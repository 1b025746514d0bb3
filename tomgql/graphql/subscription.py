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

from tomgql.graphql.base import described
from tomgql.graphql.changes import ChangeSubscription
from tomgql.graphql.context import Info
from tomgql.graphql.data import ReducedDatum
from tomgql.graphql.enums import Change
from tomgql.graphql.following_log import After, follow
from tomgql.graphql.inputs import DataProductWhere, JobWhere, ReducedDatumWhere, TargetWhere, as_filter
from tomgql.graphql.jobs import Job
from tomgql.graphql.products import DataProduct
from tomgql.graphql.scalars import Cursor
from tomgql.graphql.targets import Target
from tomgql.reading.matching import count_matching
from tomgql.reading.streams import StreamedEvent


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


@strawberry.type(description="A data product that is new, changed or gone.")
class DataProductEvent:
    cursor: Cursor = described("Where the event stands; subscribe again with `after: cursor` to go on behind it.")
    change: Change = described("What happened: CREATED, REVISED or DELETED.")
    at: datetime = described("When it happened.")
    data_product: DataProduct = described("The data product as it is now; when it is DELETED, as it last was.")


@strawberry.type(description="A target that is new, changed or gone.")
class TargetEvent:
    cursor: Cursor = described("Where the event stands; subscribe again with `after: cursor` to go on behind it.")
    change: Change = described("What happened: CREATED, REVISED or DELETED.")
    at: datetime = described("When it happened.")
    target: Target = described("The target as it is now; when it is DELETED, as it last was, without what hung on it.")


@strawberry.type(
    description="Streams of what is new, over WebSocket (graphql-transport-ws) and server-sent events (graphql-sse)."
)
class Subscription(ChangeSubscription):
    @strawberry.subscription(description="Reduced data as they are recorded, in commit order, in portions of 500.")
    async def reduced_data(
        self,
        info: Info,
        where: Annotated[ReducedDatumWhere | None, strawberry.argument(description="Which reduced data.")] = None,
        after: After = None,
    ) -> AsyncIterator[ReducedDataEvent]:
        wanted = as_filter(where)
        async for streamed in follow(info, ["reduced_data"], after):
            data: Any = replace(streamed.data, where=_when_it_happened(wanted, streamed.event.change))
            count = await count_matching(info.context.reads, data)
            if count:
                yield _data_event(streamed, data, count)

    @strawberry.subscription(
        description="Data products as they come, change and go, in commit order. One that goes takes its reduced data"
        " with it; what hangs on a target that is deleted is told of by that target's event alone."
    )
    async def data_products(
        self,
        info: Info,
        where: Annotated[DataProductWhere | None, strawberry.argument(description="Which data products.")] = None,
        after: After = None,
    ) -> AsyncIterator[DataProductEvent]:
        wanted = as_filter(where)
        async for streamed in follow(info, ["data_products"], after):
            product: Any = streamed.data_product and replace(streamed.data_product, where=wanted)
            if product and await count_matching(info.context.reads, product):
                yield DataProductEvent(**_placed(streamed), data_product=product)

    @strawberry.subscription(description="Targets as they come, change and go, in commit order.")
    async def targets(
        self,
        info: Info,
        where: Annotated[TargetWhere | None, strawberry.argument(description="Which targets.")] = None,
        after: After = None,
    ) -> AsyncIterator[TargetEvent]:
        wanted = as_filter(where)
        async for streamed in follow(info, ["targets"], after):
            target: Any = replace(streamed.target, where=wanted)
            if await count_matching(info.context.reads, target):
                yield TargetEvent(**_placed(streamed), target=target)

    @strawberry.subscription(description="Jobs as they change, in commit order.")
    async def jobs(
        self,
        info: Info,
        where: Annotated[JobWhere | None, strawberry.argument(description="Which jobs.")] = None,
        after: After = None,
    ) -> AsyncIterator[JobEvent]:
        wanted = as_filter(where)
        async for streamed in follow(info, ["jobs"], after):
            job: Any = replace(streamed.job, where=wanted)
            if await count_matching(info.context.reads, job):
                yield JobEvent(cursor=Cursor(streamed.cursor), at=streamed.event.at, job=job)


def _when_it_happened(wanted: dict[str, Any], change: str) -> dict[str, Any]:
    """The filter for an event's data: who wants data in use is told when one is taken out of it."""
    if change != "DISABLED" or wanted.get("disabled") is not False:
        return wanted
    return {name: value for name, value in wanted.items() if name != "disabled"}


def _placed(streamed: StreamedEvent) -> dict[str, Any]:
    return {"cursor": Cursor(streamed.cursor), "change": Change(streamed.event.change), "at": streamed.event.at}


def _data_event(streamed: StreamedEvent, data: Any, count: int) -> ReducedDataEvent:
    target: Any = streamed.target
    product: Any = streamed.data_product
    return ReducedDataEvent(**_placed(streamed), target=target, data_product=product, count=count, data=data)
