"""What asyncpg leaves to its user when PostgreSQL goes away: a writer that waits for ever, and an unusual error."""

from __future__ import annotations

from typing import Any

import asyncpg

DATABASE_ERRORS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""All that asking the database may raise.

InternalClientError is also an outage: a server that ends says goodbye before it closes the line, and whoever takes
the connection in between is told of a protocol "in an unexpected state".
"""


class Connection(asyncpg.Connection):  # type: ignore[misc] # asyncpg has no types
    """A connection whose loss wakes who waits to write.

    asyncpg's COPY and executemany wait, with no time limit, until the socket takes more; a socket that is gone never
    says so, and they would wait for ever.
    """

    __slots__ = ()

    def __init__(self, protocol: Any, *rest: Any) -> None:
        super().__init__(protocol, *rest)
        self.add_termination_listener(lambda _connection: protocol.resume_writing())
