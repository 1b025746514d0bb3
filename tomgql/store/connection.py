"""What asyncpg leaves to its user when PostgreSQL goes away: two that wait for ever, and an unusual error."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

DATABASE_ERRORS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""All that asking the database may raise.

InternalClientError is also an outage: a server that ends says goodbye before it closes the line, and whoever takes
the connection in between is told of a protocol "in an unexpected state".
"""

CANCEL_LIMIT_S = 3.0
"""How long a cancelled query waits for the server to say that it has ended; its line is cut off then."""


def outlive(error: Exception) -> None:
    """Return, for a loop that goes on after an outage; raises CancelledError when its task was to end.

    A task is cancelled in the middle of a query, and then the line is lost: asyncpg's error for that takes the place of
    the cancellation, and a loop that outlives it would never end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError from error


class Connection(asyncpg.Connection):  # type: ignore[misc] # asyncpg has no types
    """A connection whose loss wakes who waits to write, or for the end of a query that was cancelled.

    asyncpg's COPY and executemany wait, with no time limit, until the socket takes more; a socket that is gone never
    says so, and they would wait for ever. So would who cancels a query, for the server to hang up: a wish to end it
    goes over a line of its own, and nothing else is answered there.
    """

    __slots__ = ()

    def __init__(self, protocol: Any, *rest: Any) -> None:
        super().__init__(protocol, *rest)
        self.add_termination_listener(lambda _connection: protocol.resume_writing())

    async def _cancel(self, *waiters: Any) -> None:
        async with asyncio.timeout(CANCEL_LIMIT_S) as limit:
            await super()._cancel(*waiters)
        if limit.expired():
            self.terminate()
