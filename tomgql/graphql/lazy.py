"""Types that refer to each other in circles, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from tomgql.reading.rows import Row

if TYPE_CHECKING:
    from tomgql.graphql.data import ReducedDatum
    from tomgql.graphql.jobs import Job
    from tomgql.graphql.observations import Observation
    from tomgql.graphql.people import User, UserGroup
    from tomgql.graphql.products import DataProduct
    from tomgql.graphql.shares import ContinuousShare, ShareItem
    from tomgql.graphql.targets import Target, TargetList

LazyTarget = Annotated["Target", strawberry.lazy("tomgql.graphql.targets")]
LazyTargetList = Annotated["TargetList", strawberry.lazy("tomgql.graphql.targets")]
LazyDataProduct = Annotated["DataProduct", strawberry.lazy("tomgql.graphql.products")]
LazyReducedDatum = Annotated["ReducedDatum", strawberry.lazy("tomgql.graphql.data")]
LazyJob = Annotated["Job", strawberry.lazy("tomgql.graphql.jobs")]
LazyObservation = Annotated["Observation", strawberry.lazy("tomgql.graphql.observations")]
LazyContinuousShare = Annotated["ContinuousShare", strawberry.lazy("tomgql.graphql.shares")]
LazyShareItem = Annotated["ShareItem", strawberry.lazy("tomgql.graphql.shares")]
LazyUser = Annotated["User", strawberry.lazy("tomgql.graphql.people")]
LazyUserGroup = Annotated["UserGroup", strawberry.lazy("tomgql.graphql.people")]


def link(root: Row, name: str) -> Any:
    """The relation of a link field of a fetched row; the executor reads it."""
    return root.link(name)
