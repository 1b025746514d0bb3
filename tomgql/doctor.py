"""`tomgql doctor`: what is reachable, which versions, what is missing."""

from __future__ import annotations

import platform
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import version

import asyncpg
import redis.exceptions

from tomgql import __version__
from tomgql.errors import TomError
from tomgql.files import open_files
from tomgql.jobs.queue import ArqQueue
from tomgql.plugins.registry import HookRegistry, ProcessorRegistry
from tomgql.settings import Settings
from tomgql.store.connection import DATABASE_ERRORS
from tomgql.store.schema import OLDEST_POSTGRESQL, pending_migrations

LIBRARIES = ("strawberry-graphql", "graphql-core", "tortoise-orm", "arq", "redis", "asyncpg", "astropy", "numpy")
"""Libraries whose versions matter most."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at: whether it is well, and what was seen or what would mend it."""

    what: str
    well: bool
    detail: str


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything; a part that fails never hides the others."""
    looks: list[Callable[[Settings], Awaitable[Finding]]] = [_postgresql, _schema, _queue, _files]
    findings = [Finding("tomgql", True, f"{__version__} on Python {platform.python_version()}"), _libraries()]
    for look in looks:
        try:
            findings.append(await look(settings))
        except (TomError, redis.exceptions.RedisError, *DATABASE_ERRORS) as error:
            findings.append(Finding(look.__name__.strip("_"), False, str(error) or type(error).__name__))
    return [*findings, *_plugins()]


def _libraries() -> Finding:
    return Finding("libraries", True, ", ".join(f"{name} {version(name)}" for name in LIBRARIES))


async def _postgresql(settings: Settings) -> Finding:
    if settings.database_url is None:
        return Finding("postgresql", False, "no address: set TOMGQL_DATABASE_URL, or start `tomgql up`")
    connection = await asyncpg.connect(settings.database_url, timeout=5)
    try:
        server = await connection.fetchval("show server_version")
        cube = await connection.fetchval("select true from pg_available_extensions where name = 'cube'")
    finally:
        await connection.close()
    if int(server.split(".")[0]) < OLDEST_POSTGRESQL:
        return Finding("postgresql", False, f"{server} is too old: {OLDEST_POSTGRESQL} or newer is needed")
    if not cube:
        return Finding("postgresql", False, f'{server} lacks the extension "cube": install its contrib package')
    return Finding("postgresql", True, f"{server}, with the extension cube")


async def _schema(settings: Settings) -> Finding:
    if settings.database_url is None:
        return Finding("schema", False, "no database address")
    await (await asyncpg.connect(settings.database_url, timeout=5)).close()  # raises where Tortoise would not
    missing = await pending_migrations(settings.database_url)
    if missing:
        return Finding("schema", False, f"lacks {', '.join(missing)}: run `tomgql migrate`")
    return Finding("schema", True, "up to date")


async def _queue(settings: Settings) -> Finding:
    if settings.redis_url is None:
        return Finding("queue", False, "no address: set TOMGQL_REDIS_URL, or start `tomgql up`")
    queue = await ArqQueue.open(settings.redis_url)
    try:
        return Finding("queue", True, f"Redis or Valkey {await queue.ping()}")
    finally:
        await queue.close()


async def _files(settings: Settings) -> Finding:
    return Finding("files", True, await (await open_files(settings)).describe())


def _plugins() -> list[Finding]:
    processors, hooks = ProcessorRegistry.load(), HookRegistry.load()
    return [
        Finding("processors", bool(processors.installed), _versions(processors)),
        Finding("hooks", True, _versions(hooks)),
        *[Finding(f"{each.kind} {each.name}", False, f"{each.package}: {each.fault}")
          for each in (*processors.faults, *hooks.faults)],
    ]  # fmt: skip


def _versions(registry: ProcessorRegistry | HookRegistry) -> str:
    known = [f"{name} {item.plugin.version}" for name, item in registry.installed.items()]
    return ", ".join(known) or "none installed"
