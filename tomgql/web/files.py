"""GET /files/{id}: a data product's file, never shown by the browser on our origin."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from tomgql.errors import NotFound
from tomgql.reading import ids
from tomgql.runtime import Runtime
from tomgql.services import products
from tomgql.services.signed_addresses import holder_of
from tomgql.web.auth import principal_of
from tomgql.web.stored import stored_response

SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, no-cache",
}
"""Whatever an uploaded file holds, a browser saves it and runs nothing."""


async def download(request: Request) -> Response:
    """The file, or the ranges of it that are asked for, or 304; 404 for what does not exist or may not be seen.

    With `signature` in the query it is served as to who holds that, whatever other credentials are sent.
    """
    rt: Runtime = request.app.state.rt
    key = ids.decode("data_products", request.path_params["id"])
    signature = request.query_params.get("signature")
    if signature is None:
        actor = await principal_of(rt, request)
    else:
        actor = await holder_of(rt, -1 if key is None else key[0], signature)
    if key is None:
        raise NotFound("There is no such data product.")
    found = await products.find_download(rt, actor, key[0])
    headers = {**SAFE_HEADERS, "ETag": f'"{found.sha256}"'}
    known = request.headers.get("if-none-match", "")
    if headers["ETag"] in known or known.strip() == "*":
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = _attachment(found.file_name)
    return await stored_response(request, rt.files, found.sha256, "application/octet-stream", headers)


def _attachment(file_name: str) -> str:
    """What has a browser save the file under its name (RFC 6266)."""
    quoted = quote(file_name)
    return f'attachment; filename="{file_name}"' if quoted == file_name else f"attachment; filename*=utf-8''{quoted}"
