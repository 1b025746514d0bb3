"""Subscriptions to other tomgql servers: administrators make, change, pause and end them.

Who follows has a token of the other server, which gives no more than that token may see. The token is encrypted here
and never answered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import orjson

from tomgql.access import guard
from tomgql.access.principal import Principal
from tomgql.client.errors import InvalidCall
from tomgql.client.http import endpoint_of
from tomgql.errors import Conflict, InvalidInput, NotFound
from tomgql.runtime import Runtime
from tomgql.services.sealing import seal
from tomgql.store.transaction import Transaction, transaction

NAME = re.compile(r"[a-z][a-z0-9_-]{0,49}")
"""Names of subscriptions."""

LARGEST_FILTER_BYTES = 20_000
"""Bytes of a filter as JSON."""

LONGEST_TOKEN, LONGEST_ADDRESS = 4_000, 500
"""Characters."""


@dataclass(frozen=True)
class NewSubscription:
    """Whom to follow: its address and a token of it, and which of its targets (`TargetWhere`, with the peer's ids).

    Targets that are new here get ``access`` and are put into the list ``target_list_id``.
    """

    name: str
    address: str
    token: str
    where: Mapping[str, Any] = field(default_factory=dict)
    access: str = "PRIVATE"
    target_list_id: int | None = None


async def create_subscription(rt: Runtime, actor: Principal, new: NewSubscription) -> tuple[int]:
    """Follow another server from now on, what it has already first. Permission: administrators.

    Raises InvalidInput, NotFound, NotAllowed, Conflict for a name that is taken, Unavailable without a key for secrets.
    """
    user_id = guard.require_admin(actor)
    if not NAME.fullmatch(new.name):
        words = "`name` is a word of lower-case letters, digits, - and _ that begins with a letter, at most 50."
        raise InvalidInput(words, path=["input", "name"])
    address, sealed = _address(new.address), seal(rt.settings, _token(new.token))
    async with transaction(rt.writes) as tx:
        if new.target_list_id is not None:
            await guard.require_target_list(tx, actor, new.target_list_id, ["input", "targetList"])
        try:
            key: int = await tx.value(
                'insert into peer_subscriptions (name, address, token, "where", access, target_list_id, created_by_id)'
                " values ($1, $2, $3, $4, $5, $6, $7) returning id",
                new.name, address, sealed, _filter(new.where), new.access, new.target_list_id, user_id,
            )  # fmt: skip
        except asyncpg.UniqueViolationError as error:
            raise Conflict(f'There is a subscription "{new.name}" already.', path=["input", "name"]) from error
    return (key,)


async def update_subscription(
    rt: Runtime, actor: Principal, key: int, *, enabled: bool | None = None, token: str | None = None,
    address: str | None = None, where: Mapping[str, Any] | None = None, copy_again: bool = False,
) -> tuple[int]:  # fmt: skip
    """Pause or resume a subscription, give it another token, address or filter, or have all copied again.

    It goes on where it was, at once; with another filter everything is looked at again. Permission: administrators.
    Raises NotFound, InvalidInput, NotAllowed.
    """
    guard.require_admin(actor)
    async with transaction(rt.writes) as tx:
        await _require(tx, key)
        changes = {
            "enabled": enabled,
            "token": None if token is None else seal(rt.settings, _token(token)),
            "address": None if address is None else _address(address),
            '"where"': None if where is None else _filter(where),
        }
        for name, value in changes.items():
            if value is not None:
                await tx.execute(f"update peer_subscriptions set {name} = $2 where id = $1", key, value)
        await tx.execute(
            "update peer_subscriptions set modified = now(), due = now(), lease_until = null, fence = fence + 1,"
            " message = '', state = case when enabled then 'STARTING' else 'PAUSED' end,"
            " cursor = case when $2 then null else cursor end where id = $1",
            key,
            copy_again or where is not None,
        )
    return (key,)


async def delete_subscription(rt: Runtime, actor: Principal, key: int) -> None:
    """Follow a server no more; what came from it stays. Permission: administrators. Raises NotFound, NotAllowed."""
    guard.require_admin(actor)
    async with transaction(rt.writes) as tx:
        await _require(tx, key)
        await tx.execute("delete from peer_subscriptions where id = $1", key)


async def _require(tx: Transaction, key: int) -> None:
    if await tx.value("select id from peer_subscriptions where id = $1 for update", key) is None:
        raise NotFound("There is no such subscription.", path=["id"])


def _address(given: str) -> str:
    try:
        endpoint = endpoint_of(given.strip())
    except InvalidCall as error:
        raise InvalidInput(error.message, path=["input", "address"]) from None
    if len(str(endpoint)) > LONGEST_ADDRESS:
        raise InvalidInput(f"`address` may have {LONGEST_ADDRESS} characters.", path=["input", "address"])
    return str(endpoint)


def _token(given: str) -> str:
    token = given.strip()
    if not 0 < len(token) <= LONGEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidInput("`token` is no token of a tomgql server.", path=["input", "token"])
    return token


def _filter(given: Mapping[str, Any]) -> dict[str, Any]:
    if len(orjson.dumps(given)) > LARGEST_FILTER_BYTES:
        raise InvalidInput(f"`where` may have {LARGEST_FILTER_BYTES} bytes.", path=["input", "where"])
    return dict(given)
