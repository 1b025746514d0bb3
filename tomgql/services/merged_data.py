"""Reduced data of two targets that are merged: what is one becomes one, the rest moves.

Both targets are locked by the caller. Two data are one when they have one identity (DESIGN D9), the actor may see
both and the same people do; else the one that comes gets an identity apart, as at ingest.
"""

from __future__ import annotations

from dataclasses import dataclass

from tomgql.access.predicates import audiences, product_id_shown_to
from tomgql.access.principal import Principal
from tomgql.events.log import DATA_PER_EVENT
from tomgql.services.ingest import STORED_COLUMNS, identity_apart, superseded_record
from tomgql.services.occurrences import NOBODY
from tomgql.store.sql import Parameters
from tomgql.store.transaction import Transaction


@dataclass(frozen=True)
class Merger:
    """Who merges which target into which."""

    actor: Principal
    into_id: int
    from_id: int


async def part_identities(tx: Transaction, merger: Merger) -> None:
    """Give data that meet others of their identity, which the actor does not see or which others see, one apart.

    Else what everybody saw would become a revision of what few see, or what few see would be shown to everybody. One
    that the actor sees gets the actor's own identity, by which a later ingest of the actor's finds it again; so does
    one of its product (`tomgql.services.occurrences`).
    """
    await _part_seen(tx, merger)
    await _part_others(tx, merger)


async def _part_seen(tx: Transaction, merger: Merger) -> None:
    parameters = Parameters()
    together, coming, meeting = _meeting(merger, parameters)
    own = identity_apart("b.identity", parameters.bind(str(merger.actor.user_id), "text"))
    holder = parameters.bind(merger.actor.user_id or NOBODY, "bigint")
    taken = f"select from reduced_data o where o.target_id = b.target_id and o.identity = {own}"
    await tx.execute(
        f"update reduced_data b set identity = {own}, beside = coalesce(b.beside, b.identity), apart_for = {holder}"
        f" {meeting} and not ({together}) and {coming} and not exists ({taken})",
        *parameters.values,
    )


async def _part_others(tx: Transaction, merger: Merger) -> None:
    """Those that the actor does not see, and those that meet something apart even so."""
    parameters = Parameters()
    together, _, meeting = _meeting(merger, parameters)
    unique = identity_apart("b.identity", "b.global_id::text")
    await tx.execute(
        f"update reduced_data b set identity = {unique}, beside = coalesce(b.beside, b.identity),"
        f" apart_for = coalesce(b.apart_for, {NOBODY}) {meeting} and not ({together})",
        *parameters.values,
    )


def _meeting(merger: Merger, parameters: Parameters) -> tuple[str, str, str]:
    """Whether the datum that stays (``a``) and the one that comes (``b``) may be one, whether the actor sees the one
    that comes, and where they meet.
    """
    bind = parameters.bind
    kept, coming = (product_id_shown_to(merger.actor, f"{row}.data_product_id", bind) for row in ("a", "b"))
    into, other = bind(merger.into_id, "bigint"), bind(merger.from_id, "bigint")
    meeting = f"from reduced_data a where a.target_id = {into} and b.target_id = {other} and a.identity = b.identity"
    seen_by = audiences(bind([merger.into_id, merger.from_id], "bigint[]"))
    of_a, of_b = (f"{seen_by} -> {row}.data_product_id::text" for row in ("a", "b"))
    return f"{kept} and {coming} and {of_a} is not distinct from {of_b}", coming, meeting


async def merge_data(tx: Transaction, merger: Merger) -> None:
    """Make one of data that are one, move the others; the data products have moved already."""
    await _pair(tx, merger)
    await _keep_history(tx, merger)
    await _keep_decisions(tx, merger)
    await _settle(tx, merger)
    await tx.execute(
        "delete from reduced_data where target_id = $1 and id in (select gone_id from merged_pairs)", merger.from_id
    )
    await _move(tx, merger)


async def announce_data(tx: Transaction, merger: Merger) -> None:
    """Append the events of what `merge_data` moved and changed."""
    await tx.execute(
        "insert into events (topic, change, target_id, data_product_id, data_ids)"
        " select 'reduced_data', change, $1, data_product_id, array_agg(id order by id)"
        " from (select id, change, data_product_id,"
        "  (row_number() over (partition by change, data_product_id order by id) - 1) / $2 as part from merged_data"
        " ) numbered group by change, data_product_id, part order by min(id)",
        merger.into_id,
        DATA_PER_EVENT,
    )


