"""The same content for the same target is one data product: who uploads it again is answered the one that is there.

Of the same content are bytes of the same SHA-256. It stays a product of its own when its type differs, when the one
that is there is hidden from the uploader, and when the call says of it what is not so of the one that is there: another
productId or observation, or a product group that does not hold it. Nobody's product changes by another's upload.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tomgql.access import predicates
from tomgql.access.principal import Principal
from tomgql.jobs.specs import MakeThumbnail, ProcessDataProduct
from tomgql.store.sql import Parameters
from tomgql.store.transaction import Transaction

if TYPE_CHECKING:
    from tomgql.services.products import NewProduct

UNFINISHED = ("QUEUED", "RUNNING", "WAITING")
"""States of a job that will still read the product."""


async def find_same(tx: Transaction, actor: Principal, new: NewProduct, sha256: str) -> int | None:
    """The key of the oldest such product, or None; the same upload at the same time waits until this one is done."""
    same = f"{new.target_id} {new.data_product_type} {sha256}"
    await tx.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", same)
    parameters = Parameters()
    bind = parameters.bind
    visible = predicates.product_visible_to(actor, "p", bind)
    product_id, observation = bind(new.product_id, "text"), bind(new.observation_id, "bigint")
    key: int | None = await tx.value(
        f"select p.id from data_products p where p.target_id = {bind(new.target_id, 'bigint')}"
        f" and p.data_product_type = {bind(new.data_product_type, 'text')} and p.sha256 = {bind(sha256, 'text')}"
        f" and ({product_id} is null or p.product_id = {product_id})"
        f" and ({observation} is null or p.observation_id = {observation})"
        f" and not exists (select from unnest({bind(list(new.groups), 'bigint[]')}) as asked(group_id)"
        "  where not exists (select from data_product_group_products m"
        f"  where m.group_id = asked.group_id and m.data_product_id = p.id)) and {visible} order by p.id limit 1",
        *parameters.values,
    )
    return key


async def job_of_same(tx: Transaction, new: NewProduct, data_product_id: int) -> int | None:
    """The product's latest job when it does, or did, what the call asks for; None when it has to be asked for.

    A job that failed or was cancelled does not count. Holds the product, so that nobody else asks meanwhile.
    """
    await tx.execute("select from data_products where id = $1 for no key update", data_product_id)
    job = await tx.row(
        "select id, kind, state, spec from jobs where data_product_id = $1 and kind = any($2) order by id desc limit 1",
        data_product_id,
        [ProcessDataProduct.kind, MakeThumbnail.kind],
    )
    if job is None or job["state"] not in (*UNFINISHED, "SUCCEEDED"):
        return None
    asked = {"processor": new.processor, "options": dict(new.options)}
    if job["kind"] == ProcessDataProduct.kind and not _says(job["spec"], asked):
        return None
    return int(job["id"])


def _says(spec: dict[str, Any], asked: dict[str, Any]) -> bool:
    return all(spec.get(name) == value for name, value in asked.items())
