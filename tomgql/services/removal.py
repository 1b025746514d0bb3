"""Deleting: what hangs on a target or data product goes with it, and the event keeps what it was.

Groups that hide something are deleted only when they hide nothing any more.
"""

from __future__ import annotations

from tomgql.access import guard, predicates
from tomgql.access.guard import Hold
from tomgql.access.principal import Principal
from tomgql.access.tombstones import PRODUCT_TOMBSTONE, TARGET_TOMBSTONE
from tomgql.errors import Conflict
from tomgql.events import log
from tomgql.jobs import ledger
from tomgql.runtime import Runtime
from tomgql.services import kept_decisions, rereading
from tomgql.services.survey_withdrawals import withdraw_queries_of
from tomgql.store.transaction import Transaction, transaction

HOLDS_PRODUCTS = "This data product group holds data products, which others could see without it; take them out first."
"""Why a data product group stays."""

IS_NAMED = "Data product groups name this user group, and hide products from others by it; take it out of them first."
"""Why a user group stays."""


async def delete_target(rt: Runtime, actor: Principal, target_id: int) -> None:
    """Delete a target with its names, grants, data products, reduced data, observations and jobs.

    Permission: DELETE on the target. Raises NotFound, NotAllowed. Emits one target event, which stands for all that
    hung on the target, and those of the jobs asked for. Enqueues `WithdrawSurveyQuery` for its queries that may have
    submitted something. Files stay in the store until the sweep finds that nobody names them.
    """
    guard.require_writer(actor)
    async with transaction(rt.writes) as tx:
        await guard.require_target(tx, actor, target_id, predicates.DELETE, ["id"], Hold.DELETE)
        withdrawing = await withdraw_queries_of(tx, rt, target_id)
        await remove_target(tx, target_id)
        for job_id in withdrawing:
            await ledger.announce(tx, job_id, "CREATED")


async def remove_target(tx: Transaction, target_id: int) -> None:
    """Delete a target's row and all that hangs on it, unasked, and announce it; call it last in the transaction."""
    tombstone = await tx.value(TARGET_TOMBSTONE, target_id)
    await tx.execute("delete from targets where id = $1", target_id)
    await log.append(tx, "targets", "DELETED", target_id=target_id, tombstone=tombstone)


async def delete_data_product(rt: Runtime, actor: Principal, product_id: int) -> list[int]:
    """Delete a data product with its reduced data and jobs; returns the keys of the jobs asked for.

    Other files of the target that may hold data of it are read again, so that what they hold comes back as theirs,
    under new keys and with the same global ids (`tomgql.services.rereading`). Permission: DELETE on its target, or
    CHANGE on it for the product's uploader. Raises NotFound, NotAllowed. Emits one data product event, which stands
    for its data too, and those of the jobs. Enqueues `ProcessDataProduct`.
    """
    guard.require_writer(actor)
    async with transaction(rt.writes) as tx:
        # The target first, as everybody who records its data does: else two could wait for each other.
        target_id = await tx.value(
            "select t.id from data_products p join targets t on t.id = p.target_id where p.id = $1"
            " for no key update of t",
            product_id,
        )
        await guard.require_deletable_product(tx, actor, product_id, ["id"])
        tombstone = await tx.value(PRODUCT_TOMBSTONE, product_id)
        holders = await _other_holders(tx, target_id, product_id)
        await tx.execute("delete from data_products where id = $1", product_id)
        jobs = await rereading.read_again(tx, rt, target_id, holders)
        await log.append(
            tx, "data_products", "DELETED", target_id=target_id, data_product_id=product_id, tombstone=tombstone
        )
        await rereading.announce(tx, jobs)
    return jobs


async def _other_holders(tx: Transaction, target_id: int, product_id: int) -> list[int]:
    """Products whose files may hold data of this one, which is about to go; what a person decided waits for them."""
    has_data = "select true from reduced_data where target_id = $1 and data_product_id = $2 limit 1"
    if not await tx.value(has_data, target_id, product_id):
        return []
    holders = await rereading.holders_of_others(tx, target_id, product_id)
    if holders:
        await kept_decisions.keep(tx, target_id, product_id, holders)
    return holders


async def delete_target_list(rt: Runtime, actor: Principal, list_id: int) -> None:
    """Delete a target list; its targets stay. Permission: its maker and administrators. Raises NotFound, NotAllowed."""
    guard.require_writer(actor)
    async with transaction(rt.writes) as tx:
        await guard.require_target_list(tx, actor, list_id, ["id"], Hold.DELETE)
        await tx.execute("delete from target_lists where id = $1", list_id)


async def delete_product_group(rt: Runtime, actor: Principal, group_id: int) -> None:
    """Delete a data product group that holds no products any more: else what it hides would show.

    Permission: its maker and administrators. Raises NotFound, NotAllowed, Conflict.
    """
    guard.require_writer(actor)
    async with transaction(rt.writes) as tx:
        await guard.require_product_group(tx, actor, group_id, ["id"], Hold.DELETE)
        await _require_unused(tx, "data_product_group_products", "group_id", group_id, HOLDS_PRODUCTS)
        await tx.execute("delete from data_product_groups where id = $1", group_id)


async def delete_user_group(rt: Runtime, actor: Principal, group_id: int) -> None:
    """Delete a user group that no data product group names any more: else what those hide would show.

    Its grants on targets end. Permission: its managers and administrators. Raises NotFound, NotAllowed, Conflict.
    """
    guard.require_writer(actor)
    async with transaction(rt.writes) as tx:
        await guard.require_managed_user_group(tx, actor, group_id, ["id"], Hold.DELETE)
        await _require_unused(tx, "data_product_group_user_groups", "user_group_id", group_id, IS_NAMED)
        await tx.execute("delete from user_groups where id = $1", group_id)


async def _require_unused(tx: Transaction, table: str, column: str, key: int, refusal: str) -> None:
    if await tx.value(f"select true from {table} where {column} = $1 limit 1", key):
        raise Conflict(refusal, path=["id"])
