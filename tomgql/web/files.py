"""GET /files/{id}: a data product's file, never shown by the browser on our origin."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from tomgql.errors import NotFound, Unavailable
from tomgql.reading import ids
from tomgql.runtime import Runtime
from tomgql.services import products
from tomgql.web.auth import principal_of

SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, no-cache",
}
"""Whatever an uploaded file holds, a browser saves it and runs nothing."""


async def download(request: Request) -> Response:
    """The file with ranges; 404 for what does not exist or may not be seen."""
    rt: Runtime = request.app.state.rt
    actor = await principal_of(rt, request)
    key = ids.decode("data_products", request.path_params["id"])
    if key is None:
        raise NotFound("There is no such data product.")
    found = await products.find_download(rt, actor, key[0])
    path = rt.files.local_path(found.sha256)
    if not path.is_file():
        raise Unavailable("The file of this data product is not on this server; tell its administrator.")
    return FileResponse(
        path,
        media_type="application/octet-stream",
        filename=found.file_name,
        content_disposition_type="attachment",
        headers=SAFE_HEADERS,
    )
