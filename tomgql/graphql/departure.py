"""What becomes of an operation whose client goes: reads end at once, in the database too; changes run to their end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from cross_web import HTTPException
from starlette.requests import Request

from tomgql.graphql.context import Context

Result = TypeVar("Result")

CLIENT_GONE = 499
"""Status that the log shows of a request whose client did not wait for the answer, as nginx has it."""


async def while_connected(request: Request, context: Context, execution: Awaitable[Result]) -> Result:
    """What an execution gives; one that only reads is cancelled when the request's client hangs up.

    Raises HTTPException for such a client, which nobody hears.
    """
    running = asyncio.ensure_future(execution)
    leaving = asyncio.create_task(_departure(request), name="departure of a client")
    try:
        await asyncio.wait({running, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if running.done() or context.changes:
            return await running
        raise HTTPException(CLIENT_GONE, "The client has gone.")
    finally:
        leaving.cancel()
        await _ended(running)


async def to_its_end(execution: Awaitable[Result], context: Context, may_go_on: Callable[[], bool]) -> Result:
    """What an execution gives; one that changes something is not cancelled, unless it may not go on.

    Whoever cancels it waits for its end. That is how WebSockets and event streams end operations whose client is gone.
    """
    running = asyncio.ensure_future(execution)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            if not (context.changes and may_go_on()):
                running.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait({running})
        raise


async def _departure(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _ended(running: asyncio.Future[Result]) -> None:
    if not running.done():
        running.cancel()
        await asyncio.wait({running})
