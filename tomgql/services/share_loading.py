"""Targets, data products and reduced data as a destination is given them, read with the sharer's rights of the moment.

What the sharer may not see or share any more, or that is gone or out of use, is not read, and so does not go.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tomgql.access import predicates
from tomgql.plugins.destinations import SharedDatum, SharedProduct, SharedTarget
from tomgql.runtime import Runtime
from tomgql.services.share_items import (
    Giving,
    content_of_datum,
    content_of_product,
    content_of_target,
    target_shared,
)
from tomgql.services.share_ledger import Item
from tomgql.store.sql import Bind, Parameters


@dataclass(frozen=True)
class LoadedTarget:
    """A target that may go, and what tells its state."""

    target: SharedTarget
    content: UUID


@dataclass(frozen=True)
class LoadedProduct:
    """A data product that may go, and what tells its state."""

    product: SharedProduct
    content: UUID


@dataclass(frozen=True)
class LoadedDatum:
    """A datum that may go, the row of the ledger that it was read for, and what tells its state."""

    item: Item
    datum: SharedDatum
    content: UUID


async def load_target(
    connection: Any, giving: Giving, target_id: int, list_names: Sequence[str]
) -> LoadedTarget | None:
    """The target, unless it may not go."""
    parameters = Parameters()
    bind = parameters.bind
    record = giving.how.target_record.format(row="t")
    row = await connection.fetchrow(
        f"select t.global_id, {content_of_target('t')} as content, {record} as record,"
        " array(select n.name from target_names n where n.target_id = t.id order by n.is_primary desc, n.id) as names"
        f" from targets t where t.id = {bind(target_id, 'bigint')} and {_usable(giving, bind)}"
        f" and {predicates.target_visible_to(giving.actor, 't', bind)}"
        f" and {predicates.target_allows(giving.actor, 't', predicates.SHARE, bind)}",
        *parameters.values,
    )
    if row is None:
        return None
    shared = SharedTarget(str(row["global_id"]), tuple(row["names"]), tuple(list_names), row["record"])
    return LoadedTarget(shared, row["content"])


async def load_product(connection: Any, rt: Runtime, giving: Giving, item: Item) -> LoadedProduct | None:
    """The data product, unless it may not go; its file is opened when it is sent."""
    parameters = Parameters()
    bind = parameters.bind
    row = await connection.fetchrow(
        f"select p.global_id, p.file_name, p.size_bytes, p.sha256, {content_of_product('p')} as content,"
        f" {giving.how.product_record.format(row='p')} as record from data_products p"
        f" where p.id = {bind(item.subject_id, 'bigint')} and p.global_id = {bind(item.global_id, 'uuid')}"
        f" and {_usable(giving, bind)} and {predicates.product_visible_to(giving.actor, 'p', bind)}"
        f" and {target_shared(giving, 'p.target_id', bind)}",
        *parameters.values,
    )
    if row is None:
        return None
    content = _content(rt, row["sha256"], row["size_bytes"])
    names = ("file_name", "size_bytes", "sha256", "record")
    shared = SharedProduct(global_id=str(row["global_id"]), content=content, **{name: row[name] for name in names})
    return LoadedProduct(shared, row["content"])


async def load_data(connection: Any, giving: Giving, target_id: int, items: Sequence[Item]) -> list[LoadedDatum]:
    """The data among the items that may go, in their order."""
    parameters = Parameters()
    bind = parameters.bind
    in_use = "true" if giving.takes_disabled else "not d.disabled"
    keys = bind([each.subject_id for each in items], "bigint[]")
    rows = await connection.fetch(
        f"select d.global_id, {content_of_datum('d', giving.takes_disabled)} as content,"
        f" {giving.how.datum_record.format(row='d')} as record,"
        " (select dp.global_id::text from data_products dp where dp.id = d.data_product_id) as product"
        f" from reduced_data d where d.target_id = {bind(target_id, 'bigint')} and d.id = any({keys})"
        f" and {in_use} and {_usable(giving, bind)} and {predicates.datum_visible_to(giving.actor, 'd', bind)}"
        f" and {target_shared(giving, 'd.target_id', bind)}",
        *parameters.values,
    )
    found = {row["global_id"]: row for row in rows}
    return [
        LoadedDatum(item, SharedDatum(str(item.global_id), row["record"], row["product"]), row["content"])
        for item in items
        if (row := found.get(item.global_id)) is not None
    ]


def _usable(giving: Giving, bind: Bind) -> str:
    if giving.actor.is_admin:
        return "true"  # without the name: PostgreSQL refuses a value that stands nowhere
    return predicates.destination_usable_by(giving.actor, bind(giving.destination, "text"), bind)


def _content(rt: Runtime, sha256: str, size_bytes: int) -> Callable[[], AsyncIterator[bytes]]:
    return lambda: rt.files.read(sha256, 0, size_bytes)
