"""Reduced data that another server gives: a set at a time, the newer of two states stands.

Data are one when they have one identity in one target (DESIGN D9), whatever their global ids; the lesser of two global
ids is kept, so that all servers come to the same one. Of two contents that with the higher revision stands, then that
with the greater hash; whether a datum is in use is counted apart, since it may change while its content does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from tomgql.access import predicates
from tomgql.errors import InvalidInput
from tomgql.events.log import DATA_PER_EVENT
from tomgql.runtime import Runtime
from tomgql.services.federation.given import (
    Giver,
    Record,
    Refusal,
    Taken,
    as_uuid,
    bag_of,
    global_id_of,
    origin_of,
    path_of,
    revision_of,
    road_of,
)
from tomgql.services.ingest import STORED_COLUMNS, superseded_record
from tomgql.store.sql import Parameters
from tomgql.store.transaction import Transaction

CONTENT = tuple(name for name in STORED_COLUMNS if name not in ("identity", "apart_for"))
"""Columns that are a datum's content."""

KNOWN = frozenset(
    {*CONTENT, "identity", "global_id", "revision", "disabled", "withdrawn", "flag_revision", "origin_instance_id",
     "product", "path"}
)  # fmt: skip
"""Fields of a record that are understood here."""

HIDDEN = "It is here already, with a data product that who takes it over may not see."
"""Why a datum is not taken that somebody else's product holds."""

_NEEDED = ("identity", "content", "data_type", "mjd")


async def take_data(
    tx: Transaction, rt: Runtime, giver: Giver, target_id: int, records: Sequence[Record],
    products: Mapping[UUID, int | None], taken: Taken,
) -> None:  # fmt: skip
    """Write data of a locked target and announce them. ``products`` are keys by global id, None of deleted ones.

    What cannot be written is told in ``taken``, datum by datum; the others are.
    """
    rows: list[dict[str, Any]] = []
    roads: dict[tuple[UUID, ...], int] = {}
    for record in records:
        try:
            path = tuple(path_of(record, giver))
            if UUID(rt.instance_id) not in path:
                roads[path] = roads.get(path) or await road_of(tx, path)
                rows += _rows(rt, giver, target_id, record, products, roads[path])
        except InvalidInput as error:
            taken.refusals.append(Refusal("reduced_datum", str(record.get("global_id")), "", error.message))
    hidden = await _hidden(tx, giver, target_id, [row["identity"] for row in rows])
    for row in rows:
        if row["identity"] in hidden:
            taken.refusals.append(Refusal("reduced_datum", row["global_id"], "", HIDDEN))
    await _take_all(tx, target_id, [row for row in rows if row["identity"] not in hidden], taken)


async def _hidden(tx: Transaction, giver: Giver, target_id: int, identities: Sequence[Any]) -> set[str]:
    """Identities of data that are here already and that who takes them over may not see."""
    parameters = Parameters()
    visible = predicates.datum_visible_to(giver.actor, "d", parameters.bind)
    target, asked = parameters.bind(target_id, "bigint"), parameters.bind(identities, "uuid[]")
    found = await tx.rows(
        f"select d.identity::text as id from reduced_data d where d.target_id = {target} and d.identity = any({asked})"
        f" and not ({visible})",
        *parameters.values,
    )
    return {row["id"] for row in found}


def _rows(
    rt: Runtime, giver: Giver, target_id: int, record: Record, products: Mapping[UUID, int | None], road_id: int
) -> list[dict[str, Any]]:
    """The record as a row of the table; none of what hangs on a product that was deleted."""
    missing = [name for name in _NEEDED if record.get(name) is None]
    if missing:
        raise InvalidInput(f"A datum's record lacks {', '.join(missing)}.")
    product = None if record.get("product") is None else as_uuid(record["product"], "product")
    if product is not None and products.get(product, 0) is None:
        return []
    origin = origin_of(record, giver, rt.instance_id)
    row = {
        **{name: record[name] for name in KNOWN - {"product", "path"} if record.get(name) is not None},
        "target_id": target_id,
        **{name: str(as_uuid(record[name], name)) for name in ("identity", "content")},
        "global_id": str(global_id_of(record)),
        "data_product_id": None if product is None else products.get(product),
        "origin_instance_id": None if origin is None else str(origin),
        "revision": revision_of(record),
        "flag_revision": revision_of(record, "flag_revision", 0),
        "road_id": road_id,
        "peer_bag": bag_of(record, KNOWN),
    }
    return [row]


async def _take_all(tx: Transaction, target_id: int, rows: Sequence[Mapping[str, Any]], taken: Taken) -> None:
    """Write rows; where one of them cannot stand, each half by itself, down to that one."""
    if not rows:
        return
    try:
        async with tx.connection.transaction():
            await _write(tx, target_id, rows)
            changed = await tx.value("select count(*) from federated where outcome is not null")
            await _announce(tx, target_id)
    except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
        if len(rows) == 1:
            words = f"It cannot be stored here: {type(error).__name__.removesuffix('Error')}."
            taken.refusals.append(Refusal("reduced_datum", str(rows[0]["global_id"]), "", words))
            return
        half = len(rows) // 2
        await _take_all(tx, target_id, rows[:half], taken)
        await _take_all(tx, target_id, rows[half:], taken)
    else:
        taken.changed += changed


