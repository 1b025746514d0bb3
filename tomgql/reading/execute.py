"""Run compiled statements, and fetch rows for the slow path.

One statement a root field. When a selection cannot be compiled, rows of the same relation are fetched with the same
predicate, filter, order and page, and graphql-core completes them through the resolvers of the GraphQL types; links
below become relations again, so only the subtree that needs Python pays for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import orjson

from tomgql.access.principal import Principal
from tomgql.errors import InvalidCursor, QueryTooCostly, Unavailable
from tomgql.reading.budget import MOST_SCANS_OF_STRANGERS, Budget
from tomgql.reading.catalog import RESOURCES
from tomgql.reading.compile import TOO_LARGE, Compiler, Reader
from tomgql.reading.relation import Relation
from tomgql.reading.rows import fetch_connection, fetch_light_curve, fetch_list, fetch_one
from tomgql.reading.seals import FOREIGN
from tomgql.reading.selection import NotCompilable, Selected, Selections
from tomgql.runtime import OUTAGES, Runtime
from tomgql.store.shares import ReadShare
from tomgql.store.transaction import unstorable

logger = logging.getLogger(__name__)


REFUSED = "TQ001"
"""SQLSTATE of our own function `tomgql_refuse`, by which a statement says that it would answer too much."""

FOREIGN_CURSOR = "TQ002"
"""SQLSTATE of `tomgql_refuse_cursor`, which says that a cursor is of another list, and in which argument."""

READS_AT_A_TIME = 4
"""Statements of one query that run side by side."""

MOST_BYTES = 128 * 1024 * 1024
"""Most bytes that the compiled reads of one operation answer, where no setting says otherwise."""

MOST_RELATIONS = 1_000
"""Most relations that one operation, or one event of a subscription, reads: one each, but for the slow path's."""


@dataclass
class ReadSession:
    """Reads of one request: whose they are, where they run, and how many statements they took.

    ``slow_only`` sends everything down the slow path: for the tests that compare the two.
    """

    pool: ReadShare
    reader: Reader
    slow_only: bool = False
    most_bytes: int = MOST_BYTES
    budget: Budget = field(default_factory=Budget)
    statements: int = 0
    left: int = MOST_RELATIONS
    bytes_left: int = MOST_BYTES
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(READS_AT_A_TIME))
    snapshot: Snapshot | None = None

    def __post_init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Begin a new operation or event, with its full number of relations and bytes."""
        self.left, self.bytes_left = MOST_RELATIONS, self.most_bytes
        self.budget.renew()

    async def text(self, sql: str, values: list[Any]) -> str | None:
        """The one value of a statement, as text; counts it against what the operation may answer."""
        self.statements += 1
        with _readable():
            async with self.connection() as connection:
                text: str | None = await connection.fetchval(sql, *values)
        self.bytes_left -= _size(text or "")
        return text

    async def rows(self, sql: str, values: list[Any]) -> list[asyncpg.Record]:
        """All rows of a statement."""
        self.statements += 1
        with _readable():
            async with self.connection() as connection:
                rows: list[asyncpg.Record] = await connection.fetch(sql, *values)
        return rows

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """A connection for one statement: any, or the one that sees the operation's snapshot."""
        if self.snapshot is not None:
            async with self.snapshot.turn() as connection:
                yield connection
        else:
            async with self.pool.acquire() as connection:
                yield connection

    @asynccontextmanager
    async def as_of_one_moment(self) -> AsyncIterator[None]:
        """Until the block ends every statement sees the database as the first of them did."""
        async with AsyncExitStack() as stack:
            self.snapshot = Snapshot(self.pool, stack)
            try:
                yield
            finally:
                self.snapshot = None


class Snapshot:
    """One transaction that reads; statements take turns, and one that fails takes no other with it."""

    def __init__(self, pool: ReadShare, stack: AsyncExitStack) -> None:
        self._pool = pool
        self._stack = stack
        self._connection: Any = None
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Any]:
        """The transaction's connection, for one statement."""
        async with self._lock:
            if self._connection is None:
                connection = await self._stack.enter_async_context(self._pool.acquire())
                await self._stack.enter_async_context(
                    connection.transaction(isolation="repeatable_read", readonly=True)
                )
                self._connection = connection
            async with self._connection.transaction():  # a savepoint
                yield self._connection


