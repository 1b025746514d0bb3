"""deleteTarget, deleteDataProduct, updateDataProduct."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from tomgql.errors import InvalidInput
from tomgql.graphql.base import Id
from tomgql.graphql.context import Info
from tomgql.graphql.mutations.arguments import given, key, maybe_key
from tomgql.graphql.payloads import DataProductPayload, DeletePayload, answer
from tomgql.reading.relation import one
from tomgql.services import product_changes, removal


def change(what: str) -> Any:
    """An input field that leaves things as they are when it is not given."""
    return strawberry.field(default=strawberry.UNSET, description=what)


@strawberry.input(description="What to change of a data product; what is not given stays as it is.")
class UpdateDataProductInput:
    id: strawberry.ID = strawberry.field(description="The product; the right CHANGE on its target is needed.")
    data_product_type: str | None = change("What kind of product it is; see dataProductTypes.")
    file_name: str | None = change("Name of the file, up to 255 characters.")
    product_id: str | None = change("Identifier given by the source, up to 255 characters; unique. null clears it.")
    observation: strawberry.ID | None = change("The observation that it belongs to, of the same target. null: none.")
    extra_data: str | None = change("Free text, up to 100,000 characters. null clears it.")
    featured: bool | None = change("Whether it stands for its target: one of each type does.")


def product_changes_of(input: UpdateDataProductInput) -> dict[str, Any]:
    """The given fields as columns; raises InvalidInput for a null where there must be something."""
    changes = given(input, "id")
    for name in ("data_product_type", "file_name", "featured"):
        if name in changes and changes[name] is None:
            raise InvalidInput("This field cannot be null; leave it out to keep what is there.", path=["input", name])
    if "observation" in changes:
        changes["observation_id"] = maybe_key("observations", changes.pop("observation"), "input", "observation")
    if changes.get("extra_data", "") is None:
        changes["extra_data"] = ""
    return changes


@strawberry.type
class RemovalMutations:
    @strawberry.mutation(
        description="Delete a target with its data products, reduced data, observations and jobs. The right DELETE on"
        " it is needed."
    )
    async def delete_target(self, info: Info, id: Id) -> DeletePayload:
        async def work() -> dict[str, Any]:
            await removal.delete_target(info.context.rt, info.context.actor, key("targets", id, "id"))
            return {"deleted_id": id}

        return await answer(DeletePayload, work)

    @strawberry.mutation(
        description="Delete a data product with its reduced data. The right DELETE on its target is needed; whoever"
        " uploaded it needs CHANGE."
    )
    async def delete_data_product(self, info: Info, id: Id) -> DeletePayload:
        async def work() -> dict[str, Any]:
            await removal.delete_data_product(info.context.rt, info.context.actor, key("data_products", id, "id"))
            return {"deleted_id": id}

        return await answer(DeletePayload, work)

    @strawberry.mutation(description="Change what is said of a data product; its file never changes.")
    async def update_data_product(
        self, info: Info, input: Annotated[UpdateDataProductInput, strawberry.argument(description="The change.")]
    ) -> DataProductPayload:
        async def work() -> dict[str, Any]:
            product = key("data_products", input.id, "input", "id")
            changes = product_changes_of(input)
            changed = await product_changes.update_product(info.context.rt, info.context.actor, product, changes)
            return {"data_product": one("data_products", changed)}

        return await answer(DataProductPayload, work)
