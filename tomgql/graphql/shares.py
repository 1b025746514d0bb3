"""Share, and the rows of its ledger."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from tomgql.graphql.base import After, Connection, First, Node, OfRow, described
from tomgql.graphql.enums import ShareItemKind, ShareItemState
from tomgql.graphql.inputs import ShareItemWhere
from tomgql.graphql.lazy import (
    LazyDataProduct,
    LazyJob,
    LazyReducedDatum,
    LazyShareItem,
    LazyTarget,
    LazyTargetList,
    LazyUser,
    link,
)
from tomgql.graphql.scalars import JSON
from tomgql.reading.relation import Relation
from tomgql.reading.rows import Row

Where = Annotated[ShareItemWhere | None, strawberry.argument(description="Which items.")]


@strawberry.type(description="A thing that went, or is to go, to a destination: one row of the ledger of shares.")
class ShareItem(OfRow, Node):
    destination: str = described("Name of the destination.")
    attempts: int = described("How often it was tried since it was queued.")
    answer: str | None = described("What the destination said of it last, or why it did not go.")
    remote_id: str | None = described("What the destination calls it, if it told.")
    created: datetime = described("When it was first to go there.")
    sent: datetime | None = described("When the destination last took it.")

    @strawberry.field(description="What it is.")
    def kind(self, root: strawberry.Parent[Row]) -> ShareItemKind:
        return ShareItemKind(root["subject_kind"].upper())

    @strawberry.field(description="Its global id, which travels with it.")
    def global_id(self, root: strawberry.Parent[Row]) -> str:
        return str(root["subject_global_id"])

    @strawberry.field(description="What became of it.")
    def state(self, root: strawberry.Parent[Row]) -> ShareItemState:
        return ShareItemState(root["state"])

    @strawberry.field(description="When it is tried next, at the earliest; null unless it is QUEUED.")
    def due(self, root: strawberry.Parent[Row]) -> datetime | None:
        due: datetime | None = root["due"] if root["state"] == "QUEUED" else None
        return due

    @strawberry.field(description="It, or the target that it hangs on; null when the viewer does not see it.")
    def target(self, root: strawberry.Parent[Row]) -> LazyTarget | None:
        target: LazyTarget | None = link(root, "target")
        return target

    @strawberry.field(description="The data product that it is; null of other things, or when the viewer sees it not.")
    def data_product(self, root: strawberry.Parent[Row]) -> LazyDataProduct | None:
        product: LazyDataProduct | None = link(root, "dataProduct")
        return product

    @strawberry.field(description="The datum that it is; null of other things, or when the viewer does not see it.")
    def reduced_datum(self, root: strawberry.Parent[Row]) -> LazyReducedDatum | None:
        datum: LazyReducedDatum | None = link(root, "reducedDatum")
        return datum


@strawberry.type(
    description="One act of giving to a destination, seen by its maker and administrators. Every thing has one row in"
    " the ledger of its destination: it belongs to the share that was the last to queue it, and is counted there."
)
class Share(OfRow, Node):
    destination: str = described("Name of the destination.")
    message: str = described("What the sharer said along.")
    items: int = described("How many targets, data products and data it was about; 0 until they are looked up.")
    unchanged: int = described("How many of them were at the destination as they are already.")
    queued: int = described("How many are still to go.")
    sent: int = described("How many the destination took.")
    failed: int = described("How many it did not take.")
    refused: int = described("How many could not go, since the sharer may not share them any more, or they are gone.")
    created: datetime = described("When it was asked.")

    @strawberry.field(description="Who asked.")
    def created_by(self, root: strawberry.Parent[Row]) -> LazyUser | None:
        user: LazyUser | None = link(root, "createdBy")
        return user

    @strawberry.field(description="The job that does it; it can be cancelled and, when items failed, retried.")
    def job(self, root: strawberry.Parent[Row]) -> LazyJob | None:
        job: LazyJob | None = link(root, "job")
        return job

    @strawberry.field(description="Its items, in the order in which they go; at most 1,000 a page.")
    def ledger(
        self, root: strawberry.Parent[Row], where: Where = None, first: First = None, after: After = None
    ) -> Connection[LazyShareItem]:
        found: Connection[LazyShareItem] = link(root, "ledger")
        return found


@strawberry.type(description="How far a continuous share is behind.")
class ShareLag:
    events: int = described(
        "Events about its targets that it has not looked at, of the next 100,000 of the log: changes that are not"
        " queued yet."
    )
    seconds: float = described("How long ago the first of them was, seconds; 0 when there is none.")


@strawberry.type(
    description="Gives what is new of a target, or of each target of a list, to a destination, as it comes: the target"
    " when it changes, and its data. It does so in the name of its maker, with the rights that the maker has then. Seen"
    " by its maker, administrators, and whoever may SHARE its target; these may pause and delete it."
)
class ContinuousShare(OfRow, Node):
    destination: str = described("Name of the destination.")
    options: JSON = described("Options of all that it gives, in full.")
    paused: bool = described("Whether it stands still until somebody has it go on.")
    message: str = described("Why it stands still, or what happened to it; empty when all is well.")
    queued: int = described("Items that are to go.")
    failed: int = described("Items of its last job that the destination did not take; the job can be retried.")
    created: datetime = described("When it was made.")
    modified: datetime = described("When it was last changed.")

    @strawberry.field(description="What it has not looked at yet.")
    def lag(self, root: strawberry.Parent[Row]) -> ShareLag:
        return root  # type: ignore[return-value]

    @strawberry.field(description="The target that it shares; null of one for a list.")
    def target(self, root: strawberry.Parent[Row]) -> LazyTarget | None:
        target: LazyTarget | None = link(root, "target")
        return target

    @strawberry.field(description="The list whose targets it shares, if the viewer sees it.")
    def target_list(self, root: strawberry.Parent[Row]) -> LazyTargetList | None:
        target_list: LazyTargetList | None = link(root, "targetList")
        return target_list

    @strawberry.field(description="Its maker.")
    def created_by(self, root: strawberry.Parent[Row]) -> LazyUser | None:
        user: LazyUser | None = link(root, "createdBy")
        return user

    @strawberry.field(description="The job that delivers what it has queued, or did last.")
    def job(self, root: strawberry.Parent[Row]) -> LazyJob | None:
        job: LazyJob | None = link(root, "job")
        return job


@strawberry.type(description="How many things would go.")
class SharePreview:
    targets: int = described("Targets.")
    data_products: int = described("Data products.")
    reduced_data: int = described("Reduced data.")
    unchanged: int = described("How many of all these are at the destination as they are already, and would stay.")


@strawberry.type
class ShareQueries:
    @strawberry.field(description="Shares that the viewer asked for, newest first; all for administrators.")
    def shares(self, first: First = None, after: After = None) -> Connection[Share]:
        found: Connection[Share] = Relation("shares")  # type: ignore[assignment]
        return found

    @strawberry.field(description="Continuous shares that the viewer may see, newest first; at most 1,000 a page.")
    def continuous_shares(self, first: First = None, after: After = None) -> Connection[ContinuousShare]:
        found: Connection[ContinuousShare] = Relation("continuous_shares")  # type: ignore[assignment]
        return found