def _size(text: str) -> int:
    """Bytes of a text as it is sent; most answers are ASCII, which costs nothing to know."""
    return len(text) if text.isascii() else len(text.encode())


def reading_as(rt: Runtime, actor: Principal) -> ReadSession:
    """A session of reads as ``actor``."""
    limits = rt.settings
    share, reader = rt.shares.of(actor.user_id), Reader(actor, rt.signing_key)
    if not actor.is_anonymous:
        return ReadSession(share, reader, most_bytes=limits.max_answer_bytes)
    budget = Budget(MOST_SCANS_OF_STRANGERS)
    return ReadSession(share, reader, most_bytes=limits.max_anonymous_answer_bytes, budget=budget)


@contextmanager
def _readable() -> Iterator[None]:
    """Turns the database's refusals into errors that a reader can act on."""
    try:
        yield
    except (asyncpg.DataError, UnicodeEncodeError) as error:
        raise (unstorable(error) or error) from error
    except asyncpg.QueryCanceledError as error:
        raise QueryTooCostly("This query took too long; ask for less at once.") from error
    except (asyncpg.StatementTooComplexError, asyncpg.ProgramLimitExceededError) as error:
        raise QueryTooCostly("This query is too complex; ask for less at once.") from error
    except OUTAGES as error:
        raise Unavailable("The database cannot be reached just now; try again.") from error
    except asyncpg.PostgresError as error:
        if error.sqlstate == FOREIGN_CURSOR:
            raise InvalidCursor(FOREIGN, path=[str(error)]) from error
        raise (QueryTooCostly(str(error)) if error.sqlstate == REFUSED else error) from error


async def read(session: ReadSession, relation: Relation, selected: Selected, executor: Any) -> Any:
    """The finished JSON of a relation, or rows and objects for graphql-core where SQL cannot say it.

    Raises NotCompilable never: that turn is taken here.
    """
    if not session.slow_only:
        _spend(session)
        try:
            return await _compiled(session, relation, selected, executor)
        except NotCompilable as reason:
            logger.debug("slow path for %s: %s", relation.resource, reason)
    return await _rows(session, relation, selected)


async def _compiled(session: ReadSession, relation: Relation, selected: Selected, executor: Any) -> Any:
    async with session.turns:  # so that few answers of one query lie in memory before they are counted
        sql, values = _statement(session, relation, selected, executor)
        text = await session.text(sql, values)
    if session.bytes_left < 0:
        raise QueryTooCostly(TOO_LARGE)
    return None if text is None else orjson.Fragment(text)


def _statement(session: ReadSession, relation: Relation, selected: Selected, executor: Any) -> tuple[str, list[Any]]:
    """SQL and values; what cannot be said costs nothing here, since the slow path comes by everything again."""
    spent = session.budget.scans
    compiler = Compiler(session.reader, Selections(executor), session.budget)
    try:
        sql = compiler.statement(relation, selected, max(session.bytes_left, 0))
    except NotCompilable:
        session.budget.scans = spent
        raise
    return sql, compiler.parameters.values


def _spend(session: ReadSession) -> None:
    session.left -= 1
    if session.left < 0:
        raise QueryTooCostly(
            "This query asks for fields that are computed object by object, of too many objects with others hanging on"
            " them; ask for fewer at once, or without those fields."
        )


async def _rows(session: ReadSession, relation: Relation, selected: Selected) -> Any:
    resource = RESOURCES[relation.resource]
    if selected.shape == "connection":
        return await fetch_connection(session, relation, resource, selected)
    if selected.shape == "light_curve":
        return await fetch_light_curve(session, relation, resource, selected)
    if selected.shape == "list":
        return await fetch_list(session, relation, resource)
    return await fetch_one(session, relation, resource)