async def _pair(tx: Transaction, merger: Merger) -> None:
    """Who stays, who goes: ``replaced`` when what stays was withdrawn and what goes is in use."""
    for table in ("merged_pairs", "merged_data"):
        await tx.execute(f"drop table if exists pg_temp.{table}")
    await tx.execute(
        "create temporary table merged_data (id bigint, change text, data_product_id bigint) on commit drop"
    )
    await tx.execute(
        "create temporary table merged_pairs (kept_id bigint, gone_id bigint, replaced boolean, disabled boolean,"
        " differs boolean, revision integer, added integer default 0) on commit drop"
    )
    await tx.execute(
        "insert into merged_pairs select a.id, b.id, a.withdrawn and not b.disabled,"
        " (a.disabled and not a.withdrawn) or (b.disabled and not b.withdrawn), a.content <> b.content, a.revision"
        " from reduced_data a join reduced_data b on b.identity = a.identity"
        " where a.target_id = $1 and b.target_id = $2",
        merger.into_id,
        merger.from_id,
    )
    await tx.execute("analyze merged_pairs")


async def _keep_history(tx: Transaction, merger: Merger) -> None:
    """Older revisions of what goes, and what of the two does not stand, become older revisions of what stays."""
    await tx.execute(
        "with history as ("
        "  select p.kept_id, r.revision as number, r.record, r.superseded, r.superseded_by_job_id from merged_pairs p"
        "  join reduced_data_revisions r on r.target_id = $2 and r.datum_id = p.gone_id"
        f" union all select p.kept_id, 2147483647, {superseded_record('d')}, now(), null from merged_pairs p"
        "  join reduced_data d on case when p.replaced then d.target_id = $1 and d.id = p.kept_id"
        "   else d.target_id = $2 and d.id = p.gone_id end where p.differs"
        "), numbered as ("
        "  select h.*, p.revision - 1 + row_number() over (partition by h.kept_id order by h.number) as revision"
        "  from history h join merged_pairs p on p.kept_id = h.kept_id"
        "), added as ("
        "  insert into reduced_data_revisions"
        "  (target_id, datum_id, revision, record, superseded, superseded_by_job_id)"
        "  select $1, kept_id, revision, record || jsonb_build_object('revision', revision), superseded,"
        "  superseded_by_job_id from numbered returning datum_id"
        ") update merged_pairs p set added = c.n from (select datum_id, count(*) as n from added group by datum_id) c"
        " where c.datum_id = p.kept_id",
        merger.into_id,
        merger.from_id,
    )


async def _keep_decisions(tx: Transaction, merger: Merger) -> None:
    """Who took what goes out of use is told of what stays; decisions about data that move go along by themselves."""
    await tx.execute(
        "update reduced_data_disablings h set target_id = $1, datum_id = p.kept_id from merged_pairs p"
        " where h.target_id = $2 and h.datum_id = p.gone_id",
        merger.into_id,
        merger.from_id,
    )
    await tx.execute(
        "update reduced_data_disablings set target_id = $1 where target_id = $2 and kept_for is not null",
        merger.into_id,
        merger.from_id,
    )


async def _settle(tx: Transaction, merger: Merger) -> None:
    """Write what stands: revision, whether it is in use, and the other's content where that stands."""
    content = [name for name in STORED_COLUMNS if name != "identity"]
    columns = ", ".join(f"{name} = b.{name}" for name in (*content, "data_product_id", "job_id"))
    await tx.execute(
        f"update reduced_data a set {columns} from merged_pairs p, reduced_data b where p.replaced"
        " and a.target_id = $1 and a.id = p.kept_id and b.target_id = $2 and b.id = p.gone_id",
        merger.into_id,
        merger.from_id,
    )
    await tx.execute(
        "with before as (select d.id, d.disabled from reduced_data d join merged_pairs p on p.kept_id = d.id"
        "  where d.target_id = $1),"
        " settled as (update reduced_data a set revision = a.revision + p.added, modified = now(),"
        "  disabled = not p.replaced and (a.disabled or p.disabled),"
        "  withdrawn = not p.replaced and a.withdrawn and not p.disabled from merged_pairs p"
        "  where a.target_id = $1 and a.id = p.kept_id and (p.added > 0 or p.replaced or p.disabled > a.disabled"
        "   or (p.disabled and a.withdrawn)) returning a.id, a.disabled, a.data_product_id, p.added)"
        " insert into merged_data select s.id, case when s.disabled > b.disabled then 'DISABLED'"
        "  when s.disabled < b.disabled then 'ENABLED' else 'REVISED' end, s.data_product_id"
        " from settled s join before b on b.id = s.id where s.added > 0 or s.disabled <> b.disabled",
        merger.into_id,
    )


async def _move(tx: Transaction, merger: Merger) -> None:
    # Data and their revisions in one statement: each refers to the other's target when the statement ends.
    await tx.execute(
        "with moved as (update reduced_data set target_id = $1 where target_id = $2 returning id, data_product_id),"
        " history as (update reduced_data_revisions set target_id = $1 where target_id = $2)"
        " insert into merged_data select id, 'CREATED', data_product_id from moved",
        merger.into_id,
        merger.from_id,
    )
