"""What a process opens and closes: pools, queue, hub, file store, plug-ins. Knows no verb."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg
import orjson
import redis.exceptions

from tomgql.errors import Unavailable
from tomgql.events.hub import Hub
from tomgql.events.tail import Tail
from tomgql.files import FileStore, open_files
from tomgql.jobs.pacing import Pacing
from tomgql.jobs.queue import ArqQueue, JobQueue
from tomgql.outbound import Outbound
from tomgql.plugins.registry import (
    DestinationRegistry,
    HookRegistry,
    ProcessorRegistry,
    ResolverRegistry,
    SurveyRegistry,
)
from tomgql.plugins.sandbox import Sandbox
from tomgql.settings import Settings
from tomgql.store.connection import DATABASE_ERRORS, Connection
from tomgql.store.shares import ReadShares

logger = logging.getLogger(__name__)

Plugins = TypeVar(
    "Plugins", ProcessorRegistry, HookRegistry, SurveyRegistry, ResolverRegistry, DestinationRegistry
)

STATEMENTS_KEPT = 100
"""Prepared statements that a connection keeps: clients' aliases make endless distinct ones."""

PATIENCE_S = 30.0
"""How long a starting process waits for its database."""

CLOSE_LIMIT_S = 4.0
"""How long an ending process waits for its database."""

STAGED_ROWS_BUFFER = "64MB"
"""Memory of a writing connection for temporary tables, taken as it is needed: 100,000 rows are sorted out in it."""

OUTAGES = (
    ConnectionError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # see `tomgql.store.connection`
    asyncpg.PostgresConnectionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.DiskFullError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.CannotConnectNowError,
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
)
"""Errors that say that our own database or queue is away: it was stopped, has crashed, or is still starting."""


@dataclass(frozen=True)
class PreviewRoom:
    """Where a process reads files that it previews: apart from itself, and few at a time. Opens at the first one."""

    sandbox: Sandbox
    turns: asyncio.Semaphore


@dataclass
class Runtime:
    """Everything that the verbs of one process use."""

    settings: Settings
    reads: asyncpg.Pool
    strangers: asyncpg.Pool
    shares: ReadShares
    writes: asyncpg.Pool
    queue: JobQueue
    pacing: Pacing
    outbound: Outbound
    hub: Hub
    tail: Tail
    files: FileStore
    processors: ProcessorRegistry
    hooks: HookRegistry
    surveys: SurveyRegistry
    resolvers: ResolverRegistry
    destinations: DestinationRegistry
    instance_id: str
    signing_key: str
    previews: PreviewRoom

    @classmethod
    async def open(cls, settings: Settings) -> Runtime:
        """Connect to everything; raises Unavailable, naming what is missing, when it cannot."""
        if settings.database_url is None or settings.redis_url is None:
            raise Unavailable(
                "TOMGQL_DATABASE_URL and TOMGQL_REDIS_URL must be set; `tomgql up` starts its own and sets them."
            )
        files = await open_files(settings)
        reads = await _reading_pool(settings, settings.statement_timeout_s, settings.database_pool_size)
        strangers = await _reading_pool(
            settings, settings.anonymous_statement_timeout_s, _part(settings, settings.anonymous_read_share)
        )
        # A process that freezes or vanishes in a transaction loses its locks with its lease: it may hold a target, or
        # the event log, which everybody needs.
        lease_ms = str(int(settings.job_lease_s * 1000))
        writes = await _pool(
            settings,
            {"idle_in_transaction_session_timeout": lease_ms, "temp_buffers": STAGED_ROWS_BUFFER},
            settings.database_pool_size,
        )
        instance = await writes.fetchrow("select instance_id::text, signing_key from instance")
        hub = Hub(settings.database_url)
        await hub.open()
        queue = await _queue(settings.redis_url)
        return cls(
            settings=settings,
            reads=reads,
            strangers=strangers,
            shares=ReadShares(reads, strangers, _part(settings, settings.user_read_share), settings.read_wait_s),
            writes=writes,
            queue=queue,
            pacing=queue.pacing,
            outbound=Outbound(),
            hub=hub,
            tail=Tail(reads, hub),
            files=files,
            processors=_reported(ProcessorRegistry.load()),
            hooks=_reported(HookRegistry.load()),
            surveys=_reported(SurveyRegistry.load()),
            resolvers=_reported(ResolverRegistry.load()),
            destinations=_reported(DestinationRegistry.load()),
            instance_id=instance["instance_id"],
            signing_key=_signing_key(settings, instance["signing_key"]),
            previews=PreviewRoom(Sandbox(), asyncio.Semaphore(settings.max_previews)),
        )

    async def close(self) -> None:
        """Release everything."""
        await self.previews.sandbox.close()
        await self.hub.close()
        await self.outbound.close()
        await self.queue.close()
        await asyncio.gather(_close(self.reads), _close(self.strangers), _close(self.writes))


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Runtime]:
    """A runtime that is closed when the block ends."""
    rt = await Runtime.open(settings)
    try:
        yield rt
    finally:
        await rt.close()


def _reported(registry: Plugins) -> Plugins:
    """The registry, its broken plug-ins named in the log: they never keep a process from starting."""
    for fault in registry.faults:
        logger.warning("%s", fault)
    return registry


def _signing_key(settings: Settings, stored: str) -> str:
    return settings.secret_key.get_secret_value() if settings.secret_key is not None else stored


def _part(settings: Settings, share: float) -> int:
    """So much of a pool, at least one connection."""
    return max(1, int(settings.database_pool_size * share))


async def _reading_pool(settings: Settings, timeout_s: float, size: int) -> asyncpg.Pool:
    return await _pool(settings, {"statement_timeout": str(int(timeout_s * 1000))}, size)


async def _pool(settings: Settings, server_settings: dict[str, str], size: int) -> asyncpg.Pool:
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while True:
        try:
            return await asyncpg.create_pool(
                settings.database_url,
                min_size=1,
                max_size=size,
                statement_cache_size=STATEMENTS_KEPT,
                server_settings={"timezone": "UTC", "application_name": "tomgql", "jit": "off", **server_settings},
                init=_prepare_connection,
                connection_class=Connection,
            )
        except (OSError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError) as error:
            if asyncio.get_running_loop().time() > deadline:
                raise Unavailable(f"PostgreSQL cannot be reached: {error}.") from error
            await asyncio.sleep(0.5)
        except asyncpg.PostgresError as error:
            raise Unavailable(f"PostgreSQL refuses the connection: {error}.") from error


async def _close(pool: asyncpg.Pool) -> None:
    """asyncpg waits without a limit for each query's end and each server's goodbye; then it cuts them off."""
    try:
        async with asyncio.timeout(CLOSE_LIMIT_S):
            await pool.close()
    except DATABASE_ERRORS as error:
        logger.warning("the database's connections were cut off: %s", str(error) or type(error).__name__)


async def _queue(redis_url: str) -> ArqQueue:
    try:
        return await ArqQueue.open(redis_url)
    except (OSError, redis.exceptions.RedisError) as error:
        raise Unavailable(f"Redis or Valkey cannot be reached: {error}.") from error


async def _prepare_connection(connection: asyncpg.Connection) -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, encoder=_dump, decoder=orjson.loads, schema="pg_catalog", format="text")


def _dump(value: Any) -> str:
    return orjson.dumps(value).decode()
