"""Processing, product groups, jobs."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from tomgql.graphql.base import Id
from tomgql.graphql.context import Info
from tomgql.graphql.inputs import optional
from tomgql.graphql.mutations.arguments import key, keys, mapping
from tomgql.graphql.payloads import DataProductGroupPayload, JobPayload, answer
from tomgql.graphql.scalars import JSON
from tomgql.reading.relation import one
from tomgql.services import groups, job_steering, products
from tomgql.services.groups import GroupChange


@strawberry.input(description="A data product to be read, perhaps again.")
class ProcessDataProductInput:
    data_product: strawberry.ID = strawberry.field(description="The product.")
    processor: str | None = optional("Processor to read it with; found by content when not given.")
    options: JSON | None = optional("Options of the processor, a JSON object.")
    dry_run: bool = strawberry.field(
        default=False,
        description="Whether the job only tells what would be recorded: its `result` holds what `previewDataProduct`"
        " answers, and the product, its notes and its data stay as they are.",
    )


@strawberry.input(description="A data product group to be created.")
class CreateDataProductGroupInput:
    name: str = strawberry.field(description="Name, 1 to 200 characters.")
    user_groups: list[strawberry.ID] | None = optional("User groups whose members see the products.")
    data_products: list[strawberry.ID] | None = optional("Products to put into it.")


@strawberry.input(description="What to change of a data product group.")
class UpdateDataProductGroupInput:
    id: strawberry.ID = strawberry.field(description="The group.")
    name: str | None = optional("New name.")
    add_user_groups: list[strawberry.ID] | None = optional("User groups to add.")
    remove_user_groups: list[strawberry.ID] | None = optional("User groups to remove.")
    add_data_products: list[strawberry.ID] | None = optional("Products to add.")
    remove_data_products: list[strawberry.ID] | None = optional("Products to remove.")


@strawberry.type
class ProductMutations:
    @strawberry.mutation(description="Read a data product's file, again or with another processor or options.")
    async def process_data_product(
        self, info: Info, input: Annotated[ProcessDataProductInput, strawberry.argument(description="What to read.")]
    ) -> JobPayload:
        async def work() -> dict[str, Any]:
            product = key("data_products", input.data_product, "input", "dataProduct")
            options = mapping(input.options, "input", "options")
            rt, actor = info.context.rt, info.context.actor
            job = await products.process_product(rt, actor, product, input.processor, options, dry_run=input.dry_run)
            return {"job": one("jobs", job)}

        return await answer(JobPayload, work)

    @strawberry.mutation(description="Create a data product group: which user groups may see which products.")
    async def create_data_product_group(
        self, info: Info, input: Annotated[CreateDataProductGroupInput, strawberry.argument(description="The group.")]
    ) -> DataProductGroupPayload:
        async def work() -> dict[str, Any]:
            group = await groups.create_product_group(
                info.context.rt,
                info.context.actor,
                input.name,
                keys("user_groups", input.user_groups, "input", "userGroups"),
                keys("data_products", input.data_products, "input", "dataProducts"),
            )
            return {"data_product_group": one("data_product_groups", group)}

        return await answer(DataProductGroupPayload, work)

    @strawberry.mutation(description="Change a data product group; who sees its products changes at once.")
    async def update_data_product_group(
        self, info: Info, input: Annotated[UpdateDataProductGroupInput, strawberry.argument(description="The change.")]
    ) -> DataProductGroupPayload:
        async def work() -> dict[str, Any]:
            change = GroupChange(
                name=input.name,
                add_user_groups=keys("user_groups", input.add_user_groups, "input", "addUserGroups"),
                remove_user_groups=keys("user_groups", input.remove_user_groups, "input", "removeUserGroups"),
                add_data_products=keys("data_products", input.add_data_products, "input", "addDataProducts"),
                remove_data_products=keys("data_products", input.remove_data_products, "input", "removeDataProducts"),
            )
            group_id = key("data_product_groups", input.id, "input", "id")
            group = await groups.update_product_group(info.context.rt, info.context.actor, group_id, change)
            return {"data_product_group": one("data_product_groups", group)}

        return await answer(DataProductGroupPayload, work)

    @strawberry.mutation(description="Cancel a job that has not ended.")
    async def cancel_job(self, info: Info, id: Id) -> JobPayload:
        async def work() -> dict[str, Any]:
            job = await job_steering.cancel_job(info.context.rt, info.context.actor, key("jobs", id, "id"))
            return {"job": one("jobs", job)}

        return await answer(JobPayload, work)

    @strawberry.mutation(description="Run a job that failed or was cancelled again.")
    async def retry_job(self, info: Info, id: Id) -> JobPayload:
        async def work() -> dict[str, Any]:
            job = await job_steering.retry_job(info.context.rt, info.context.actor, key("jobs", id, "id"))
            return {"job": one("jobs", job)}

        return await answer(JobPayload, work)
