"""PeerSubscription: another tomgql server that this one follows."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from tomgql.errors import InvalidInput
from tomgql.graphql.base import After, Connection, First, Node, OfRow, described
from tomgql.graphql.context import Info
from tomgql.graphql.enums import PeerState, TargetAccess
from tomgql.graphql.lazy import LazyTargetList, LazyUser, link
from tomgql.graphql.scalars import JSON
from tomgql.reading.deletions import MOST_IDS, deleted_among
from tomgql.reading.relation import Relation
from tomgql.reading.rows import Row


@strawberry.type(description="Something that a followed server gave and that was not taken.")
class PeerRefusal:
    kind: str = described("target, data_product or reduced_datum.")
    global_id: str = described("Its global id.")
    name: str = described("Its name, if it has one.")
    message: str = described("Why.")
    created: datetime = described("When it was refused last.")


@strawberry.type(
    description="Another tomgql server that this one follows: it takes over what the token may see there, and hears of"
    " every change. Administrators see and change it."
)
class PeerSubscription(OfRow, Node):
    name: str = described("Its name here.")
    address: str = described("Where its GraphQL is.")
    where: JSON = described("Which of its targets; a `TargetWhere` with the ids of that server.")
    enabled: bool = described("Whether it is followed; false is a pause.")
    message: str = described("How it goes, or what is wrong.")
    cursor: str | None = described(
        "The last event of its log that is written here; null while what was there before is copied."
    )
    instance_id: str | None = described("Which installation it is, once it has told.")
    heard: datetime | None = described("When something was last heard of it.")
    created: datetime = described("When it was made.")
    modified: datetime = described("When it was last changed.")

    @strawberry.field(description="How it stands.")
    def state(self, root: strawberry.Parent[Row]) -> PeerState:
        return PeerState(root["state"])

    @strawberry.field(description="Who may see targets that are new here.")
    def access(self, root: strawberry.Parent[Row]) -> TargetAccess:
        return TargetAccess(root["access"])

    @strawberry.field(description="The list that targets are put into that are new here.")
    def target_list(self, root: strawberry.Parent[Row]) -> LazyTargetList | None:
        found: LazyTargetList | None = link(root, "targetList")
        return found

    @strawberry.field(description="In whose name it writes.")
    def created_by(self, root: strawberry.Parent[Row]) -> LazyUser | None:
        user: LazyUser | None = link(root, "createdBy")
        return user

    @strawberry.field(description="What was not taken, and why, newest first; at most 1,000.")
    def refusals(self, root: strawberry.Parent[Row]) -> list[PeerRefusal]:
        found: list[PeerRefusal] = link(root, "refusals")
        return found


@strawberry.type
class PeerQueries:
    @strawberry.field(description="Servers that are followed, newest first; for administrators. At most 1,000 a page.")
    def peer_subscriptions(self, first: First = None, after: After = None) -> Connection[PeerSubscription]:
        found: Connection[PeerSubscription] = Relation("peer_subscriptions")  # type: ignore[assignment]
        return found

    @strawberry.field(
        description="Those of these global ids of targets and data products that were deleted where they were made;"
        " for servers that have copies. Nothing is told to nobody."
    )
    async def deleted_among(
        self,
        info: Info,
        global_ids: Annotated[list[str], strawberry.argument(description=f"At most {MOST_IDS:,} global ids, UUIDs.")],
    ) -> list[str]:
        if len(global_ids) > MOST_IDS:
            raise InvalidInput(f"At most {MOST_IDS} ids at once.", path=["globalIds"])
        if info.context.actor.is_anonymous:
            return []
        return await deleted_among(info.context.reads, global_ids)
