"""GET /health: whether this process can do its work."""

from __future__ import annotations

import asyncio

import asyncpg
import redis.exceptions
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tomgql import __version__
from tomgql.runtime import OUTAGES, Runtime

PATIENCE_S = 3.0
"""How long a part may take to answer."""


async def health(request: Request) -> Response:
    """200 when database and queue answer, else 503 with what does not."""
    rt: Runtime = request.app.state.rt
    parts = {"database": await _database(rt), "queue": await _queue(rt)}
    status = 200 if all(parts.values()) else 503
    return JSONResponse(
        {"version": __version__, **{name: "ok" if up else "down" for name, up in parts.items()}}, status
    )


async def _database(rt: Runtime) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return bool(await rt.reads.fetchval("select 1"))
    except (OSError, asyncpg.PostgresError, *OUTAGES):
        return False


async def _queue(rt: Runtime) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return bool(await rt.queue.ping())
    except (OSError, TimeoutError, redis.exceptions.RedisError):
        return False
