"""GET /export/targets.csv: targets in TOM Toolkit's columns, streamed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from tomgql.errors import InvalidInput
from tomgql.reading.execute import reading_as
from tomgql.reading.target_export import export_targets
from tomgql.runtime import Runtime
from tomgql.web.auth import principal_of
from tomgql.web.files import SAFE_HEADERS

Coerce = Callable[[str, Any], Mapping[str, Any]]
"""Turns a JSON value into a filter of a Where type of the schema, or raises InvalidInput."""


def targets_csv(coerce: Coerce) -> Callable[[Request], Any]:
    """The route, with the schema's filters: `list` is the id of a target list, `where` a TargetWhere as JSON."""

    async def respond(request: Request) -> Response:
        """The targets that whoever asks may see; 404 for a list that they may not."""
        rt: Runtime = request.app.state.rt
        session = reading_as(rt, await principal_of(rt, request))
        where = coerce("TargetWhere", _json(request.query_params.get("where", "{}")))
        pieces = await export_targets(session, request.query_params.get("list"), where)
        headers = {**SAFE_HEADERS, "Content-Disposition": 'attachment; filename="targets.csv"'}
        if request.method == "HEAD":
            return Response(media_type="text/csv", headers=headers)
        return StreamingResponse(pieces, media_type="text/csv", headers=headers)

    return respond


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"`where` is a TargetWhere as JSON: {error}.", path=["where"]) from error
