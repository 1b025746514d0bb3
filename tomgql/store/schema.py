"""Bring a database's schema up to date by Tortoise's migrations, one process at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import asyncpg
from tortoise.context import TortoiseContext
from tortoise.migrations.executor import MigrationExecutor, PlanStep

from tomgql.errors import Unavailable

MIGRATION_LOCK = 0x746F6D67
"""Key of the PostgreSQL advisory lock under which migrations run ("tomg" in ASCII)."""

APP = {"models": ["tomgql.store.tables"], "migrations": "tomgql.store.migrations", "default_connection": "default"}


def tortoise_config(database_url: str) -> dict[str, Any]:
    """Tortoise's configuration for a PostgreSQL address."""
    parts = urlsplit(database_url)
    credentials = {
        "host": parts.hostname or "localhost",
        "port": parts.port or 5432,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "database": unquote(parts.path.lstrip("/")),
        "minsize": 1,
        "maxsize": 2,
    }
    connection = {"engine": "tortoise.backends.asyncpg", "credentials": credentials}
    return {"connections": {"default": connection}, "apps": {"tomgql": APP}}


async def migrate(database_url: str, progress: Callable[[str], None] = lambda _line: None) -> list[str]:
    """Apply what is missing; returns the names of the migrations applied.

    Processes that start side by side wait for each other under an advisory lock.
    """
    lock = await asyncpg.connect(database_url)
    try:
        await lock.execute("select pg_advisory_lock($1)", MIGRATION_LOCK)
        await _check_version(lock)
        async with TortoiseContext() as context:
            await context.init(config=tortoise_config(database_url))
            executor = MigrationExecutor(context.connections.get("default"), {"tomgql": APP})
            pending = [step.migration.name for step in await executor.plan()]
            await executor.migrate(progress=lambda event, _app, name: progress(f"migration {name}: {event}"))
            return pending
    finally:
        await lock.close()


async def pending_migrations(database_url: str) -> list[str]:
    """Names of the migrations that a database still lacks."""
    async with TortoiseContext() as context:
        await context.init(config=tortoise_config(database_url))
        executor = MigrationExecutor(context.connections.get("default"), {"tomgql": APP})
        steps: list[PlanStep] = await executor.plan()
        return [step.migration.name for step in steps]


async def _check_version(connection: asyncpg.Connection) -> None:
    major = int(await connection.fetchval("show server_version_num")) // 10000
    if major < OLDEST_POSTGRESQL:
        raise Unavailable(f"PostgreSQL {major} is too old: tomgql needs {OLDEST_POSTGRESQL} or newer.")


OLDEST_POSTGRESQL = 15
"""Oldest major version of PostgreSQL that is supported (DESIGN D1)."""


def with_database(database_url: str, name: str) -> str:
    """The same server's address with another database."""
    return urlsplit(database_url)._replace(path="/" + quote(name)).geturl()
