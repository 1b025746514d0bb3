"""Observation."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from tomgql.graphql.base import After, Connection, First, Node, OfRow, described
from tomgql.graphql.inputs import ObservationWhere
from tomgql.graphql.lazy import LazyDataProduct, LazyTarget, link
from tomgql.graphql.scalars import JSON
from tomgql.reading.rows import Row

Where = Annotated[ObservationWhere | None, strawberry.argument(description="Which observations.")]


@strawberry.type(description="A request to a facility; it is seen by whoever sees its target.")
class Observation(OfRow, Node):
    facility: str = described("The facility, such as LCO.")
    observation_id: str = described("The facility's own id of it.")
    status: str = described("How it stands, in the facility's words.")
    parameters: JSON = described("What was asked of the facility, a JSON object.")
    created: datetime = described("When it was recorded.")
    modified: datetime = described("When it was last changed.")

    @strawberry.field(description="The target.")
    def target(self, root: strawberry.Parent[Row]) -> LazyTarget:
        target: LazyTarget = link(root, "target")
        return target

    @strawberry.field(description="The data products that came of it, of those that the viewer may see.")
    def data_products(
        self, root: strawberry.Parent[Row], first: First = None, after: After = None
    ) -> Connection[LazyDataProduct]:
        products: Connection[LazyDataProduct] = link(root, "dataProducts")
        return products
