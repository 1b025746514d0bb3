"""Data product groups: which user groups may see which products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tomgql.access import guard, predicates
from tomgql.access.guard import Hold
from tomgql.access.principal import Principal
from tomgql.runtime import Runtime
from tomgql.services.names import given_name
from tomgql.store.transaction import Transaction, transaction


@dataclass(frozen=True)
class GroupChange:
    """What is to be added to and removed from a data product group; ``name`` None leaves the name."""

    name: str | None = None
    add_user_groups: Sequence[int] = ()
    remove_user_groups: Sequence[int] = ()
    add_data_products: Sequence[int] = ()
    remove_data_products: Sequence[int] = ()


async def create_product_group(
    rt: Runtime, actor: Principal, name: str, user_groups: Sequence[int], data_products: Sequence[int]
) -> tuple[int]:
    """Create a data product group, which the actor may change from then on.

    Permission: any signed-in user, who needs CHANGE on the targets of the products named and membership in the
    user groups named. Raises InvalidInput, NotFound, NotAllowed.
    """
    user_id = guard.require_writer(actor)
    async with transaction(rt.writes) as tx:
        group_id = await tx.value(
            "insert into data_product_groups (name, created_by_id) values ($1, $2) returning id",
            given_name(name),
            user_id,
        )
        change = GroupChange(add_user_groups=user_groups, add_data_products=data_products)
        await _apply(tx, actor, group_id, change, ("userGroups", "dataProducts"))
    return (int(group_id),)


async def update_product_group(rt: Runtime, actor: Principal, group_id: int, change: GroupChange) -> tuple[int]:
    """Change a data product group; who sees its products changes with the next read.

    Permission: its maker and administrators; CHANGE on the targets of products added; membership in user groups
    added. Raises InvalidInput, NotFound, NotAllowed.
    """
    guard.require_writer(actor)
    async with transaction(rt.writes) as tx:
        await guard.require_product_group(tx, actor, group_id, ["input", "id"], Hold.CHANGE)
        if change.name is not None:
            await tx.execute(
                "update data_product_groups set name = $2 where id = $1", group_id, given_name(change.name)
            )
        await _apply(tx, actor, group_id, change, ("addUserGroups", "addDataProducts"))
        await tx.execute("update data_product_groups set modified = now() where id = $1", group_id)
    return (group_id,)


async def add_to_groups(tx: Transaction, actor: Principal, product_id: int, groups: Sequence[int]) -> None:
    """Put a product that is being uploaded into product groups; raises NotFound, NotAllowed."""
    await guard.require_product_groups(tx, actor, groups, ["input", "groups"])
    await _link(tx, "data_product_group_products", "group_id", "data_product_id", list(groups), [product_id])


async def _apply(
    tx: Transaction, actor: Principal, group_id: int, change: GroupChange, fields: tuple[str, str]
) -> None:
    added, removed = change.add_data_products, change.remove_data_products
    await guard.require_user_groups(tx, actor, change.add_user_groups, ["input", fields[0]])
    await _hold_targets(tx, [*added, *removed])
    await guard.require_products(tx, actor, added, predicates.CHANGE, ["input", fields[1]])
    await guard.require_products(tx, actor, removed, predicates.CHANGE, ["input", "removeDataProducts"])
    users, products = "data_product_group_user_groups", "data_product_group_products"
    await _link(tx, users, "group_id", "user_group_id", [group_id], list(change.add_user_groups))
    await _link(tx, products, "group_id", "data_product_id", [group_id], list(change.add_data_products))
    await _unlink(tx, users, "user_group_id", group_id, list(change.remove_user_groups))
    await _unlink(tx, products, "data_product_id", group_id, list(change.remove_data_products))


async def _hold_targets(tx: Transaction, products: Sequence[int]) -> None:
    # Before the products, as all who lock both: a merge holds its targets while it moves their products.
    await tx.execute(
        "select from targets where id in (select target_id from data_products where id = any($1::bigint[]))"
        " order by id for key share",
        list(products),
    )


async def _link(
    tx: Transaction, table: str, left: str, right: str, lefts: Sequence[int], rights: Sequence[int]
) -> None:
    await tx.execute(
        f"insert into {table} ({left}, {right}) select l, r from unnest($1::bigint[]) l, unnest($2::bigint[]) r"
        " on conflict do nothing",
        list(lefts),
        list(rights),
    )


async def _unlink(tx: Transaction, table: str, column: str, group_id: int, keys: Sequence[int]) -> None:
    await tx.execute(
        f"delete from {table} where group_id = $1 and {column} = any($2::bigint[])",
        group_id,
        list(keys),
    )
