"""createReducedData."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from tomgql.graphql.context import Info
from tomgql.graphql.enums import OnDuplicate
from tomgql.graphql.inputs import optional
from tomgql.graphql.mutations.arguments import key, maybe_key
from tomgql.graphql.mutations.reports import bulk_payload
from tomgql.graphql.payloads import BulkPayload, answer
from tomgql.graphql.scalars import JSON
from tomgql.services import reduction
from tomgql.services.reduction import NewData


@strawberry.input(description="Reduced data of one target, as rows or as columns; at most 100,000 rows.")
class CreateReducedDataInput:
    target: strawberry.ID = strawberry.field(description="The target; the right CHANGE on it is needed.")
    data_type: str = strawberry.field(description="photometry, or any other word for generic data.")
    source_name: str = strawberry.field(default="", description="Where the data come from; part of their identity.")
    source_location: str = strawberry.field(default="", description="Address or place of the source.")
    data_product: strawberry.ID | None = optional("The data product that they belong to and follow in rights.")
    rows: list[JSON] | None = optional("One object a datum, with the column names that files use.")
    columns: JSON | None = optional("One array, or one value for all, a column.")
    on_duplicate: OnDuplicate = strawberry.field(
        default=OnDuplicate.REVISE, description="What to do with a datum that exists with other content."
    )
    all_or_nothing: bool = strawberry.field(default=False, description="Whether one rejected row refuses all.")
    dry_run: bool = strawberry.field(default=False, description="Report what would happen, store nothing.")
    idempotency_key: str | None = optional("The same key and call: the same answer, done once. At most 200 characters.")


def new_data(given: CreateReducedDataInput) -> NewData:
    """The input as the verb wants it."""
    values: dict[str, Any] = dict(vars(given))
    values["target_id"] = key("targets", values.pop("target"), "input", "target")
    product = maybe_key("data_products", values.pop("data_product"), "input", "dataProduct")
    return NewData(**{**values, "data_product_id": product, "on_duplicate": given.on_duplicate.value})


@strawberry.type
class DataMutations:
    @strawberry.mutation(description="Record reduced data; the report says what became of every row.")
    async def create_reduced_data(
        self, info: Info, input: Annotated[CreateReducedDataInput, strawberry.argument(description="The data.")]
    ) -> BulkPayload:
        async def work() -> dict[str, Any]:
            outcome = await reduction.create_reduced_data(info.context.rt, info.context.actor, new_data(input))
            return bulk_payload("reduced_data", outcome)

        return await answer(BulkPayload, work)
