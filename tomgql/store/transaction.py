"""One database transaction of a verb, with callbacks for after its commit.

Tortoise and asyncpg have no after-commit hook, and a message must never leave before the row it speaks of is
committed (DESIGN D6). Callbacks run in order, outside the transaction; one that fails is logged and does not undo
what is committed, since the sweep sends again what was lost.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncpg
import redis.exceptions

from tomgql.errors import InvalidInput, Unavailable

logger = logging.getLogger(__name__)

UNSTORABLE_MESSAGE = "A text holds a character that cannot be stored: NUL, or half of a surrogate pair."
"""What the sender of such a text is told."""

AfterCommit = Callable[[], Awaitable[None]]


class Transaction:
    """A running transaction: SQL in, rows out, and what is to happen after the commit."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
        self._after_commit: list[AfterCommit] = []

    async def execute(self, sql: str, *values: Any) -> str:
        """Run a statement; returns PostgreSQL's command tag, such as ``UPDATE 1``."""
        return str(await self.connection.execute(sql, *values))

    async def row(self, sql: str, *values: Any) -> asyncpg.Record | None:
        """The first row of a statement, or None."""
        return await self.connection.fetchrow(sql, *values)

    async def rows(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        """All rows of a statement."""
        rows: list[asyncpg.Record] = await self.connection.fetch(sql, *values)
        return rows

    async def value(self, sql: str, *values: Any) -> Any:
        """The first column of the first row of a statement, or None."""
        return await self.connection.fetchval(sql, *values)

    def after_commit(self, callback: AfterCommit) -> None:
        """Have ``callback`` run once the transaction is committed; never when it is rolled back."""
        self._after_commit.append(callback)

    async def run_after_commit(self) -> None:
        """Run the callbacks; called by `transaction` alone."""
        for callback in self._after_commit:
            try:
                await callback()
            except (OSError, redis.exceptions.RedisError) as error:
                logger.warning("after commit: %s (the sweep will repeat it)", error)


def unstorable(error: BaseException) -> InvalidInput | None:
    """What to tell the sender of a text that PostgreSQL or its driver cannot hold; None for other errors."""
    refused = isinstance(error, (asyncpg.UntranslatableCharacterError, asyncpg.CharacterNotInRepertoireError))
    if refused or isinstance(error, UnicodeEncodeError) or isinstance(error.__cause__, UnicodeEncodeError):
        return InvalidInput(UNSTORABLE_MESSAGE)
    if isinstance(error.__cause__, TypeError):  # orjson's, of whole numbers beyond 64 bits and endless nesting
        return InvalidInput("A JSON value cannot be stored: a whole number beyond 64 bits, or nested too deep.")
    if isinstance(error, asyncpg.StringDataRightTruncationError):
        longest = "".join(filter(str.isdigit, str(error)))  # "... type character varying(100)"
        return InvalidInput(f"A text is too long: at most {longest} characters can be stored there.")
    return None


@asynccontextmanager
async def transaction(pool: asyncpg.Pool) -> AsyncIterator[Transaction]:
    """A transaction that commits when the block ends and rolls back when it raises."""
    async with pool.acquire() as connection:
        running = Transaction(connection)
        with _told():
            async with connection.transaction():
                yield running
    await running.run_after_commit()


@asynccontextmanager
async def rolled_back(pool: asyncpg.Pool) -> AsyncIterator[Transaction]:
    """A transaction that is rolled back however the block ends; nothing happens after it."""
    async with pool.acquire() as connection:
        with _told():
            begun = connection.transaction()
            await begun.start()
            try:
                yield Transaction(connection)
            finally:
                await begun.rollback()


@contextmanager
def _told() -> Iterator[None]:
    """What PostgreSQL refuses because of others or of what was sent, as errors of our tree."""
    try:
        yield
    except (asyncpg.DataError, UnicodeEncodeError) as error:
        raise (unstorable(error) or error) from error
    except (asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError) as error:
        raise Unavailable("Others change the same things at this moment; nothing was done, try again.") from error
