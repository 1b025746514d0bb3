"""GET /files/{id}/thumbnail: a small PNG that this server drew, for who may see the data product."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from tomgql.errors import NotFound
from tomgql.reading import ids
from tomgql.runtime import Runtime
from tomgql.services import thumbnails
from tomgql.web.auth import principal_of
from tomgql.web.files import SAFE_HEADERS
from tomgql.web.stored import stored_response


async def thumbnail(request: Request) -> Response:
    """The thumbnail, or 304 when the browser has it; 404 for what does not exist or may not be seen."""
    rt: Runtime = request.app.state.rt
    actor = await principal_of(rt, request)
    key = ids.decode("data_products", request.path_params["id"])
    if key is None:
        raise NotFound("There is no such thumbnail.")
    sha256 = await thumbnails.find_thumbnail(rt, actor, key[0])
    headers = {**SAFE_HEADERS, "ETag": f'"{sha256}"'}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return await stored_response(request, rt.files, sha256, "image/png", headers)
