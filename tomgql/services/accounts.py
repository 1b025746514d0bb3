"""People: users, user groups, tokens; and who a token or a session stands for."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg

from tomgql.access import guard, predicates
from tomgql.access.guard import Hold
from tomgql.access.principal import ALL_SCOPES, ANONYMOUS, Principal
from tomgql.errors import DuplicateName, InvalidInput, NotAllowed, NotAuthenticated, NotFound
from tomgql.runtime import Runtime
from tomgql.services.names import given_name
from tomgql.store.sql import Parameters
from tomgql.store.transaction import Transaction, transaction

TOKEN_PREFIX = "tomgql_"  # noqa: S105 - a mark by which leaked tokens are found, not a secret
"""How every token begins."""

SECRET_BYTES = 32
"""Random bytes of a token: 256 bits, so that a plain SHA-256 of it may be stored."""

NOT_VALID = "This token is not valid: unknown, revoked or expired. Create one with `createToken`."
"""What is said of a token that stands for nobody."""

_PRINCIPAL = (
    "select t.id as token_id, u.id as user_id, u.username, u.is_admin, t.scopes, t.expires,"
    " coalesce(t.last_used < now() - interval '1 minute', true) as use_is_news from tokens t"
    " join users u on u.id = t.user_id"
    " where u.is_active and t.revoked is null and (t.expires is null or t.expires > now())"
)


async def principal_of_token(rt: Runtime, secret: str) -> Principal:
    """Who a bearer token stands for; raises NotAuthenticated for a wrong, revoked or expired one."""
    row = await _find_token(rt, secret)
    principal = _principal(row)
    await _note_use(rt, row)
    return principal


async def principal_of_login(rt: Runtime, username: str, secret: str) -> Principal:
    """Who a user name stands for, with one of that user's tokens as the password.

    Raises NotAuthenticated, in the same words, for a wrong token and for somebody else's. The token is found by its
    hash, of which a guess learns nothing; names are compared in constant time.
    """
    row = await _find_token(rt, secret)
    principal = _principal(row)
    if not secrets.compare_digest(_digest(principal.username or ""), _digest(username)):
        raise NotAuthenticated(NOT_VALID)
    await _note_use(rt, row)
    return principal


async def _find_token(rt: Runtime, secret: str) -> asyncpg.Record | None:
    row: asyncpg.Record | None = await rt.reads.fetchrow(_PRINCIPAL + " and t.secret_sha256 = $1", _digest(secret))
    return row


async def _note_use(rt: Runtime, row: Any) -> None:
    if row["use_is_news"]:  # once a minute is enough to see which tokens are in use, and spares a write a request
        await rt.writes.execute("update tokens set last_used = now() where id = $1", row["token_id"])


async def principal_of_session(rt: Runtime, token_id: int) -> Principal:
    """Who a session stands for, by the token it was opened with; raises NotAuthenticated when that has ended."""
    return _principal(await rt.reads.fetchrow(_PRINCIPAL + " and t.id = $1", token_id))


async def principal_now(rt: Runtime, actor: Principal) -> Principal:
    """The actor by the same token as it is worth now; raises NotAuthenticated when it has ended."""
    return actor if actor.token_id is None else await principal_of_session(rt, actor.token_id)


async def principals_of_sessions(rt: Runtime, token_ids: Collection[int]) -> dict[int, Principal]:
    """Who stands behind each of these tokens just now; those that have ended are left out."""
    rows = await rt.reads.fetch(_PRINCIPAL + " and t.id = any($1::bigint[])", list(token_ids))
    return {row["token_id"]: _principal(row) for row in rows}


async def principal_of_user(rt: Runtime, user_id: int | None) -> Principal:
    """The user in whose name a job runs, with all that the user may do now; nobody when the user is gone."""
    row = await rt.writes.fetchrow(
        "select id as user_id, username, is_admin from users where id = $1 and is_active", user_id
    )
    return ANONYMOUS if row is None else Principal(**dict(row), scopes=ALL_SCOPES)


def _principal(row: asyncpg.Record | None) -> Principal:
    if row is None:
        raise NotAuthenticated(NOT_VALID)
    scopes = tuple(row["scopes"])
    return Principal(
        user_id=row["user_id"],
        username=row["username"],
        is_admin=row["is_admin"] and "admin" in scopes,
        scopes=scopes,
        token_id=row["token_id"],
    )


async def create_user(rt: Runtime, actor: Principal, username: str, *, is_admin: bool = False) -> tuple[int]:
    """Create a user. Permission: administrators. Raises DuplicateName, InvalidInput."""
    guard.require_admin(actor)
    async with transaction(rt.writes) as tx:
        return (await insert_user(tx, username, is_admin=is_admin),)


async def insert_user(tx: Transaction, username: str, *, is_admin: bool) -> int:
    """Write a user, unasked: for the command line and the first start."""
    name = given_name(username, 150, field="username")
    user_id = await tx.value(
        "insert into users (username, is_admin) values ($1, $2) on conflict (username) do nothing returning id",
        name,
        is_admin,
    )
    if user_id is None:
        raise DuplicateName(f'There is a user "{name}" already; choose another username.', path=["input", "username"])
    return int(user_id)


async def create_user_group(rt: Runtime, actor: Principal, name: str, members: Sequence[int]) -> tuple[int]:
    """Create a user group with the actor as its manager and these members. Raises DuplicateName, NotFound."""
    user_id = guard.require_writer(actor)
    async with transaction(rt.writes) as tx:
        group_id = await tx.value(
            "insert into user_groups (name, created_by_id) values ($1, $2) on conflict (name) do nothing returning id",
            given_name(name),
            user_id,
        )
        if group_id is None:
            raise DuplicateName(f'There is a user group "{name}" already.', path=["input", "name"])
        await _add_members(tx, group_id, [user_id], "MANAGER")
        await _require_users(tx, members)
        await _add_members(tx, group_id, [each for each in members if each != user_id], "MEMBER")
    return (int(group_id),)


async def update_user_group(
    rt: Runtime,
    actor: Principal,
    group_id: int,
    *,
    name: str | None = None,
    add_members: Sequence[int] = (),
    remove_members: Sequence[int] = (),
    add_managers: Sequence[int] = (),
    remove_managers: Sequence[int] = (),
) -> tuple[int]:
    """Rename a user group, add and remove members and managers; what they may see changes with the next read.

    Managers are members, too; whoever is removed as a manager stays a member.

    Permission: its managers and administrators. Its last manager stays. Raises DuplicateName, NotFound, NotAllowed.
    """
    guard.require_writer(actor)
    async with transaction(rt.writes) as tx:
        await guard.require_managed_user_group(tx, actor, group_id, ["input", "id"], Hold.CHANGE)
        if name is not None:
            await _rename_user_group(tx, group_id, name)
        await _require_users(tx, [*add_members, *add_managers])
        await _add_members(tx, group_id, [*add_members, *add_managers], "MEMBER")
        await _set_role(tx, group_id, remove_managers, "MEMBER")
        await _set_role(tx, group_id, add_managers, "MANAGER")
        await tx.execute(
            "delete from memberships where user_group_id = $1 and user_id = any($2::bigint[])",
            group_id,
            list(remove_members),
        )
        if not await tx.value(
            "select true from memberships where user_group_id = $1 and role = 'MANAGER' limit 1", group_id
        ):
            field = "removeManagers" if remove_managers else "removeMembers"
            raise InvalidInput("A user group keeps at least one manager.", path=["input", field])
        await tx.execute("update user_groups set modified = now() where id = $1", group_id)
    return (group_id,)


async def _rename_user_group(tx: Transaction, group_id: int, name: str) -> None:
    wanted = given_name(name)
    try:
        await tx.execute("update user_groups set name = $2 where id = $1", group_id, wanted)
    except asyncpg.UniqueViolationError as error:
        raise DuplicateName(f'There is a user group "{wanted}" already.', path=["input", "name"]) from error


async def _require_users(tx: Transaction, users: Sequence[int]) -> None:
    known = await tx.value("select count(*) from users where id = any($1::bigint[]) and is_active", list(set(users)))
    if known != len(set(users)):
        raise NotFound("One of the members is not a user of this server.", path=["input", "members"])


async def _add_members(tx: Transaction, group_id: int, users: Sequence[int], role: str) -> None:
    await tx.execute(
        "insert into memberships (user_group_id, user_id, role) select $1, u, $3 from unnest($2::bigint[]) u"
        " on conflict (user_group_id, user_id) do nothing",
        group_id,
        list(users),
        role,
    )


async def _set_role(tx: Transaction, group_id: int, users: Sequence[int], role: str) -> None:
    await tx.execute(
        "update memberships set role = $3 where user_group_id = $1 and user_id = any($2::bigint[])",
        group_id,
        list(users),
        role,
    )


async def create_token(
    rt: Runtime,
    actor: Principal,
    name: str,
    *,
    user_id: int | None = None,
    scopes: Sequence[str] | None = None,
    expires: datetime | None = None,
) -> tuple[tuple[int], str]:
    """Create a token; returns its key and its secret, which is shown this once.

    For somebody else only administrators may. A token never has more scopes than the one it is made with, nor a later
    end, which it takes when ``expires`` is None; revoking that one revokes it. Raises NotAllowed, NotAuthenticated,
    NotFound, InvalidInput.
    """
    own = guard.require_writer(actor)
    if user_id not in (None, own):
        guard.require_admin(actor)
    wanted = _scopes(actor, scopes)
    if expires is not None and expires <= datetime.now(UTC):
        raise InvalidInput("`expires` lies in the past.", path=["input", "expires"])
    async with transaction(rt.writes) as tx:
        end = await _end_within(tx, actor, expires)
        await _require_users(tx, [user_id or own])
        token_id, secret = await insert_token(tx, user_id or own, name, wanted, end, made_with_id=actor.token_id)
    return (token_id,), secret


async def _end_within(tx: Transaction, actor: Principal, asked: datetime | None) -> datetime | None:
    """The end of a token that is made with the one in use, which is held: it cannot be revoked meanwhile."""
    if actor.token_id is None:
        return asked
    in_use: Any = await tx.row(_PRINCIPAL + " and t.id = $1 for share of t", actor.token_id)
    _principal(in_use)
    latest: datetime | None = in_use["expires"]
    if asked is not None and latest is not None and asked > latest:
        raise NotAllowed(
            f"The token in use ends {latest.isoformat()}; what is made with it ends then at the latest.",
            path=["input", "expires"],
        )
    return asked or latest


def _scopes(actor: Principal, asked: Sequence[str] | None) -> list[str]:
    unknown = sorted(set(asked or ()) - set(ALL_SCOPES))
    if unknown:
        raise InvalidInput(
            f'There is no scope "{unknown[0]}". Known: {", ".join(ALL_SCOPES)}.', path=["input", "scopes"]
        )
    wanted = list(actor.scopes) if asked is None else sorted({"read", *asked}, key=ALL_SCOPES.index)
    beyond = [scope for scope in wanted if scope not in actor.scopes]
    if beyond:
        raise NotAllowed(f'The token in use lacks the scope "{beyond[0]}" itself.', path=["input", "scopes"])
    return wanted


async def insert_token(
    tx: Transaction,
    user_id: int,
    name: str,
    scopes: Sequence[str],
    expires: datetime | None = None,
    *,
    made_with_id: int | None = None,
) -> tuple[int, str]:
    """Write a token, unasked: for the command line and the first start. Returns its key and its secret."""
    secret = TOKEN_PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    token_id = await tx.value(
        "insert into tokens (user_id, name, secret_sha256, scopes, expires, made_with_id)"
        " values ($1, $2, $3, $4, $5, $6) returning id",
        user_id,
        given_name(name),
        _digest(secret),
        list(scopes),
        expires,
        made_with_id,
    )
    return int(token_id), secret


async def revoke_token(rt: Runtime, actor: Principal, token_id: int) -> None:
    """End a token, the sessions opened with it, and all tokens made with it, by whomever they are held.

    Permission: its owner, administrators. Raises NotFound. Idempotent.
    """
    guard.require_writer(actor)
    parameters = Parameters()
    mine = predicates.token_visible_to(actor, "k", parameters.bind)
    key = parameters.bind(token_id, "bigint")
    async with transaction(rt.writes) as tx:
        changed: Any = await tx.value(
            f"update tokens k set revoked = coalesce(k.revoked, now()) where k.id = {key} and {mine} returning k.id",
            *parameters.values,
        )
        if changed is None:
            raise NotFound("There is no such token.", path=["id"])
        await _revoke_made_with(tx, [token_id])


async def _revoke_made_with(tx: Transaction, token_ids: list[int]) -> None:
    # Generation by generation: who makes a token holds its parent, so that one that is revoked here gets no more.
    while token_ids:
        rows = await tx.rows(
            "update tokens set revoked = now() where made_with_id = any($1::bigint[]) and revoked is null returning id",
            token_ids,
        )
        token_ids = [row["id"] for row in rows]


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
