"""Uploads, processing, product groups, jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

import strawberry
from starlette.datastructures import UploadFile

from tomgql.errors import InvalidInput
from tomgql.graphql.base import Id
from tomgql.graphql.context import Info
from tomgql.graphql.inputs import optional
from tomgql.graphql.mutations.arguments import key, keys, mapping, maybe_key
from tomgql.graphql.payloads import DataProductGroupPayload, DataProductPayload, JobPayload, answer
from tomgql.graphql.scalars import JSON, Upload
from tomgql.reading.relation import one
from tomgql.services import groups, jobs, products
from tomgql.services.groups import GroupChange
from tomgql.services.products import NewProduct

CHUNK_BYTES = 1024 * 1024
"""Bytes read from an upload at a time."""


@strawberry.input(description="A file to be stored with its target.")
class UploadDataProductInput:
    target: strawberry.ID = strawberry.field(description="Its target; the right CHANGE on it is needed.")
    file: Upload = strawberry.field(description="The file, as a part of a multipart request.")
    data_product_type: str = strawberry.field(
        default="photometry", description="What kind of product it is, such as photometry: one of `dataProductTypes`."
    )
    product_id: str | None = optional("Identifier given by the source of the product; unique.")
    observation: strawberry.ID | None = optional("The observation that it belongs to.")
    groups: list[strawberry.ID] | None = optional("Product groups to put it into.")
    extra_data: str | None = optional("Free text.")
    processor: str | None = optional("Processor to read it with; found by content when not given.")
    options: JSON | None = optional("Options of the processor, a JSON object.")
    process: bool = strawberry.field(default=True, description="Whether to read it now.")
    idempotency_key: str | None = optional("The same key and call: the same answer, done once. At most 200 characters.")


@strawberry.input(description="A data product to be read, perhaps again.")
class ProcessDataProductInput:
    data_product: strawberry.ID = strawberry.field(description="The product.")
    processor: str | None = optional("Processor to read it with; found by content when not given.")
    options: JSON | None = optional("Options of the processor, a JSON object.")


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


async def chunks(file: UploadFile) -> AsyncIterator[bytes]:
    """The bytes of an upload, in pieces."""
    while piece := await file.read(CHUNK_BYTES):
        yield piece


def new_product(given: UploadDataProductInput) -> NewProduct:
    """The input as the verb wants it."""
    if not isinstance(given.file, UploadFile):
        raise InvalidInput(
            "`file` must be a file of a multipart request (GraphQL multipart request specification).",
            path=["input", "file"],
        )
    return NewProduct(
        target_id=key("targets", given.target, "input", "target"),
        file_name=given.file.filename or "",
        data_product_type=given.data_product_type,
        product_id=given.product_id,
        observation_id=maybe_key("observations", given.observation, "input", "observation"),
        groups=keys("data_product_groups", given.groups, "input", "groups"),
        extra_data=given.extra_data or "",
        processor=given.processor,
        options=mapping(given.options, "input", "options"),
        process=given.process,
        idempotency_key=given.idempotency_key,
    )


@strawberry.type
class ProductMutations:
    @strawberry.mutation(description="Store a file and have it read by a job. The file stays whatever comes of that.")
    async def upload_data_product(
        self, info: Info, input: Annotated[UploadDataProductInput, strawberry.argument(description="The file.")]
    ) -> DataProductPayload:
        async def work() -> dict[str, Any]:
            new = new_product(input)
            content = chunks(input.file)  # type: ignore[arg-type]
            done = await products.register_product(info.context.rt, info.context.actor, new, content)
            job = None if done.job_id is None else one("jobs", (done.job_id,))
            return {"data_product": one("data_products", (done.data_product_id,)), "job": job}

        return await answer(DataProductPayload, work)

    @strawberry.mutation(description="Read a data product's file, again or with another processor or options.")
    async def process_data_product(
        self, info: Info, input: Annotated[ProcessDataProductInput, strawberry.argument(description="What to read.")]
    ) -> JobPayload:
        async def work() -> dict[str, Any]:
            product = key("data_products", input.data_product, "input", "dataProduct")
            options = mapping(input.options, "input", "options")
            job = await products.process_product(info.context.rt, info.context.actor, product, input.processor, options)
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
            return {
                "job": one("jobs", await jobs.cancel_job(info.context.rt, info.context.actor, key("jobs", id, "id")))
            }

        return await answer(JobPayload, work)

    @strawberry.mutation(description="Run a job that failed or was cancelled again.")
    async def retry_job(self, info: Info, id: Id) -> JobPayload:
        async def work() -> dict[str, Any]:
            return {
                "job": one("jobs", await jobs.retry_job(info.context.rt, info.context.actor, key("jobs", id, "id")))
            }

        return await answer(JobPayload, work)
