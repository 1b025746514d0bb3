"""Take over what another server gives of one target: the target, its products, its data, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from tomgql.domain.cells import clean_text
from tomgql.errors import TomError
from tomgql.runtime import Runtime
from tomgql.services.federation.data import take_data
from tomgql.services.federation.given import FEDERATING, Given, Giver, Record, Refusal, Taken, as_uuid, global_id_of
from tomgql.services.federation.products import take_product
from tomgql.services.federation.targets import take_target
from tomgql.store.transaction import Transaction

UNSTORABLE = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
"""What the tables refuse of one thing, which keeps nothing else away."""


async def take(tx: Transaction, rt: Runtime, giver: Giver, given: Given) -> Taken:
    """Write what is newer than what is here, and announce it; what is refused is told and keeps nothing else away.

    Permission: the giver's actor must hold CHANGE on a target that is here already. Idempotent: by identity and
    version. Emits target, data-product and reduced-data events.
    """
    taken = Taken()
    await tx.execute(FEDERATING)
    try:
        async with tx.connection.transaction():
            taken.target_id = await take_target(tx, rt, giver, given.target, taken)
    except (TomError, *UNSTORABLE) as error:
        words = _words(error)
        taken.refusals.append(Refusal("target", str(global_id_of(given.target)), _name(given.target), words))
    if taken.target_id is None:
        return taken
    products = await _products(tx, rt, giver, given.products, taken)
    products |= await _buried(tx, given.data, products)
    await take_data(tx, rt, giver, taken.target_id, given.data, products, taken)
    return taken


async def _products(
    tx: Transaction, rt: Runtime, giver: Giver, records: Sequence[Record], taken: Taken
) -> dict[UUID, int | None]:
    """Keys of the products by global id, None of those that were deleted here; refused ones are left out."""
    found: dict[UUID, int | None] = {}
    for record in records:
        try:
            async with tx.connection.transaction():
                key = await take_product(tx, rt, giver, taken.target_id or 0, record, taken)
            found[global_id_of(record)] = key
        except (TomError, *UNSTORABLE) as error:
            name = clean_text(str(record.get("file_name", "")))[:255]
            taken.refusals.append(Refusal("data_product", str(global_id_of(record)), name, _words(error)))
    return found


async def _buried(
    tx: Transaction, data: Sequence[Record], known: dict[UUID, int | None]
) -> dict[UUID, int | None]:
    """Products that data name and that were not given with them: those that are here, and those that were deleted."""
    named = {as_uuid(record["product"], "product") for record in data if record.get("product") is not None}
    rows = await tx.rows(
        "select global_id, id from data_products where global_id = any($1::uuid[])"
        " union all select global_id, null from tombstones where global_id = any($1::uuid[])",
        list(named - set(known)),
    )
    return {row["global_id"]: row["id"] for row in rows}


def _name(record: Record) -> str:
    names = record.get("names")
    return clean_text(str(names[0]))[:255] if isinstance(names, list) and names else ""


def _words(error: Exception) -> str:
    if isinstance(error, TomError):
        return error.message
    return f"It cannot be stored here: {type(error).__name__.removesuffix('Error')}."
