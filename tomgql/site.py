"""What `tomgql up` and the command line do with a database before anybody asks: migrate, administrator, demo."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import asyncpg

from tomgql import addresses
from tomgql.access.principal import ALL_SCOPES, Principal
from tomgql.demo import fill_in
from tomgql.errors import InvalidInput, NotFound
from tomgql.reading import ids
from tomgql.runtime import Runtime, running
from tomgql.services import accounts
from tomgql.settings import Settings
from tomgql.store.schema import migrate
from tomgql.store.transaction import transaction
from tomgql.supervision import ChildSpec

ADMIN = "admin"
"""Name of the administrator that the first start creates."""

TOKEN_FILE = "admin-token"  # noqa: S105 - a file's name
"""Where the administrator's token lies in the data directory, readable by its owner alone."""


async def prepare(settings: Settings, *, demo: bool) -> list[str]:
    """Migrations, the administrator's token, sample targets; returns lines for the operator."""
    addresses.write(settings)
    applied = await migrate(settings.database_url or "")
    lines = [f"Applied the migrations {', '.join(applied)}."] if applied else []
    async with running(settings) as rt:
        admin = await _administrator(rt)
        if demo:
            lines += await fill_in(rt, admin)
    return lines


def children(settings: Settings) -> list[ChildSpec]:
    """The web process and the worker."""
    environment = {
        "TOMGQL_DATABASE_URL": settings.database_url or "",
        "TOMGQL_REDIS_URL": settings.redis_url or "",
        "TOMGQL_DATA_DIR": str(settings.data_dir),
        "TOMGQL_HOST": settings.host,
        "TOMGQL_PORT": str(settings.port),
    }
    if settings.credentials_key is not None:
        environment["TOMGQL_CREDENTIALS_KEY"] = settings.credentials_key.get_secret_value()
    return [
        ChildSpec(name, [sys.executable, "-m", "tomgql", command], environment)
        for name, command in (("web", "serve"), ("worker", "worker"))
    ]


async def _administrator(rt: Runtime) -> Principal:
    """The administrator, made when there is none; with a token whose secret lies in the data directory."""
    path = rt.settings.data_dir / TOKEN_FILE
    async with transaction(rt.writes) as tx:
        user_id = await tx.value("select id from users where username = $1", ADMIN)
        if user_id is None:
            user_id = await accounts.insert_user(tx, ADMIN, is_admin=True)
        if not path.exists():
            _, secret = await accounts.insert_token(tx, user_id, "first start", ALL_SCOPES)
            addresses.write_private(path, secret.encode() + b"\n")
    return Principal(user_id=user_id, username=ADMIN, is_admin=True, scopes=ALL_SCOPES)


async def create_user(database_url: str, username: str, *, is_admin: bool) -> str:
    """Create a user from the command line; returns the public id. Raises DuplicateName."""
    pool = await asyncpg.create_pool(database_url, min_size=1, max_size=1)
    async with pool, transaction(pool) as tx:
        return ids.encode("users", await accounts.insert_user(tx, username, is_admin=is_admin))


async def create_token(database_url: str, username: str, name: str, scopes: Sequence[str]) -> str:
    """Create a token from the command line; returns its secret. Raises NotFound, InvalidInput."""
    unknown = sorted(set(scopes) - set(ALL_SCOPES))
    if unknown:
        raise InvalidInput(f'There is no scope "{unknown[0]}". Known: {", ".join(ALL_SCOPES)}.')
    pool = await asyncpg.create_pool(database_url, min_size=1, max_size=1)
    async with pool, transaction(pool) as tx:
        user_id = await tx.value("select id from users where username = $1", username)
        if user_id is None:
            raise NotFound(f'There is no user "{username}"; create one with: tomgql user {username}')
        _, secret = await accounts.insert_token(tx, user_id, name, ["read", *scopes] if scopes else ALL_SCOPES)
    return secret
