"""Errors of plain HTTP routes as JSON: our own with their code, everything else masked with an id."""

from __future__ import annotations

import logging
import uuid

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tomgql.errors import TomError, Unavailable

logger = logging.getLogger(__name__)


def error_response(code: str, message: str, status: int) -> JSONResponse:
    """An error in the form of a GraphQL response, which every client here can read."""
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse({"errors": [{"message": message, "extensions": {"code": code}}]}, status, headers)


async def tom_error(_request: Request, error: Exception) -> Response:
    """An error raised on purpose."""
    assert isinstance(error, TomError)  # noqa: S101 - registered for this class
    return error_response(error.code, error.message, error.http_status)


async def outage(_request: Request, error: Exception) -> Response:
    """Our own database or queue is away."""
    logger.warning("unavailable: %s", error)
    away = Unavailable("A part of this server cannot be reached just now; try again.")
    return error_response(away.code, away.message, away.http_status)


async def http_error(_request: Request, error: Exception) -> Response:
    """What starlette refuses: unknown paths, wrong methods."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
    return error_response("HTTP_ERROR", error.detail, error.status_code)


async def unexpected(_request: Request, error: Exception) -> Response:
    """A bug: logged with an id, which is all that the client learns."""
    error_id = uuid.uuid4().hex[:12]
    logger.error("internal error %s", error_id, exc_info=error)
    return error_response("INTERNAL", f"Internal error {error_id}.", 500)
