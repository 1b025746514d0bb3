"""HarvestRule: a survey service asked again and again."""

from __future__ import annotations

from datetime import datetime

import strawberry

from tomgql.graphql.base import After, Connection, First, Node, OfRow, described
from tomgql.graphql.lazy import LazyTarget, LazyTargetList, LazyUser, link
from tomgql.graphql.scalars import JSON
from tomgql.reading.relation import Relation
from tomgql.reading.rows import Row


@strawberry.type(
    description="Asks a survey service about a target, or every target of a list, again and again. It does so in the"
    " name of its maker, with the rights and secrets that the maker has then. Seen by its maker,"
    " administrators, and whoever may CHANGE its target; these may disable and delete it, and the first two change it."
)
class HarvestRule(OfRow, Node):
    service: str = described("Name of the service.")
    parameters: JSON = described("Its parameters, in full.")
    every_days: float = described("Pause between two queries of a target, days.")
    enabled: bool = described("Whether it is at work.")
    due: datetime = described("When it asks next.")
    message: str = described("What it did when it was last due.")
    created: datetime = described("When it was made.")
    modified: datetime = described("When it was last changed.")

    @strawberry.field(description="The target it asks about; null of a rule for a list.")
    def target(self, root: strawberry.Parent[Row]) -> LazyTarget | None:
        target: LazyTarget | None = link(root, "target")
        return target

    @strawberry.field(description="The list whose targets it asks about, if the viewer sees it.")
    def target_list(self, root: strawberry.Parent[Row]) -> LazyTargetList | None:
        target_list: LazyTargetList | None = link(root, "targetList")
        return target_list

    @strawberry.field(description="Its maker.")
    def created_by(self, root: strawberry.Parent[Row]) -> LazyUser | None:
        user: LazyUser | None = link(root, "createdBy")
        return user


@strawberry.type
class HarvestQueries:
    @strawberry.field(description="Harvest rules that the viewer may see, newest first; at most 1,000 a page.")
    def harvest_rules(self, first: First = None, after: After = None) -> Connection[HarvestRule]:
        found: Connection[HarvestRule] = Relation("harvest_rules")  # type: ignore[assignment]
        return found
