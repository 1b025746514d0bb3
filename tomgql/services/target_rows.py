"""Rows of targets and of what hangs on them, a set at a time; no permissions and no events.

Sets travel as one JSON or array parameter, so that ten thousand targets take a few statements. Names are inserted in
the order of their simplified spelling, so that two calls with the same names wait for each other and never lock up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from tomgql.domain.names import simplify_name
from tomgql.errors import DuplicateName, InvalidInput
from tomgql.services.target_checks import TARGET_COLUMNS
from tomgql.store.transaction import Transaction

ALL_PERMISSIONS = ["VIEW", "CHANGE", "DELETE", "SHARE"]
"""What the creator of a target is granted."""

_COLUMNS = ", ".join(TARGET_COLUMNS)


@dataclass(frozen=True)
class NameRow:
    """A name that a target is to have."""

    target_id: int
    name: str
    is_primary: bool = False


async def draw_keys(tx: Transaction, table: str, count: int) -> list[int]:
    """New keys of a table, in ascending order."""
    rows = await tx.rows(
        "select nextval(pg_get_serial_sequence($1, 'id')) as id from generate_series(1, $2::int)", table, count
    )
    return [row["id"] for row in rows]


async def lock_targets(tx: Transaction, keys: Iterable[int]) -> dict[int, dict[str, Any]]:
    """What targets are, by key, locked against other changes in the order of keys; those that are gone are left out."""
    rows = await tx.rows(
        f"select id, modified, {_COLUMNS} from targets where id = any($1::bigint[]) order by id for no key update",
        list(keys),
    )
    return {row["id"]: dict(row) for row in rows}


async def insert_targets(tx: Transaction, targets: Sequence[Mapping[str, Any]], created_by_id: int) -> list[int]:
    """Write targets given by `TARGET_COLUMNS`; their keys, in the same order. Raises InvalidInput."""
    keys = await draw_keys(tx, "targets", len(targets))
    rows = [{"id": key, **target} for key, target in zip(keys, targets, strict=True)]
    sql = (
        f"insert into targets (id, created_by_id, {_COLUMNS}) select id, $2, {_COLUMNS}"
        " from json_populate_recordset(null::targets, $1::json)"
    )
    await _write(tx, sql, rows, created_by_id)
    return keys


async def update_targets(tx: Transaction, targets: Sequence[Mapping[str, Any]]) -> None:
    """Write targets given by ``id`` and `TARGET_COLUMNS`; each gets a time of change of its own, to the millisecond."""
    values = ", ".join(f"r.{name}" for name in TARGET_COLUMNS)
    sql = (
        f"update targets t set ({_COLUMNS}) = row({values}),"
        " modified = greatest(clock_timestamp(), t.modified + interval '1 millisecond')"
        " from json_populate_recordset(null::targets, $1::json) r where t.id = r.id"
    )
    await _write(tx, sql, list(targets))


async def _write(tx: Transaction, sql: str, rows: list[Any], *values: Any) -> None:
    try:
        await tx.execute(sql, rows, *values)
    except asyncpg.CheckViolationError as error:
        raise InvalidInput(
            "A number of this target is out of its range; see the descriptions of the fields."
        ) from error


async def insert_names(tx: Transaction, names: Sequence[NameRow]) -> list[NameRow]:
    """Write names, which keep their order; those that were taken already come back."""
    keys = await draw_keys(tx, "target_names", len(names))
    rows = await tx.rows(
        "insert into target_names (id, target_id, name, simplified, is_primary)"
        " select * from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::boolean[])"
        ' as n(id, target_id, name, simplified, is_primary) order by n.simplified collate "C", n.id'
        " on conflict (simplified) do nothing returning id",
        keys,
        [each.target_id for each in names],
        [each.name for each in names],
        [simplify_name(each.name) for each in names],
        [each.is_primary for each in names],
    )
    written = {row["id"] for row in rows}
    return [each for key, each in zip(keys, names, strict=True) if key not in written]


def name_taken(name: str, place: str) -> DuplicateName:
    """What is said of a name that some target has already, be it one that may be seen or not."""
    return DuplicateName(
        f'The name "{name}" is taken, in this or a similar spelling: case, blanks, "-", "_" and brackets do'
        " not tell names apart.",
        path=["input", place],
        name=name,
    )


async def grant_everything(tx: Transaction, user_id: int, targets: Sequence[int]) -> None:
    """Give the creator of new targets every right on them."""
    await tx.execute(
        "insert into target_grants (target_id, user_id, permissions) select t, $1, $2 from unnest($3::bigint[]) t",
        user_id,
        ALL_PERMISSIONS,
        list(targets),
    )


async def grant_view(tx: Transaction, pairs: Iterable[tuple[int, int]]) -> None:
    """Give user groups VIEW on targets, as (target, user group); one that holds more keeps it."""
    given = sorted(set(pairs))
    await tx.execute(
        "insert into target_grants (target_id, user_group_id, permissions)"
        " select t, g, array['VIEW'] from unnest($1::bigint[], $2::bigint[]) p(t, g) on conflict do nothing",
        [target for target, _ in given],
        [group for _, group in given],
    )


async def put_into_lists(tx: Transaction, pairs: Iterable[tuple[int, int]]) -> int:
    """Put targets into target lists, as (list, target); returns how many were not there yet."""
    given = sorted(set(pairs))
    tag = await tx.execute(
        "insert into target_list_members (target_list_id, target_id)"
        " select l, t from unnest($1::bigint[], $2::bigint[]) p(l, t) on conflict do nothing",
        [each for each, _ in given],
        [target for _, target in given],
    )
    return int(tag.split()[-1])
