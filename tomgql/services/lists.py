"""Target lists: selections of targets."""

from __future__ import annotations

from collections.abc import Sequence

from tomgql.access import guard, predicates
from tomgql.access.guard import Hold
from tomgql.access.principal import Principal
from tomgql.errors import QueryTooCostly
from tomgql.runtime import Runtime
from tomgql.services.names import given_name
from tomgql.services.target_rows import put_into_lists
from tomgql.store.transaction import Transaction, transaction

MOST_NAMED = 100
"""Target lists that one call may name for one target: each may be made."""


async def create_target_list(rt: Runtime, actor: Principal, name: str, targets: Sequence[int]) -> tuple[int]:
    """Create a target list, which the actor may change from then on.

    Permission: any signed-in user, who needs VIEW on the targets. Raises InvalidInput, NotFound.
    """
    user_id = guard.require_writer(actor)
    async with transaction(rt.writes) as tx:
        list_id = await tx.value(
            "insert into target_lists (name, created_by_id) values ($1, $2) returning id", given_name(name), user_id
        )
        await _add(tx, actor, list_id, targets, ["input", "targets"])
    return (int(list_id),)


async def update_target_list(
    rt: Runtime,
    actor: Principal,
    list_id: int,
    *,
    name: str | None = None,
    add_targets: Sequence[int] = (),
    remove_targets: Sequence[int] = (),
) -> tuple[int]:
    """Rename a target list, add and remove targets.

    Permission: its maker and administrators; VIEW on the targets added. Raises InvalidInput, NotFound, NotAllowed.
    """
    guard.require_writer(actor)
    async with transaction(rt.writes) as tx:
        await guard.require_target_list(tx, actor, list_id, ["input", "id"], Hold.CHANGE)
        if name is not None:
            await tx.execute("update target_lists set name = $2 where id = $1", list_id, given_name(name))
        await _add(tx, actor, list_id, add_targets, ["input", "addTargets"])
        await tx.execute(
            "delete from target_list_members where target_list_id = $1 and target_id = any($2::bigint[])",
            list_id,
            list(remove_targets),
        )
        await tx.execute("update target_lists set modified = now() where id = $1", list_id)
    return (list_id,)


async def _add(tx: Transaction, actor: Principal, list_id: int, targets: Sequence[int], path: list[str]) -> None:
    await guard.require_targets(tx, actor, targets, predicates.VIEW, path)
    await tx.execute(
        "insert into target_list_members (target_list_id, target_id) select $1, t from unnest($2::bigint[]) t"
        " on conflict do nothing",
        list_id,
        list(targets),
    )


async def add_to_lists(tx: Transaction, actor: Principal, target_id: int, lists: Sequence[int]) -> None:
    """Put a target that is being created into target lists that the actor may change; raises NotFound, NotAllowed."""
    await guard.require_target_lists(tx, actor, lists, ["input", "targetLists"])
    await tx.execute(
        "insert into target_list_members (target_list_id, target_id) select l, $2 from unnest($1::bigint[]) l",
        list(dict.fromkeys(lists)),
        target_id,
    )


async def add_to_named_lists(rt: Runtime, actor: Principal, target_id: int, names: Sequence[str]) -> None:
    """Put a target into the actor's own target lists of these names, made where there are none.

    Permission: any signed-in user, who needs VIEW on the target. Raises InvalidInput, NotFound. Idempotent.
    """
    user_id = guard.require_writer(actor)
    async with transaction(rt.writes) as tx:
        await guard.require_target(tx, actor, target_id, predicates.VIEW, ["input", "target"])
        await put_into_lists_of_names(tx, user_id, target_id, names)


async def put_into_lists_of_names(tx: Transaction, user_id: int, target_id: int, names: Sequence[str]) -> None:
    """Put a target into the user's own target lists of these names, unasked. Raises InvalidInput, QueryTooCostly."""
    if len(names) > MOST_NAMED:
        raise QueryTooCostly(f"A target may be put into {MOST_NAMED} target lists by name, not {len(names)}.")
    named = await lists_of_names(tx, user_id, [given_name(name, field="target_lists") for name in names])
    await put_into_lists(tx, [(list_id, target_id) for list_id in named.values()])


async def lists_of_names(tx: Transaction, user_id: int, names: Sequence[str]) -> dict[str, int]:
    """The oldest target list of each name that the user made, created in their order where there is none.

    Calls of one user take turns, so that none makes a list that another has just made.
    """
    if not names:
        return {}
    await tx.execute("select from users where id = $1 for no key update", user_id)
    found = await tx.rows(
        "select name, min(id) as id from target_lists where created_by_id = $1 and name = any($2::text[])"
        " group by name",
        user_id,
        list(names),
    )
    lists = {row["name"]: row["id"] for row in found}
    made = await tx.rows(
        "insert into target_lists (name, created_by_id) select n, $1 from unnest($2::text[]) n returning name, id",
        user_id,
        [name for name in dict.fromkeys(names) if name not in lists],
    )
    return lists | {row["name"]: row["id"] for row in made}
