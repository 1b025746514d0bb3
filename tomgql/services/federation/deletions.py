"""Deletions that the origin of a thing decided, followed here; what this site has added is never lost to them."""

from __future__ import annotations

from typing import Any

from tomgql.access.tombstones import PRODUCT_TOMBSTONE, TARGET_TOMBSTONE
from tomgql.events import log
from tomgql.services.federation.given import FEDERATING, Refusal, Taken, as_uuid
from tomgql.store.transaction import Transaction

FOLLOWED = {"followed": True}
"""What the tombstone of a deletion says that was decided elsewhere: who follows us follows it, too."""

_OWN = """
    select exists (select from data_products p where p.target_id = $1 and p.origin_instance_id is null)
        or exists (select from reduced_data d where d.target_id = $1 and d.origin_instance_id is null)
"""

_OWN_OF_PRODUCT = (
    "select true from reduced_data where target_id = $1 and data_product_id = $2 and origin_instance_id is null limit 1"
)


async def follow_deleted_target(tx: Transaction, global_id: str) -> Taken:
    """Delete the target if it came from elsewhere and nothing of this site hangs on it; else tell that it is kept."""
    taken = Taken()
    await tx.execute(FEDERATING)
    row = await tx.row(
        "select id, name, origin_instance_id from targets where global_id = $1 for update",
        as_uuid(global_id, "global_id"),
    )
    if row is None or row["origin_instance_id"] is None:
        return taken
    if await tx.value(_OWN, row["id"]):
        words = "It was deleted where it was made; it is kept here, since products or data of this site hang on it."
        taken.refusals.append(Refusal("target", global_id, row["name"], words))
        return taken
    tombstone: dict[str, Any] = await tx.value(TARGET_TOMBSTONE, row["id"])
    await tx.execute("delete from targets where id = $1", row["id"])
    await log.append(tx, "targets", "DELETED", target_id=row["id"], tombstone=tombstone | FOLLOWED)
    taken.changed += 1
    return taken


async def follow_deleted_product(tx: Transaction, global_id: str) -> Taken:
    """Delete the data product, with its data, if it and they came from elsewhere; else tell that it is kept."""
    taken = Taken()
    await tx.execute(FEDERATING)
    target_id = await tx.value(
        "select t.id from targets t join data_products p on p.target_id = t.id where p.global_id = $1"
        " for no key update of t",
        as_uuid(global_id, "global_id"),
    )
    row = await tx.row(
        "select id, file_name, origin_instance_id from data_products where global_id = $1",
        as_uuid(global_id, "global_id"),
    )
    if target_id is None or row is None or row["origin_instance_id"] is None:
        return taken
    if await tx.value(_OWN_OF_PRODUCT, target_id, row["id"]):
        words = "It was deleted where it was made; it is kept here, since data that this site read hang on it."
        taken.refusals.append(Refusal("data_product", global_id, row["file_name"], words))
        return taken
    tombstone: dict[str, Any] = await tx.value(PRODUCT_TOMBSTONE, row["id"])
    await tx.execute("delete from data_products where id = $1", row["id"])
    await log.append(
        tx, "data_products", "DELETED",
        target_id=target_id, data_product_id=row["id"], tombstone=tombstone | FOLLOWED,
    )  # fmt: skip
    taken.changed += 1
    return taken
