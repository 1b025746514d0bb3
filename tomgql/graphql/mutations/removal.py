"""What is deleted, and updateDataProduct."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import strawberry

from tomgql.access.principal import Principal
from tomgql.errors import InvalidInput
from tomgql.graphql.base import Id
from tomgql.graphql.context import Info
from tomgql.graphql.inputs import change
from tomgql.graphql.mutations.arguments import given, key, maybe_key
from tomgql.graphql.payloads import DataProductPayload, DeletePayload, answer
from tomgql.reading.relation import one, several
from tomgql.runtime import Runtime
from tomgql.services import harvests, product_changes, removal


@strawberry.input(description="What to change of a data product; what is not given stays as it is.")
class UpdateDataProductInput:
    id: strawberry.ID = strawberry.field(description="The product; the right CHANGE on its target is needed.")
    data_product_type: str | None = change("What kind of product it is; see dataProductTypes.")
    file_name: str | None = change("Name of the file, up to 255 characters.")
    product_id: str | None = change("Identifier given by the source, up to 255 characters; unique. null clears it.")
    observation: strawberry.ID | None = change("The observation that it belongs to, of the same target. null: none.")
    extra_data: str | None = change("Free text, up to 100,000 characters. null clears it.")
    featured: bool | None = change("Whether it stands for its target: one of each type does, of those that you see.")


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


async def _delete(
    info: Info, resource: str, public_id: str, verb: Callable[[Runtime, Principal, int], Awaitable[None]]
) -> DeletePayload:
    async def work() -> dict[str, Any]:
        await verb(info.context.rt, info.context.actor, key(resource, public_id, "id"))
        return {"deleted_id": public_id}

    return await answer(DeletePayload, work)


@strawberry.type
class RemovalMutations:
    @strawberry.mutation(
        description="Delete a target with its data products, reduced data, observations and jobs. The right DELETE on"
        " it is needed."
    )
    async def delete_target(self, info: Info, id: Id) -> DeletePayload:
        return await _delete(info, "targets", id, removal.delete_target)

    @strawberry.mutation(
        description="Delete a data product with its reduced data and their older revisions. Other data products of the"
        " target whose files may hold some of these data are read again, at most 100 of them, and what they hold comes"
        " back as theirs; `jobs` names these readings. The right DELETE on its target is needed; whoever uploaded it"
        " needs CHANGE."
    )
    async def delete_data_product(self, info: Info, id: Id) -> DeletePayload:
        async def work() -> dict[str, Any]:
            product = key("data_products", id, "id")
            jobs = await removal.delete_data_product(info.context.rt, info.context.actor, product)
            return {"deleted_id": id, "jobs": several("jobs", jobs)}

        return await answer(DeletePayload, work)

    @strawberry.mutation(description="Delete a target list; its targets stay. For its maker and administrators.")
    async def delete_target_list(self, info: Info, id: Id) -> DeletePayload:
        return await _delete(info, "target_lists", id, removal.delete_target_list)

    @strawberry.mutation(
        description="Delete a harvest rule; what it has asked goes on. For its maker, administrators, and whoever may"
        " CHANGE its target."
    )
    async def delete_harvest_rule(self, info: Info, id: Id) -> DeletePayload:
        return await _delete(info, "harvest_rules", id, harvests.delete_harvest_rule)

    @strawberry.mutation(
        description="Delete a data product group that holds no products any more. For its maker and administrators."
    )
    async def delete_data_product_group(self, info: Info, id: Id) -> DeletePayload:
        return await _delete(info, "data_product_groups", id, removal.delete_product_group)

    @strawberry.mutation(
        description="Delete a user group that no data product group names any more; its grants on targets end. For its"
        " managers and administrators."
    )
    async def delete_user_group(self, info: Info, id: Id) -> DeletePayload:
        return await _delete(info, "user_groups", id, removal.delete_user_group)

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
