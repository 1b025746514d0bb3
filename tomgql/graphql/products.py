"""DataProduct, DataProductGroup, IngestNote."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from tomgql.graphql.base import After, Connection, First, Node, OfRow, described
from tomgql.graphql.context import Info
from tomgql.graphql.enums import NoteLevel
from tomgql.graphql.inputs import DataProductOrder, DataProductWhere, ReducedDatumWhere
from tomgql.graphql.lazy import (
    LazyDataProduct,
    LazyJob,
    LazyObservation,
    LazyReducedDatum,
    LazyTarget,
    LazyUser,
    LazyUserGroup,
    link,
)
from tomgql.graphql.scalars import JSON
from tomgql.reading import ids
from tomgql.reading.catalog.products import LARGEST_INT
from tomgql.reading.rows import Row, read_field
from tomgql.services.signed_addresses import sign_download

Where = Annotated[DataProductWhere | None, strawberry.argument(description="Which data products.")]
OrderBy = Annotated[
    list[DataProductOrder] | None, strawberry.argument(description="In which order; newest first when not given.")
]
ExpiresInSeconds = Annotated[
    int, strawberry.argument(description="How long the address is good, seconds, 1 to 604,800 (a week).")
]
DataWhere = Annotated[ReducedDatumWhere | None, strawberry.argument(description="Which reduced data.")]


@strawberry.type(description="What a processor assumed, skipped, converted or warned of while it read a file.")
class IngestNote:
    level: NoteLevel = described("How serious it is.")
    code: str = described("Stable machine-readable code.")
    message: str = described("What it is, for people.")
    row: int | None = described("First row concerned, counted from 1 below the header.")
    count: int = described("How many rows are concerned.")


@strawberry.type(
    description="Which user groups may see which products. A product in no group follows its target. A product in"
    " groups that name user groups is seen by members of at least one of those, by its uploader and by"
    " administrators, provided that they may see the target. Its reduced data follow it."
)
class DataProductGroup(OfRow, Node):
    name: str = described("Name of the group.")
    created: datetime = described("When it was created.")
    modified: datetime = described("When it was last changed.")

    @strawberry.field(description="User groups whose members see the products; those that the viewer may see.")
    def user_groups(self, root: strawberry.Parent[Row]) -> list[LazyUserGroup]:
        groups: list[LazyUserGroup] = link(root, "userGroups")
        return groups

    @strawberry.field(description="The products in it that the viewer may see.")
    def data_products(
        self, root: strawberry.Parent[Row], first: First = None, after: After = None
    ) -> Connection[LazyDataProduct]:
        products: Connection[LazyDataProduct] = link(root, "dataProducts")
        return products


@strawberry.type(description="A file of a target.")
class DataProduct(OfRow, Node):
    product_id: str | None = described("Identifier given by the source of the product; unique.")
    data_product_type: str = described("What kind of product it is, such as photometry.")
    file_name: str = described("Name that the file was uploaded under.")
    sha256: str = described("SHA-256 of the file's content, hexadecimal.")
    extra_data: str = described("Free text given with the product.")
    featured: bool = described("Whether it stands for its target.")
    revision: int = described("1, 2, ...: counts changes of what is said of it.")
    origin: JSON | None = described(
        "Which survey service gave it: an object with `service`, `version`, `parameters`, `address`, `remote_id` and"
        " `received`, a time (UTC). Null of what somebody sent."
    )
    created: datetime = described("When it was uploaded.")
    modified: datetime = described("When it was last changed.")

    @strawberry.field(
        description="Size of the file, bytes, as far as an Int goes: 2,147,483,647 also stands for every larger file,"
        " whose size `exactSizeBytes` tells."
    )
    def size_bytes(self, root: strawberry.Parent[Row]) -> int:
        return min(int(root["size_bytes"]), LARGEST_INT)

    @strawberry.field(description="Size of the file, bytes, a whole number however large the file is.")
    def exact_size_bytes(self, root: strawberry.Parent[Row]) -> float:
        return float(root["size_bytes"])

    @strawberry.field(description="Who uploaded it; null to who did not sign in.")
    def uploaded_by(self, root: strawberry.Parent[Row]) -> LazyUser | None:
        user: LazyUser | None = link(root, "uploadedBy")
        return user

    @strawberry.field(description="The job that asked a survey service for it.")
    def request(self, root: strawberry.Parent[Row]) -> LazyJob | None:
        job: LazyJob | None = link(root, "request")
        return job

    @strawberry.field(description="Where the file can be fetched by GET, with the viewer's rights; a path.")
    def url(self, root: strawberry.Parent[Row]) -> str:
        return f"/files/{root.public_id}"

    @strawberry.field(
        description="Where the file can be fetched by GET without credentials for a while, a path with a signature:"
        " with the rights that the viewer has at that moment, and only while the token in use is good."
    )
    def signed_url(self, root: strawberry.Parent[Row], info: Info, expires_in_seconds: ExpiresInSeconds = 3600) -> str:
        rt, actor = info.context.rt, info.context.actor
        (key,) = ids.decode("data_products", root.public_id) or (0,)
        return f"/files/{root.public_id}?signature={sign_download(rt, actor, key, expires_in_seconds)}"

    @strawberry.field(
        description="Where a PNG of at most 256 x 256 pixels can be fetched by GET, with the viewer's rights; a path."
        " Null where none was drawn: only products of the types fits_file and image_file that hold an image have one."
    )
    def thumbnail_url(self, root: strawberry.Parent[Row]) -> str | None:
        return f"/files/{root.public_id}/thumbnail" if root["thumbnail_sha256"] is not None else None

    @strawberry.field(description="The same in every tomgql server that has it from one of them; a UUID.")
    def global_id(self, root: strawberry.Parent[Row]) -> str:
        return str(root["global_id"])

    @strawberry.field(
        description="All that is kept of it, for another tomgql server: an object whose fields may become more. Null of"
        " what was deleted meanwhile."
    )
    async def record(self, root: strawberry.Parent[Row], info: Info) -> JSON | None:
        found = await read_field(info.context.reads, root, "record")
        return None if found is None else JSON(found)

    @strawberry.field(description="The target.")
    def target(self, root: strawberry.Parent[Row]) -> LazyTarget:
        target: LazyTarget = link(root, "target")
        return target

    @strawberry.field(description="The observation that it came of.")
    def observation(self, root: strawberry.Parent[Row]) -> LazyObservation | None:
        observation: LazyObservation | None = link(root, "observation")
        return observation

    @strawberry.field(description="The product groups that hold it and that the viewer may see; at most 1,000.")
    def groups(self, root: strawberry.Parent[Row]) -> list[DataProductGroup]:
        groups: list[DataProductGroup] = link(root, "groups")
        return groups

    @strawberry.field(description="The facts that were read from it.")
    def reduced_data(
        self, root: strawberry.Parent[Row], where: DataWhere = None, first: First = None, after: After = None
    ) -> Connection[LazyReducedDatum]:
        data: Connection[LazyReducedDatum] = link(root, "reducedData")
        return data

    @strawberry.field(description="The latest job that processed it.")
    def processing(self, root: strawberry.Parent[Row]) -> LazyJob | None:
        job: LazyJob | None = link(root, "processing")
        return job

    @strawberry.field(description="What was assumed, skipped, converted or warned of while it was read.")
    def notes(self, root: strawberry.Parent[Row]) -> list[IngestNote]:
        return [IngestNote(**{**note, "level": NoteLevel(note["level"])}) for note in root["notes"]]
