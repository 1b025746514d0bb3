"""Data products: what may be changed of them once they are stored. Their bytes never change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import asyncpg

from tomgql.access import guard, predicates
from tomgql.access.guard import Hold
from tomgql.access.principal import Principal
from tomgql.errors import Conflict
from tomgql.events import log
from tomgql.runtime import Runtime
from tomgql.services.observations import require_observation_of
from tomgql.services.product_checks import require_short_texts
from tomgql.services.product_types import require_product_type
from tomgql.services.products import clean_file_name
from tomgql.store.sql import Parameters
from tomgql.store.transaction import Transaction, transaction


async def update_product(rt: Runtime, actor: Principal, product_id: int, changes: Mapping[str, Any]) -> tuple[int]:
    """Change columns of a data product: product_id, observation_id, data_product_type, file_name, extra_data, featured.

    A product that is featured takes the place of the one of its type that stood for its target before, as in TOM
    Toolkit; of one that the actor sees, since what may not be seen is not changed. Nothing is announced where nothing
    changes. Permission: CHANGE on the target.
    Raises NotFound, NotAllowed, InvalidInput, Conflict. Emits data product events.
    """
    guard.require_writer(actor)
    wanted = _checked(rt, changes)
    async with transaction(rt.writes) as tx:
        may_feature = wanted.get("featured") or "data_product_type" in wanted  # then one after the other
        await guard.hold_target_of(tx, "data_products", product_id, Hold.CHANGE if may_feature else Hold.KEEP)
        await guard.require_product(tx, actor, product_id, predicates.CHANGE, ["input", "id"], Hold.CHANGE)
        before: Any = await tx.row("select * from data_products where id = $1", product_id)
        await require_observation_of(tx, before["target_id"], wanted.get("observation_id"))
        changed = {name: value for name, value in wanted.items() if before[name] != value}
        if changed:
            await _write(tx, product_id, changed)
            others = await _take_over(tx, actor, product_id) if may_feature else []
            for key in [product_id, *others]:
                await log.append(tx, "data_products", "REVISED", target_id=before["target_id"], data_product_id=key)
    return (product_id,)


def _checked(rt: Runtime, changes: Mapping[str, Any]) -> dict[str, Any]:
    wanted = dict(changes)
    if "file_name" in wanted:
        wanted["file_name"] = clean_file_name(wanted["file_name"])
    if "data_product_type" in wanted:
        require_product_type(rt, wanted["data_product_type"])
    require_short_texts(wanted.get("product_id"), wanted.get("extra_data"))
    return wanted


async def _write(tx: Transaction, product_id: int, changed: Mapping[str, Any]) -> None:
    places = ", ".join(f"{name} = ${number}" for number, name in enumerate(changed, 2))
    try:
        await tx.execute(
            f"update data_products set {places}, modified = now() where id = $1", product_id, *changed.values()
        )
    except asyncpg.UniqueViolationError as error:
        raise Conflict(
            f'A data product with the productId "{changed["product_id"]}" exists already.', path=["input", "productId"]
        ) from error


async def _take_over(tx: Transaction, actor: Principal, product_id: int) -> list[int]:
    """The keys of those that stand for their target no more, where the product does."""
    parameters = Parameters()
    key = parameters.bind(product_id, "bigint")
    rows = await tx.rows(
        f"update data_products p set featured = false, modified = now() from data_products q where q.id = {key}"
        " and q.featured and p.id <> q.id and p.target_id = q.target_id"
        " and p.data_product_type = q.data_product_type and p.featured"
        f" and {predicates.product_visible_to(actor, 'p', parameters.bind)} returning p.id",
        *parameters.values,
    )
    return [row["id"] for row in rows]
