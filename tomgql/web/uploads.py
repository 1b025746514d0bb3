"""/uploads/{address}: the bytes of a file that `beginUpload` began, in as many requests as it takes.

In the words of the IETF's "Resumable Uploads for HTTP" (draft-ietf-httpbis-resumable-upload): HEAD says in
``Upload-Offset`` where the next byte goes, PUT (or the draft's PATCH) sends bytes from there on, and DELETE cancels.
The draft's POST that makes the resource is the mutation here, since a file needs its target.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from tomgql.access.principal import Principal
from tomgql.errors import InvalidInput, TomError, UploadStalled
from tomgql.reading import ids
from tomgql.runtime import Runtime
from tomgql.services import uploads
from tomgql.services.products import Registered
from tomgql.services.uploads import Piece, Progress
from tomgql.web.auth import principal_of, require_same_site
from tomgql.web.errors import tom_error

COMPLETE = {"?1": True, "?0": False, None: None}
"""What ``Upload-Complete`` may say: a boolean of a structured field (RFC 9651), or nothing."""

_OFFSET = re.compile("[0-9]{1,15}")
"""A whole number of a structured field (RFC 9651) that is no less than 0."""

Verb = Callable[[Runtime, Principal, Request], Awaitable[Response]]


async def upload(request: Request) -> Response:
    """One request about an upload; an error says in ``Upload-Offset`` where to go on, when it knows."""
    require_same_site(request)
    rt: Runtime = request.app.state.rt
    try:
        return await _VERBS[request.method](rt, await principal_of(rt, request), request)
    except ClientDisconnect:
        return Response(status_code=400)  # nobody reads it; what came is kept
    except TomError as error:
        response = await tom_error(request, error)
        if "offset" in error.details:
            response.headers["Upload-Offset"] = str(error.details["offset"])
        if isinstance(error, UploadStalled):
            response.headers["Connection"] = "close"
        return response


async def _head(rt: Runtime, actor: Principal, request: Request) -> Response:
    progress = await uploads.find_progress(rt, actor, request.path_params["address"])
    return Response(status_code=204, headers=_headers(progress))


async def _put(rt: Runtime, actor: Principal, request: Request) -> Response:
    piece = Piece(_offset(request), _body(request, rt.settings.upload_idle_s), _length(request), _complete(request))
    progress = await uploads.take_piece(rt, actor, request.path_params["address"], piece)
    if progress.registered is None:
        return Response(status_code=204, headers=_headers(progress))
    return JSONResponse(_told(progress.registered), headers=_headers(progress))


async def _delete(rt: Runtime, actor: Principal, request: Request) -> Response:
    await uploads.cancel_upload(rt, actor, request.path_params["address"])
    return Response(status_code=204)


_VERBS: dict[str, Verb] = {"HEAD": _head, "PUT": _put, "PATCH": _put, "DELETE": _delete}


def _headers(progress: Progress) -> dict[str, str]:
    left_s = max(0, int((progress.expires - datetime.now(UTC)).total_seconds()))
    return {
        "Upload-Offset": str(progress.offset),
        "Upload-Length": str(progress.size_bytes),
        "Upload-Complete": "?0" if progress.registered is None else "?1",
        "Upload-Limit": f"max-size={progress.size_bytes}, max-age={left_s}",
        "Cache-Control": "no-store",
    }


def _told(registered: Registered) -> dict[str, Any]:
    job_id = registered.job_id
    return {
        "dataProduct": {"id": ids.encode("data_products", registered.data_product_id)},
        "job": None if job_id is None else {"id": ids.encode("jobs", job_id)},
        "alreadyExists": registered.already_exists,
    }


def _offset(request: Request) -> int:
    given = request.headers.get("upload-offset", "").strip()
    if not _OFFSET.fullmatch(given):
        raise InvalidInput("Say in the header `Upload-Offset` which byte comes first, counted from 0; HEAD tells it.")
    return int(given)


def _complete(request: Request) -> bool | None:
    given = request.headers.get("upload-complete")
    if given not in COMPLETE:
        raise InvalidInput("`Upload-Complete` is ?1 when these bytes end the file, else ?0.")
    return COMPLETE[given]


def _length(request: Request) -> int | None:
    given = request.headers.get("content-length")
    return None if given is None else int(given)  # the limit on bodies has let digits through alone


async def _body(request: Request, idle_s: float) -> AsyncIterator[bytes]:
    """The bytes as they come; raises UploadStalled when none come for too long."""
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(idle_s):
                chunk = await anext(stream, None)
        except TimeoutError:
            raise UploadStalled(f"Nothing came for {idle_s:g} s; what came is kept, go on behind it.") from None
        if chunk is None:
            return
        if chunk:
            yield chunk
