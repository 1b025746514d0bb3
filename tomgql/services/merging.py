"""Targets: merge two into one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tomgql.access import guard, predicates
from tomgql.access.principal import Principal
from tomgql.errors import InvalidInput
from tomgql.events import log
from tomgql.runtime import Runtime
from tomgql.services.merged_data import Merger, announce_data, merge_data, part_identities
from tomgql.services.removal import remove_target
from tomgql.services.target_checks import EPHEMERIS_COLUMNS, ORBIT_COLUMNS, TARGET_COLUMNS
from tomgql.services.target_rows import NameRow, insert_names, lock_targets, update_targets
from tomgql.store.transaction import Transaction, transaction

BELONG_TOGETHER = (
    ("ra_deg", "dec_deg", "epoch"),
    ("proper_motion_ra_mas_yr", "proper_motion_dec_mas_yr"),
    ("parallax_mas",),
    ("distance_pc", "distance_error_pc"),
    EPHEMERIS_COLUMNS[:2],
    EPHEMERIS_COLUMNS[2:],
    ORBIT_COLUMNS,
)
"""Columns that mean something only beside each other: the error of one distance is not that of another."""


async def merge_targets(rt: Runtime, actor: Principal, into_id: int, from_id: int) -> tuple[int]:
    """Merge the target ``from_id`` into ``into_id`` and delete it.

    Its names become aliases; lists, data products, observations, jobs and reduced data move, these with their global
    ids; what ``into`` does not say is filled in from it. Data that say the same thing twice become one, whose older
    revisions hold what the other said. Grants do not move: who may see ``into`` sees it all.

    Permission: CHANGE on ``into``; CHANGE, DELETE and SHARE on ``from``, whose data are handed to others. Raises
    NotFound, NotAllowed, InvalidInput. Emits events of targets, data products and reduced data.
    """
    guard.require_writer(actor)
    if into_id == from_id:
        raise InvalidInput("A target cannot be merged into itself; give two targets.", path=["from"])
    # Before a stranger's call locks anything; one target at a time, since a guard keeps its row until the end, and two
    # merges that go opposite ways would hold one each and wait for the other.
    async with transaction(rt.writes) as tx:
        await _require_into(tx, actor, into_id)
    async with transaction(rt.writes) as tx:
        await _require_from(tx, actor, from_id)
    async with transaction(rt.writes) as tx:
        await _lock(tx, into_id, from_id)
        await _require_into(tx, actor, into_id)
        await _require_from(tx, actor, from_id)
        both = await lock_targets(tx, [into_id, from_id])
        await update_targets(tx, [{"id": into_id, **filled_columns(both[into_id], both[from_id])}])
        await _move_names(tx, into_id, from_id)
        merger = Merger(actor, into_id, from_id)
        await part_identities(tx, merger)  # before the products move: data and product belong to one target
        products = await _move_belongings(tx, into_id, from_id)
        await merge_data(tx, merger)
        await log.append(tx, "targets", "REVISED", target_id=into_id)
        await _announce_products(tx, into_id, products)
        await announce_data(tx, merger)
        await remove_target(tx, from_id)
    return (into_id,)


async def _require_into(tx: Transaction, actor: Principal, into_id: int) -> None:
    await guard.require_target(tx, actor, into_id, predicates.CHANGE, ["into"])


async def _require_from(tx: Transaction, actor: Principal, from_id: int) -> None:
    for right in (predicates.CHANGE, predicates.DELETE, predicates.SHARE):
        await guard.require_target(tx, actor, from_id, right, ["from"])


async def _lock(tx: Transaction, into_id: int, from_id: int) -> None:
    # In the order of keys, so that two merges of the same targets wait for each other; and against everything, so
    # that nothing is attached to `from` any more: who waits for it finds that it is gone.
    keys = [into_id, from_id]
    await tx.rows("select id from targets where id = any($1::bigint[]) order by id for update", keys)


def filled_columns(into: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of ``into`` with its gaps filled from ``other``.

    Columns that belong together are filled only when nothing that is there contradicts the other's.
    """
    columns = {name: into[name] for name in TARGET_COLUMNS}
    for group in BELONG_TOGETHER:
        agree = all(into[name] is None or into[name] == other[name] for name in group)
        fixed = group is ORBIT_COLUMNS and into["type"] == "SIDEREAL"
        if agree and not fixed:
            columns |= {name: other[name] for name in group if into[name] is None}
    return {**columns, "extras": {**other["extras"], **into["extras"]}}


async def _move_names(tx: Transaction, into_id: int, from_id: int) -> None:
    # Anew, not by an update: what refers to a primary name would follow it to the other target.
    rows = await tx.rows(
        "select name from target_names where target_id = $1 order by is_primary desc, id", from_id
    )
    await tx.execute("delete from target_names where target_id = $1", from_id)
    await insert_names(tx, [NameRow(into_id, row["name"]) for row in rows])


async def _move_belongings(tx: Transaction, into_id: int, from_id: int) -> list[int]:
    """Move all but reduced data; returns the keys of the products moved."""
    await tx.execute(
        "insert into target_list_members (target_list_id, target_id) select target_list_id, $1"
        " from target_list_members where target_id = $2 on conflict do nothing",
        into_id,
        from_id,
    )
    await tx.execute("update observations set target_id = $1, modified = now() where target_id = $2", into_id, from_id)
    await tx.execute("update jobs set target_id = $1 where target_id = $2", into_id, from_id)
    await tx.execute("update file_uploads set target_id = $1 where target_id = $2", into_id, from_id)
    await tx.execute("update harvest_rules set target_id = $1 where target_id = $2", into_id, from_id)
    await tx.execute(
        "update continuous_shares c set target_id = $1 where target_id = $2 and not exists (select"
        " from continuous_shares o where o.target_id = $1 and o.destination = c.destination"
        " and o.created_by_id = c.created_by_id)",
        into_id,
        from_id,
    )
    await tx.execute(
        "update share_ledger set target_id = $1 where target_id = $2 and subject_kind <> 'target'", into_id, from_id
    )
    rows = await tx.rows(
        "update data_products p set target_id = $1, modified = now(), featured = p.featured and not exists ("
        "  select from data_products q where q.target_id = $1 and q.data_product_type = p.data_product_type"
        "  and q.featured) where p.target_id = $2 returning id",
        into_id,
        from_id,
    )
    return sorted(row["id"] for row in rows)


async def _announce_products(tx: Transaction, target_id: int, products: list[int]) -> None:
    await tx.execute(
        "insert into events (topic, change, target_id, data_product_id)"
        " select 'data_products', 'REVISED', $1::bigint, p from unnest($2::bigint[]) p",
        target_id,
        products,
    )
