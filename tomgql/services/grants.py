"""Grants: who holds which rights on a target."""

from __future__ import annotations

from collections.abc import Sequence

from tomgql.access import guard, predicates
from tomgql.access.principal import Principal
from tomgql.errors import InvalidInput, NotFound
from tomgql.events import log
from tomgql.runtime import Runtime
from tomgql.store.transaction import Transaction, transaction

Holder = tuple[int, int | None, int | None]
"""Keys of a target, and of the user or the user group that holds rights on it."""

_OF_HOLDER = "target_id = $1 and user_id is not distinct from $2 and user_group_id is not distinct from $3"
"""SQL for the one grant of a holder, who is the first three parameters."""


async def grant_target_access(
    rt: Runtime,
    actor: Principal,
    target_id: int,
    permissions: Sequence[str],
    *,
    user_id: int | None = None,
    user_group_id: int | None = None,
) -> tuple[int]:
    """Set the rights that one user or one user group holds on a target; an empty set revokes.

    VIEW is part of every right. Permission: SHARE on the target, and every right that is given or taken away; for a
    user group, membership. Raises NotFound, NotAllowed, InvalidInput. Emits a target event.
    """
    guard.require_writer(actor)
    if (user_id is None) == (user_group_id is None):
        raise InvalidInput("Give either `user` or `userGroup`.", path=["input", "user"])
    wanted = list(dict.fromkeys(["VIEW", *permissions])) if permissions else []
    async with transaction(rt.writes) as tx:
        await guard.require_target(tx, actor, target_id, predicates.SHARE, ["input", "target"])
        await _require_holder(tx, actor, user_id, user_group_id)
        held = await _held(tx, (target_id, user_id, user_group_id))
        for right in (*wanted, *held):
            await guard.require_target(tx, actor, target_id, right, ["input", "permissions"])
        await _write(tx, (target_id, user_id, user_group_id), wanted)
        await log.append(tx, "targets", "REVISED", target_id=target_id)
    return (target_id,)


async def _require_holder(tx: Transaction, actor: Principal, user_id: int | None, user_group_id: int | None) -> None:
    if user_group_id is not None:
        await guard.require_user_group(tx, actor, user_group_id, ["input", "userGroup"])
    elif not await tx.value("select true from users where id = $1 and is_active", user_id):
        raise NotFound("There is no such user.", path=["input", "user"])


async def _held(tx: Transaction, holder: Holder) -> list[str]:
    """The rights held so far, in a row that stays locked: who grants to the same holder waits."""
    if await tx.value(
        "insert into target_grants (target_id, user_id, user_group_id, permissions) values ($1, $2, $3, '{VIEW}')"
        " on conflict do nothing returning true",
        *holder,
    ):
        return []
    return list(await tx.value(f"select permissions from target_grants where {_OF_HOLDER} for update", *holder) or ())


async def _write(tx: Transaction, holder: Holder, permissions: list[str]) -> None:
    if not permissions:
        await tx.execute(f"delete from target_grants where {_OF_HOLDER}", *holder)
        return
    key = "user_id" if holder[1] is not None else "user_group_id"
    await tx.execute(  # the row is gone where its holder's rights were revoked just before it could be locked
        "insert into target_grants (target_id, user_id, user_group_id, permissions) values ($1, $2, $3, $4)"
        f" on conflict (target_id, {key}) do update set permissions = excluded.permissions",
        *holder,
        permissions,
    )