# Asked by the index, whatever the statistics of the target say; one row an identity, the newest of those given.
_MEET = """
    create temporary table federated on commit drop as
    with given as (
        select distinct on (r.identity) r.* from jsonb_populate_recordset(null::reduced_data, $2::jsonb) r
        order by r.identity, r.revision desc, r.content desc, r.flag_revision desc
    ), here as materialized (
        select d.id, d.identity, d.content, d.revision, d.flag_revision, d.disabled, d.global_id, d.data_product_id
        from reduced_data d where d.target_id = $1 and d.identity = any($3::uuid[])
    )
    select g.*, here.id as found, null::text as outcome,
        coalesce((g.revision, g.content) > (here.revision, here.content), false) as is_newer,
        coalesce((g.flag_revision, g.disabled) > (here.flag_revision, here.disabled), false) as is_flagged,
        coalesce(g.global_id < here.global_id, false) as is_renamed,
        coalesce((g.revision, g.content) = (here.revision, here.content), false)
            and here.data_product_id is null and g.data_product_id is not null as is_linked
    from given g left join here on here.identity = g.identity
"""

_SETTLE = """
    update federated f set
        found = coalesce(f.found, nextval((select pg_get_serial_sequence('reduced_data', 'id')::regclass))),
        outcome = case
            when f.found is null then 'CREATED'
            when f.is_flagged then case when f.disabled then 'DISABLED' else 'ENABLED' end
            when f.is_newer or f.is_renamed then 'REVISED' end
"""


async def _write(tx: Transaction, target_id: int, rows: Sequence[Mapping[str, Any]]) -> None:
    full = [{"revision": 1, "disabled": False, "withdrawn": False, "flag_revision": 0, **row} for row in rows]
    await tx.execute("drop table if exists pg_temp.federated")
    await tx.execute(_MEET, target_id, full, [row["identity"] for row in rows])
    await tx.execute(_SETTLE)
    newer = await tx.value("select coalesce(array_agg(found), '{}') from federated where is_newer")
    if newer:
        await tx.execute(
            "insert into reduced_data_revisions (target_id, datum_id, revision, record)"
            f" select d.target_id, d.id, d.revision, {superseded_record('d')} from reduced_data d"
            " where d.target_id = $1 and d.id = any($2::bigint[])",
            target_id,
            newer,
        )
        await tx.execute(_REVISE, target_id, newer)
    changed = await tx.value("select coalesce(array_agg(found), '{}') from federated where is_flagged or is_renamed")
    if changed:
        await tx.execute(_FLAG, target_id, changed)
    if linked := await tx.value("select coalesce(array_agg(found), '{}') from federated where is_linked"):
        await tx.execute(_LINK, target_id, linked)
    if met := [*newer, *changed]:
        await tx.execute(_WAY, target_id, met)
    await tx.execute(_CREATE)


_DEFAULTS = {"source_name": "''", "source_location": "''", "reported": "'{}'::jsonb", "time_quality": "'assumed'"}
"""What a null means where the table wants a value."""


def _expression(name: str) -> str:
    return f"coalesce(f.{name}, {_DEFAULTS[name]})" if name in _DEFAULTS else f"f.{name}"


_REVISED = {name: _expression(name) for name in (*CONTENT, "revision", "data_product_id", "road_id", "peer_bag")}
_CREATED = ("target_id", "identity", "global_id", "disabled", "withdrawn", "flag_revision", "origin_instance_id")

_REVISE = (
    f"update reduced_data d set {', '.join(f'{name} = {sql}' for name, sql in _REVISED.items())}, job_id = null,"
    " modified = now() from federated f where d.target_id = $1 and d.id = any($2::bigint[]) and d.id = f.found"
)
_FLAG = (
    "update reduced_data d set modified = now(), global_id = least(d.global_id, f.global_id),"
    " disabled = case when f.is_flagged then f.disabled else d.disabled end,"
    " withdrawn = case when f.is_flagged then f.withdrawn and f.disabled else d.withdrawn end,"
    " flag_revision = greatest(d.flag_revision, f.flag_revision)"
    " from federated f where d.target_id = $1 and d.id = any($2::bigint[]) and d.id = f.found"
)
_LINK = (
    "update reduced_data d set data_product_id = f.data_product_id"
    " from federated f where d.target_id = $1 and d.id = any($2::bigint[]) and d.id = f.found"
)
"""Data that came before the file that they are of belong to it once it is here: who may see them, and how they end."""

_WAY = (
    "update reduced_data d set road_id = case when"
    " (d.global_id, d.revision, d.content, d.flag_revision, d.disabled)"
    " = (f.global_id, f.revision, f.content, f.flag_revision, f.disabled) then f.road_id end"
    " from federated f where d.target_id = $1 and d.id = any($2::bigint[]) and d.id = f.found"
)
"""Where a part of what was here stays, the state is this site's own: who gave the rest must hear of it, too."""

_CREATE = (
    f"insert into reduced_data (id, {', '.join((*_CREATED, *_REVISED))})"
    f" select f.found, {', '.join((*(f'f.{name}' for name in _CREATED), *_REVISED.values()))}"
    " from federated f where f.outcome = 'CREATED' order by f.found"
)


async def _announce(tx: Transaction, target_id: int) -> None:
    """Append the events, in portions; one that tells of a product's data names the product."""
    await tx.execute(
        "insert into events (topic, change, target_id, data_product_id, data_ids)"
        " select 'reduced_data', outcome, $1, data_product_id, array_agg(id order by id)"
        " from (select f.found as id, f.outcome, d.data_product_id,"
        "  (row_number() over (partition by f.outcome, d.data_product_id order by f.found) - 1) / $2 as part"
        "  from federated f join reduced_data d on d.target_id = $1 and d.id = f.found where f.outcome is not null) n"
        " group by outcome, data_product_id, part order by min(id)",
        target_id,
        DATA_PER_EVENT,
    )
