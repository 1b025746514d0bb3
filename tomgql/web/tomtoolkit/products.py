"""Data products: taken as multipart, and listed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response

from tomgql.access.principal import Principal
from tomgql.errors import Conflict, NotAllowed, NotFound
from tomgql.reading import ids
from tomgql.reading.execute import reading_as
from tomgql.reading.tomtoolkit import Wanted, list_products
from tomgql.runtime import Runtime
from tomgql.services.product_types import product_types
from tomgql.services.products import NewProduct, Registered, register_product
from tomgql.web.tomtoolkit.bodies import Fields, invalid_key, read_key
from tomgql.web.tomtoolkit.entrance import Refused, answer
from tomgql.web.tomtoolkit.listing import page, part_of, require_known
from tomgql.web.tomtoolkit.shapes import product_shape

FILTERS = ("target", "target_name", "data_product_type")
"""Filters of the list of data products that are kept here."""

READ = ("target", "data_product_type", "product_id", "extra_data", "file")
"""Parts that are read. Others are the sender's own: its keys, its path, and all its data as Python writes them."""

MOST_PARTS = 20
"""Parts of these names in one body; each comes once."""

MOST_FIELDS = 250_000
"""Parts of one body beside the file: 2.x sends one for each datum of the product."""

LONGEST_PRODUCT_ID, LONGEST_EXTRA_DATA = 255, 1_000_000
"""Characters of the source's own identifier, as in TOM Toolkit, and of what stands beside the file."""

CHUNK_BYTES = 1024 * 1024
"""Bytes of the file that are read at a time."""


class _Parts(MultiPartParser):
    """Keeps the parts that are read, and passes over others without holding them."""

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        """See starlette."""
        if self._current_part.field_name in READ:
            super().on_part_data(data, start, end)

    def on_part_end(self) -> None:
        """See starlette."""
        if self._current_part.field_name in READ:
            super().on_part_end()
        if len(self.items) > MOST_PARTS:
            raise MultiPartException("There are too many parts.")


async def take_product(rt: Runtime, actor: Principal, request: Request) -> Response:
    """POST api/dataproducts/: store a file and have it read; 201 with its product, or 200 when it is there already."""
    form = await _form(request)
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Refused(file=["No file was submitted."])
        registered = await _register(rt, actor, form, file)
    finally:
        for part in form.values():
            if isinstance(part, UploadFile):
                await part.close()
    return await _answered(rt, actor, request, registered)


async def _form(request: Request) -> Mapping[str, Any]:
    """The parts that are read, by name; of several of one name the last."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "multipart/form-data":
        raise HTTPException(415, "Send the file as multipart/form-data.")
    async with aclosing(request.stream()) as stream:
        parser = _Parts(request.headers, stream, max_files=1, max_fields=MOST_FIELDS)
        try:
            return dict(await parser.parse())
        except MultiPartException as error:
            raise Refused(detail=f"Multipart form parse error - {error.message}") from None


async def _register(rt: Runtime, actor: Principal, form: Mapping[str, Any], file: UploadFile) -> Registered:
    new = _read(rt, form, file)
    try:
        return await register_product(rt, actor, new, _chunks(file))
    except (NotFound, NotAllowed):
        if not actor.may_write:
            raise
        raise Refused(target=[invalid_key(new.target_id)]) from None
    except Conflict as error:
        if (error.path or [""])[-1] != "productId":
            raise
        raise Refused(product_id=["data product with this product id already exists."]) from None


def _read(rt: Runtime, form: Mapping[str, Any], file: UploadFile) -> NewProduct:
    fields = Fields(form)
    target_id = fields.key("target")
    kind = fields.text("data_product_type", 50, required=True)
    known = product_types(rt)
    if kind and kind not in known:
        listed = ", ".join(known)
        fields.wrong("data_product_type", f"Not a valid data_product_type. Valid data_product_types are {listed}.")
    new = NewProduct(
        target_id=target_id or 0,
        file_name=file.filename or "",
        data_product_type=kind,
        product_id=fields.text("product_id", LONGEST_PRODUCT_ID) or None,
        extra_data=fields.text("extra_data", LONGEST_EXTRA_DATA),
    )
    fields.finish()
    return new


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(CHUNK_BYTES):
        yield chunk


async def _answered(rt: Runtime, actor: Principal, request: Request, registered: Registered) -> Response:
    where = {"id": {"eq": ids.encode("data_products", registered.data_product_id)}}
    found = await list_products(reading_as(rt, actor), Wanted(where))
    if not found.rows:
        raise NotFound("The data product was deleted meanwhile.")
    shown = product_shape(found.rows[0], request.base_url)
    if registered.already_exists:
        return answer({**shown, "message": "Data product already exists. Skipping upload.", "already_exists": True})
    return answer({**shown, "message": "Data product successfully uploaded."}, 201)


async def list_matching(rt: Runtime, actor: Principal, request: Request) -> Response:
    """GET api/dataproducts/: those that the caller may see, newest first."""
    require_known(request, FILTERS)
    given = {name: text for name in FILTERS if (text := request.query_params.get(name, "").strip())}
    where: dict[str, Any] = {}
    if "target" in given:
        where["target"] = ids.encode("targets", read_key(given["target"]) or 0)
    if "data_product_type" in given:
        where["dataProductType"] = {"eq": given["data_product_type"]}
    wanted = Wanted(where, name_parts=[given["target_name"]] if "target_name" in given else None)
    listed = await list_products(reading_as(rt, actor), wanted, part_of(request))
    return page(request, listed, lambda row: product_shape(row, request.base_url))
