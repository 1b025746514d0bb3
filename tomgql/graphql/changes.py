"""The stream that another tomgql server follows: targets, data products and reduced data in one order of commits.

The streams of one noun each cannot be told in one order by who hears them all: a product may be deleted and its data
come back with another file, and who hears the second first would delete what came last.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import strawberry

from tomgql.graphql.base import described
from tomgql.graphql.context import Info
from tomgql.graphql.data import ReducedDatum
from tomgql.graphql.enums import Change, ChangedKind
from tomgql.graphql.following_log import After, follow
from tomgql.graphql.inputs import NOT_VIA, TargetWhere, as_filter
from tomgql.graphql.products import DataProduct
from tomgql.graphql.scalars import Cursor
from tomgql.graphql.targets import Target
from tomgql.reading.matching import count_matching
from tomgql.reading.streams import StreamedEvent

TOPICS = tuple(kind.value.lower() for kind in ChangedKind)
"""Topics of the event log that are told of."""

NotVia = Annotated[list[str] | None, strawberry.argument(description=f"Only what meets this: {NOT_VIA}")]


@strawberry.type(description="A target, data product or reduced data that are new, changed or gone.")
class ChangeEvent:
    cursor: Cursor = described("Where the event stands; subscribe again with `after: cursor` to go on behind it.")
    kind: ChangedKind = described("What it is about.")
    change: Change = described("What happened.")
    at: datetime = described("When it happened.")
    target: Target = described("The target; when it is DELETED, as it last was, without what hung on it.")
    data_product: DataProduct | None = described(
        "The data product that it is about, or that the data come from; when it is DELETED, as it last was."
    )
    by_origin: bool = described(
        "Of a DELETED thing: whether it was decided where the thing was made. Who only keeps a copy decides for itself."
    )
    data: list[ReducedDatum] = described("The reduced data as they are now, at most 500; none of other kinds.")


@strawberry.type
class ChangeSubscription:
    @strawberry.subscription(
        description="All that happens to targets and what hangs on them, in commit order: for another server that keeps"
        " what this one has. A data product that goes takes its data with it, a target all that it has."
    )
    async def changes(
        self,
        info: Info,
        where: Annotated[TargetWhere | None, strawberry.argument(description="Of which targets.")] = None,
        not_via: NotVia = None,
        after: After = None,
    ) -> AsyncIterator[ChangeEvent]:
        wanted, road = as_filter(where), {} if not_via is None else {"notVia": not_via}
        async for streamed in follow(info, TOPICS, after):
            event = await _event(info, streamed, wanted, road)
            if event is not None:
                yield event


async def _event(
    info: Info, streamed: StreamedEvent, wanted: dict[str, Any], road: dict[str, Any]
) -> ChangeEvent | None:
    """The event as the subscriber may hear it; None where it does not concern it."""
    event, reads = streamed.event, info.context.reads
    kind = ChangedKind(event.topic.upper())
    is_end = event.change == Change.DELETED.value
    target = replace(streamed.target, where=_both(wanted, road if kind is ChangedKind.TARGETS and not is_end else {}))
    product = streamed.data_product
    if product is not None and kind is ChangedKind.DATA_PRODUCTS:
        product = replace(product, where={} if is_end else road)
    data = replace(streamed.data, where=road)
    subject = {ChangedKind.TARGETS: target, ChangedKind.DATA_PRODUCTS: product, ChangedKind.REDUCED_DATA: data}[kind]
    concerned = [target] if subject is target else [target, subject]
    if not all([each is not None and await count_matching(reads, each) for each in concerned]):
        return None
    shown: Any = data if kind is ChangedKind.REDUCED_DATA else []
    return ChangeEvent(
        cursor=Cursor(streamed.cursor), kind=kind, change=Change(event.change), at=event.at,
        by_origin=event.by_origin,
        target=target, data_product=product, data=shown,  # type: ignore[arg-type]
    )  # fmt: skip


def _both(wanted: dict[str, Any], road: dict[str, Any]) -> dict[str, Any]:
    return {"and": [wanted, road]} if wanted and road else wanted or road
