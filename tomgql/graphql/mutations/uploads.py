"""Files to be stored with their targets: sent with the request, or in pieces beside GraphQL."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Annotated, Any

import strawberry
from starlette.datastructures import UploadFile

from tomgql.errors import InvalidInput
from tomgql.graphql.context import Info
from tomgql.graphql.inputs import optional
from tomgql.graphql.mutations.arguments import key, keys, mapping, maybe_key
from tomgql.graphql.payloads import BeginUploadPayload, DataProductPayload, answer
from tomgql.graphql.previews import PreviewPayload, previewed
from tomgql.graphql.scalars import JSON, Upload
from tomgql.reading.relation import one
from tomgql.services import previews, products, uploads
from tomgql.services.products import NewProduct

CHUNK_BYTES = 1024 * 1024
"""Bytes read from an upload at a time."""

_SHA256 = re.compile("[0-9a-f]{64}")


@strawberry.input
class ProductInput:
    """What both roads say of a file; no input of the schema itself."""

    target: strawberry.ID = strawberry.field(description="Its target; the right CHANGE on it is needed.")
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


@strawberry.input(description="A file to be stored with its target.")
class UploadDataProductInput(ProductInput):
    file: Upload = strawberry.field(description="The file, as a part of a multipart request.")


@strawberry.input(description="A file that will be sent in pieces, to be stored with its target.")
class BeginUploadInput(ProductInput):
    file_name: str = strawberry.field(description="Its name; the last 255 characters count.")
    size_bytes: float = strawberry.field(
        description="Its size, a whole number of bytes from 0 to the limit of this server; a Float, since an Int ends"
        " at 2 GiB."
    )
    sha256: str | None = optional(
        "SHA-256 of its content, 64 hexadecimal digits; when given, a file that came otherwise is refused."
    )


def product_of(given: ProductInput, file_name: str) -> NewProduct:
    """The input as the verbs want it."""
    return NewProduct(
        target_id=key("targets", given.target, "input", "target"),
        file_name=file_name,
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


def sent_file(given: Any) -> UploadFile:
    """The ``file`` of an input, which is one of a multipart request; raises InvalidInput for anything else."""
    if not isinstance(given.file, UploadFile):
        raise InvalidInput(
            "`file` must be a file of a multipart request (GraphQL multipart request specification).",
            path=["input", "file"],
        )
    return given.file


async def chunks(file: UploadFile) -> AsyncIterator[bytes]:
    """The bytes of an upload, in pieces."""
    while piece := await file.read(CHUNK_BYTES):
        yield piece


@strawberry.type
class UploadMutations:
    @strawberry.mutation(description="Store a file and have it read by a job. The file stays whatever comes of that.")
    async def upload_data_product(
        self, info: Info, input: Annotated[UploadDataProductInput, strawberry.argument(description="The file.")]
    ) -> DataProductPayload:
        async def work() -> dict[str, Any]:
            file = sent_file(input)
            new = product_of(input, file.filename or "")
            done = await products.register_product(info.context.rt, info.context.actor, new, chunks(file))
            job = None if done.job_id is None else one("jobs", (done.job_id,))
            product = one("data_products", (done.data_product_id,))
            return {"data_product": product, "job": job, "already_exists": done.already_exists}

        return await answer(DataProductPayload, work)

    @strawberry.mutation(
        description="Read a file as an upload with the same input would have it read, and store nothing of it. A file"
        " that cannot be read has the error that the upload's job would fail with."
    )
    async def preview_data_product(
        self, info: Info, input: Annotated[UploadDataProductInput, strawberry.argument(description="The file.")]
    ) -> PreviewPayload:
        async def work() -> dict[str, Any]:
            file = sent_file(input)
            new = product_of(input, file.filename or "")
            found = await previews.preview_product(info.context.rt, info.context.actor, new, chunks(file))
            return previewed(found.result, found.columns, found.rows, [vars(note) for note in found.notes])

        return await answer(PreviewPayload, work)

    @strawberry.mutation(
        description="Let a file come in pieces, for large ones: its bytes go by PUT to the address that is answered, as"
        ' the IETF\'s "Resumable Uploads for HTTP" has it. The last one makes the data product, as `uploadDataProduct`'
        " does, and is answered with the ids of product and job as JSON. After a cut, HEAD tells in `Upload-Offset`"
        " where to go on."
    )
    async def begin_upload(
        self, info: Info, input: Annotated[BeginUploadInput, strawberry.argument(description="The file to come.")]
    ) -> BeginUploadPayload:
        async def work() -> dict[str, Any]:
            new = product_of(input, input.file_name)
            size, sha256 = _size(input.size_bytes), _hash(input.sha256)
            id, expires = await uploads.begin_upload(info.context.rt, info.context.actor, new, size, sha256)
            return {"upload_id": strawberry.ID(id), "url": f"/uploads/{id}", "expires": expires}

        return await answer(BeginUploadPayload, work)


def _size(given: float) -> int:
    if not 0 <= given < 2**53 or given != int(given):
        raise InvalidInput("`sizeBytes` is a whole number of bytes, 0 or more.", path=["input", "sizeBytes"])
    return int(given)


def _hash(given: str | None) -> str | None:
    if given is not None and not _SHA256.fullmatch(given.lower()):
        raise InvalidInput("`sha256` has 64 hexadecimal digits.", path=["input", "sha256"])
    return None if given is None else given.lower()
