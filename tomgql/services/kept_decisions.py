"""What a person took out of use stays so although its data product is deleted, where another file brings it back.

A decision goes with its datum. Where other files of the target are read again because of the deletion
(`tomgql.services.rereading`), decisions wait for the datum that they bring: known by its content, else by its identity,
and only in those files, so that nobody else's data tell what was there.
"""

from __future__ import annotations

from collections.abc import Sequence

from tomgql.store.transaction import Transaction

_MET = """
    with met as (
        select h.datum_id as gone_id, o.id, 1 as rank from reduced_data_disablings h
        join staged s on s.content = h.content join staged_outcomes o on o.place = s.place
        where h.target_id = $1 and $2 = any(h.kept_for) and o.outcome = 'CREATED'
        union all
        select h.datum_id, o.id, 2 from reduced_data_disablings h
        join staged_outcomes o on o.identity = h.identity
        where h.target_id = $1 and $2 = any(h.kept_for) and o.outcome = 'CREATED'
    )
    select distinct on (gone_id) gone_id, id from met order by gone_id, rank, id
"""


async def keep(tx: Transaction, target_id: int, data_product_id: int, products: Sequence[int]) -> None:
    """Keep the decisions about data of a product that is about to be deleted, for these other ``products``."""
    await tx.execute(
        "update reduced_data_disablings h set identity = d.identity, content = d.content, kept_for = $3"
        " from reduced_data d where d.target_id = $1 and d.data_product_id = $2 and d.disabled and not d.withdrawn"
        " and h.target_id = d.target_id and h.datum_id = d.id",
        target_id,
        data_product_id,
        list(products),
    )


async def apply(tx: Transaction, target_id: int, data_product_id: int | None) -> None:
    """Take data that were just created from this product out of use where a decision was kept for them."""
    waiting = "select true from reduced_data_disablings where target_id = $1 and $2 = any(kept_for) limit 1"
    if data_product_id is None or not await tx.value(waiting, target_id, data_product_id):
        return
    met = await tx.rows(_MET, target_id, data_product_id)
    gone, created = [row["gone_id"] for row in met], [row["id"] for row in met]
    await tx.execute(
        "update reduced_data set disabled = true where target_id = $1 and id = any($2::bigint[])", target_id, created
    )
    await tx.execute(
        "update reduced_data_disablings h set datum_id = k.id, identity = null, content = null, kept_for = null"
        " from unnest($2::bigint[], $3::bigint[]) as k(gone_id, id)"
        " where h.target_id = $1 and h.datum_id = k.gone_id and h.kept_for is not null",
        target_id,
        gone,
        created,
    )
