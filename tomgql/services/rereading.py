"""Other files of a target that are read again when data that they may hold as well were deleted or withdrawn.

A datum belongs to one data product, that of the file which brought its present content; other files that hold it are
not kept a list of, which would have a row for every point of every week's download. That a file holds data of others
shows by numbers: its last reading met more data than its product has. Such files are read again as they were last,
in the name of who asked for that, and what they hold comes back as theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tomgql.jobs import ledger
from tomgql.jobs.specs import ProcessDataProduct
from tomgql.runtime import Runtime
from tomgql.services.jobs import send_after_commit
from tomgql.services.same_product import UNFINISHED
from tomgql.store.transaction import Transaction

MOST_READINGS = 100
"""Most files that are read again for one deletion or reading; those go first that hold most data of others."""

MOST_GENERATIONS = 3
"""A reading that was asked for here may withdraw data itself; so many in a row ask for others, so that it ends."""

# A datum that a person decided about may be in use although the last reading did not hold it, so it is not counted:
# a file too many is read again, never one too few.
_HOLDERS = """
    with readings as (
        select distinct on (data_product_id) data_product_id, (result ->> 'created')::bigint
            + (result ->> 'revised')::bigint + (result ->> 'unchanged')::bigint as met
        from jobs where target_id = $1 and kind = $3 and state = 'SUCCEEDED' and data_product_id <> $2
        order by data_product_id, finished desc
    ), holdings as (
        select data_product_id, count(*) as n from reduced_data d
        where target_id = $1 and job_id is not null and not disabled and not exists (
            select from reduced_data_disablings h where h.target_id = d.target_id and h.datum_id = d.id)
        group by data_product_id
    )
    select data_product_id as id from readings left join holdings using (data_product_id)
    where met > coalesce(n, 0) order by met - coalesce(n, 0) desc, data_product_id limit $4
"""


async def holders_of_others(tx: Transaction, target_id: int, data_product_id: int) -> list[int]:
    """Keys of the target's other products whose files may hold data of this one; the caller holds the target."""
    kind = ProcessDataProduct.kind
    rows = await tx.rows(_HOLDERS, target_id, data_product_id, kind, MOST_READINGS)
    return [row["id"] for row in rows]


async def read_again(
    tx: Transaction, rt: Runtime, target_id: int, products: Sequence[int], generation: int = 1
) -> list[int]:
    """Enqueue `ProcessDataProduct` for each, with processor and options of its last good reading; the jobs' keys.

    One that a job reads anyway is left to that job, whose options are newer. The caller holds the target, so that such
    a job records after this transaction, and announces the jobs as among its last steps. ``generation`` counts the
    readings that led to this one; beyond `MOST_GENERATIONS` nothing is asked for.
    """
    if generation > MOST_GENERATIONS or not products:
        return []
    # As who asks for a reading: one of the two sees the other's job.
    await tx.execute("select from data_products where id = any($1::bigint[]) order by id for no key update", products)
    rows = await tx.rows(
        "select distinct on (data_product_id) data_product_id, created_by_id, spec from jobs j"
        " where data_product_id = any($1::bigint[]) and kind = $2 and state = 'SUCCEEDED' and not exists ("
        "  select from jobs u where u.data_product_id = j.data_product_id and u.kind = $2 and u.state = any($3))"
        " order by data_product_id, finished desc",
        list(products),
        ProcessDataProduct.kind,
        list(UNFINISHED),
    )
    return [await _ask(tx, rt, target_id, row, generation) for row in rows]


async def _ask(tx: Transaction, rt: Runtime, target_id: int, last: Any, generation: int) -> int:
    product_id, spec = last["data_product_id"], last["spec"]
    again = ProcessDataProduct(product_id, spec.get("processor"), spec.get("options") or {}, generation)
    job_id = await ledger.insert(
        tx, again, created_by_id=last["created_by_id"], target_id=target_id, data_product_id=product_id
    )
    send_after_commit(tx, rt, job_id, attempt=1)
    return job_id


async def announce(tx: Transaction, jobs: Sequence[int]) -> None:
    """Append the events of these jobs; among the last of the transaction."""
    for job_id in jobs:
        await ledger.announce(tx, job_id, "CREATED")
