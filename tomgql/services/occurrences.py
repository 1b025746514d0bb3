"""Which datum each staged row is, where several data claim one identity.

Several measurements of one time are told apart by their place in a file, and data beside hidden ones by their sender
(`tomgql.domain.repeats`, `tomgql.services.ingest`); all say beside which identity they stand. Files come in any order
and in parts, and what was hidden is deleted. So rows are matched with the data of their identity by content first: the
same content again is the same datum. What is left is matched by place, data of the row's own product and sender first.
Data that another sender brought beside hidden ones are met by who does not see what they stand beside. Data of a
product that others see than that of the row are never met: a row changes nobody's view but its own audience's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import orjson

from tomgql.access.predicates import audiences as audiences_of
from tomgql.access.predicates import product_id_shown_to
from tomgql.store.plans import in_order_of_index
from tomgql.store.sql import Bind, Parameters
from tomgql.store.transaction import Transaction

if TYPE_CHECKING:
    from tomgql.services.ingest import Origin

NOBODY = 0
"""Whose data are that somebody without an account, or whose account is gone, brought beside hidden ones."""

_TABLES = ("placed_rows", "placed_data", "places")

# Rows whose identity is claimed by several of the file, or by several data of the target ($1: what these stand beside).
_ROWS = """
    create temporary table placed_rows on commit drop as
    select s.place, s.identity, s.beside, s.apart_for, s.content, coalesce(s.beside, s.identity) as first from staged s
    where coalesce(s.beside, s.identity) in (
        select beside from staged where beside is not null union select unnest($1::uuid[]))
"""

_BY_CONTENT = """
    create temporary table places on commit drop as
    select distinct on (r.place) r.place, d.identity, d.beside, d.apart_for
    from placed_rows r join placed_data d on d.first = r.first and d.content = r.content order by r.place, d.rank
"""

# There are always enough: each row brings its own identity, which is either among the data or free.
_BY_PLACE = """
    with free as (
        select first, identity, beside, apart_for, rank, 0 as place from placed_data
        where identity not in (select identity from places)
        union all
        select first, identity, beside, apart_for, null, place from placed_rows
        where identity not in (select identity from placed_data)
    ), numbered as (
        select *, row_number() over (partition by first order by rank nulls last, place) as n from free
    ), left_over as (
        select place, first, row_number() over (partition by first order by place) as n from placed_rows
        where place not in (select place from places)
    )
    insert into places
    select l.place, f.identity, f.beside, f.apart_for from left_over l join numbered f using (first, n)
"""


async def product_audiences(tx: Transaction, target_id: int) -> Mapping[str, str]:
    """Who sees each restricted product of a target, by the product's key; empty where nothing is restricted."""
    parameters = Parameters()
    found: dict[str, str] = await tx.value(
        f"select {audiences_of(parameters.bind([target_id], 'bigint[]'))}", *parameters.values
    )
    return found


def meets(origin: Origin, audiences: Mapping[str, str], product_id: str, bind: Bind) -> str:
    """SQL for whether rows of this origin may be data of a product: the actor sees it, and the same people see both."""
    shown = product_id_shown_to(origin.actor, product_id, bind)
    if not audiences:
        return shown
    known = bind(orjson.dumps(dict(audiences)).decode(), "text")
    own = bind(audiences.get(str(origin.data_product_id)), "text")
    return f"({shown} and {known}::json ->> {product_id}::text is not distinct from {own})"


async def settle_occurrences(tx: Transaction, origin: Origin, audiences: Mapping[str, str]) -> None:
    """Give staged rows the identities of the data that they are; the caller holds the target.

    Nothing is looked at row by row where neither the file nor the target holds several data of one identity.
    """
    async with in_order_of_index(tx):  # of that which holds the few that have one
        besides = await tx.value(
            "select coalesce(array_agg(distinct beside), '{}') from (select beside from reduced_data"
            " where target_id = $1 and beside is not null order by beside) found",
            origin.target_id,
        )
    if not besides and not await tx.value("select true from staged where beside is not null limit 1"):
        return
    for table in _TABLES:
        await tx.execute(f"drop table if exists pg_temp.{table}")
    await tx.execute(_ROWS, besides)
    await tx.execute("analyze placed_rows")
    await _find_data(tx, origin, audiences)
    await tx.execute(_BY_CONTENT)
    await tx.execute(_BY_PLACE)
    await tx.execute("analyze places")
    await tx.execute(
        "update staged s set identity = p.identity, beside = p.beside, apart_for = p.apart_for from places p"
        " where p.place = s.place and p.identity <> s.identity"
    )


async def _find_data(tx: Transaction, origin: Origin, audiences: Mapping[str, str]) -> None:
    """The data of these identities that the actor may meet, in the order in which rows take them."""
    parameters = Parameters()
    bind = parameters.bind
    firsts = await tx.value("select coalesce(array_agg(distinct first), '{}') from placed_rows")
    target, keys = bind(origin.target_id, "bigint"), bind(firsts, "uuid[]")
    own = f"(d.data_product_id = {bind(origin.data_product_id, 'bigint')}) is true"
    mine = f"(d.apart_for = {bind(origin.actor.user_id or NOBODY, 'bigint')}) is true"
    shown = f"({meets(origin, audiences, 'd.data_product_id', bind)} or {own})"
    # Asked for by keys: joined to it, the table of data would be read whole where its statistics know nothing.
    await tx.execute(
        "create temporary table placed_data on commit drop as select d.identity, d.beside, d.apart_for, d.content,"
        f" coalesce(d.beside, d.identity) as first, d.apart_for is not null and not ({mine} or {own}) as others,"
        f" row_number() over (order by {own} desc, {mine} desc, d.beside is not null, d.id) as rank"
        f" from reduced_data d where d.target_id = {target}"
        f" and (d.identity = any({keys}) or d.beside = any({keys})) and {shown}",
        *parameters.values,
    )
    await tx.execute(
        "delete from placed_data d where d.others and exists (select from placed_data f where f.identity = d.first)"
    )
    await tx.execute("analyze placed_data")
