"""A target that another server gives: found by any of its global ids or names, made, or brought to the newer state.

The newer of two states is the one with the higher ``revision``; of two changes made at the same time the one whose
content has the greater digest. So servers that hear of each other's changes in any order come to the same state.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson

from tomgql.access import predicates
from tomgql.domain.names import simplify_name
from tomgql.errors import Conflict, InvalidInput, TomError
from tomgql.events import log
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
from tomgql.services.merging import lock_both, merge_locked
from tomgql.services.target_checks import (
    MOST_NAMES,
    ORBIT_COLUMNS,
    TARGET_COLUMNS,
    NewTarget,
    checked_columns,
    checked_names,
)
from tomgql.services.target_names import change_names
from tomgql.services.target_rows import (
    NameRow,
    grant_everything,
    insert_names,
    insert_targets,
    lock_targets,
    put_into_lists,
    update_targets,
)
from tomgql.store.sql import Parameters
from tomgql.store.transaction import Transaction

CREATION_LOCK = 0x66656474
"""Key of the advisory lock under which targets of other servers are made ("fedt" in ASCII): one road at a time."""

CONTENT = tuple(name for name in TARGET_COLUMNS if name not in ("name", "access"))
"""Columns that are a target's content; who may see it is each site's own affair."""

KNOWN = frozenset({*TARGET_COLUMNS, "names", "other_global_ids", "global_id", "revision", "path", "origin_instance_id"})
"""Fields of a record that are understood here."""


async def take_target(tx: Transaction, rt: Runtime, giver: Giver, record: Record, taken: Taken) -> int | None:
    """The key of the target here, brought up to date; None where it is not taken, which ``taken`` tells.

    Nothing is told of what was deleted here. Raises InvalidInput.
    """
    ids = _ids(record)
    await _merge_known(tx, giver, ids)
    target_id = await _known(tx, ids)
    if target_id is None:
        if await tx.value("select true from tombstones where global_id = $1", ids[0]):
            return None
        await tx.execute("select pg_advisory_xact_lock($1)", CREATION_LOCK)
        target_id = await _known(tx, ids) or await _named(tx, giver, record)
    if target_id is None:
        return await _create(tx, rt, giver, record, taken)
    if not await _may(tx, giver, target_id, predicates.CHANGE):
        words = "This target is here already, and who takes it over may not change it."
        taken.refusals.append(_refusal(record, words))
        return None
    await _update(tx, rt, giver, target_id, record, taken)
    return target_id


def _ids(record: Record) -> list[UUID]:
    others = record.get("other_global_ids") or []
    if not isinstance(others, list) or len(others) > MOST_NAMES:
        raise InvalidInput("A record's `other_global_ids` is no list of UUIDs.")
    return [global_id_of(record), *(as_uuid(each, "other_global_ids") for each in others)]


def names_of(record: Record) -> list[str]:
    """The names of a target's record, the primary one first. Raises InvalidInput."""
    names = record.get("names")
    if not isinstance(names, list) or not names or not all(isinstance(each, str) for each in names):
        raise InvalidInput("A target's record needs `names`, a list of texts.")
    return names[:MOST_NAMES]


async def _known(tx: Transaction, ids: Sequence[UUID]) -> int | None:
    """The target with one of these ids, the first one's before all; locked, since all who write its data wait."""
    found: int | None = await tx.value(
        "select k.id from (select t.id, t.global_id from targets t where t.global_id = any($1::uuid[])"
        " union select o.target_id, o.global_id from target_global_ids o where o.global_id = any($1::uuid[])) k"
        " order by k.global_id <> $2, k.id limit 1",
        list(ids),
        ids[0],
    )
    if found is None:
        return None
    locked: int | None = await tx.value("select id from targets where id = $1 for no key update", found)
    return locked


_SEEN_BY_MORE = """
    select array_position(array['PRIVATE', 'PUBLIC', 'OPEN'], t.access::text)
            > array_position(array['PRIVATE', 'PUBLIC', 'OPEN'], $2::text)
        or $2::text = 'PRIVATE' and exists (select from target_grants g where g.target_id = t.id
            and (g.user_group_id is not null or g.user_id <> $3::bigint))
    from targets t where t.id = $1
"""
"""Whether others see the target than those who see what a giver makes: who has a name must not be given its data."""


async def _merge_known(tx: Transaction, giver: Giver, ids: Sequence[UUID]) -> None:
    """Merge targets that are one over there; those that were made here are left to this site's people."""
    rows = await tx.rows(
        "select id from targets where global_id = any($1::uuid[])"
        " and (global_id = $2 or origin_instance_id is not null) order by global_id <> $2, id",
        list(ids),
        ids[0],
    )
    for other in rows[1:]:
        await lock_both(tx, rows[0]["id"], other["id"])
        handed = (predicates.CHANGE, predicates.DELETE, predicates.SHARE)
        if await _may(tx, giver, rows[0]["id"], predicates.CHANGE) and await _may(tx, giver, other["id"], *handed):
            await merge_locked(tx, giver.actor, rows[0]["id"], other["id"])


async def _named(tx: Transaction, giver: Giver, record: Record) -> int | None:
    """The target here with one of the record's names. Raises Conflict when they are several, or seen by too many."""
    names = {simplify_name(name): name for name in names_of(record)}
    rows = await tx.rows(
        "select target_id, min(simplified) as simplified from target_names where simplified = any($1::text[])"
        " group by target_id order by target_id",
        list(names),
    )
    if len(rows) > 1:
        several = ", ".join(names[row["simplified"]] for row in rows)
        raise Conflict(f"Its names belong to several targets here ({several}); merge them, or rename all but one.")
    if not rows:
        return None
    if giver.guards_names and await tx.value(_SEEN_BY_MORE, rows[0]["target_id"], giver.access, giver.actor.user_id):
        raise Conflict(
            f'There is a target "{names[rows[0]["simplified"]]}" here that more people see than what comes from there'
            " may be shown to. Narrow its access and grants, or rename it, and copy again."
        )
    locked: int | None = await tx.value("select id from targets where id = $1 for no key update", rows[0]["target_id"])
    return locked


async def _may(tx: Transaction, giver: Giver, target_id: int, *rights: str) -> bool:
    parameters = Parameters()
    allowed = " and ".join(predicates.target_allows(giver.actor, "t", each, parameters.bind) for each in rights)
    key = parameters.bind(target_id, "bigint")
    return bool(await tx.value(f"select true from targets t where t.id = {key} and {allowed}", *parameters.values))


async def _create(tx: Transaction, rt: Runtime, giver: Giver, record: Record, taken: Taken) -> int | None:
    columns = _columns(record, giver.access)
    primary, *aliases = names_of(record)
    names = checked_names(NewTarget(primary, aliases=aliases))
    user_id = giver.actor.user_id or 0
    (target_id,) = await insert_targets(tx, [columns], user_id)
    refused = await insert_names(tx, [NameRow(target_id, name, name == names[0]) for name in names])
    if any(each.is_primary for each in refused):
        raise Conflict(f'The name "{names[0]}" was taken meanwhile.')
    await grant_everything(tx, user_id, [target_id])
    if giver.target_list_id is not None:
        await put_into_lists(tx, [(giver.target_list_id, target_id)])
    await tx.execute(
        "update targets set global_id = $2, origin_instance_id = $3 where id = $1",
        target_id,
        global_id_of(record),
        origin_of(record, giver, rt.instance_id),
    )
    await _stamp(tx, rt, giver, target_id, record)
    await _learn_ids(tx, target_id, record)
    await log.append(tx, "targets", "CREATED", target_id=target_id)
    taken.changed += 1
    return target_id


def _columns(record: Record, access: str) -> dict[str, Any]:
    """The record's content by `TARGET_COLUMNS`, checked as if somebody had sent it. Raises InvalidInput."""
    moving = record.get("type") == "NON_SIDEREAL"
    orbit = {name: record.get(name) for name in ORBIT_COLUMNS if record.get(name) is not None} if moving else {}
    _require_numbers(record)
    if not isinstance(record.get("extras") or {}, dict):
        raise InvalidInput("A target's `extras` are a JSON object.")
    new = NewTarget(
        name=names_of(record)[0],
        type="NON_SIDEREAL" if moving else "SIDEREAL",
        access=access,
        ra_deg=record.get("ra_deg"),
        dec_deg=record.get("dec_deg"),
        numbers={name: record.get(name) for name in CONTENT},
        orbit=orbit,
        extras=record.get("extras") or {},
    )
    return checked_columns(new)


def _require_numbers(record: Record) -> None:
    for name in set(CONTENT) - {"type", "extras", "scheme"}:
        value = record.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise InvalidInput(f"A target's `{name}` is a number.")


async def _update(
    tx: Transaction, rt: Runtime, giver: Giver, target_id: int, record: Record, taken: Taken
) -> None:
    await _learn_ids(tx, target_id, record)
    is_renamed = await _adopt_id(tx, target_id, record)
    stored = (await lock_targets(tx, [target_id]))[target_id]
    held = await tx.rows(
        "select name from target_names where target_id = $1 order by is_primary desc, id", target_id
    )
    revision: int = await tx.value("select revision from targets where id = $1", target_id)
    names = [row["name"] for row in held]
    theirs = _columns(record, stored["access"])
    here, there = (revision, _digest(stored, names)), (revision_of(record), _digest(theirs, names_of(record)))
    if there <= here or UUID(rt.instance_id) in path_of(record, giver):
        if is_renamed:
            await log.append(tx, "targets", "REVISED", target_id=target_id)
        return
    try:
        async with tx.connection.transaction():
            await _rename(tx, target_id, names, names_of(record))
    except TomError as error:
        # With a part of it under their revision, nobody would try the rest again.
        words = f"Its names cannot be taken, so it stays as it is here. {error.message}"
        taken.refusals.append(_refusal(record, words))
        return
    await update_targets(tx, [{"id": target_id, **theirs}])
    await _stamp(tx, rt, giver, target_id, record)
    await log.append(tx, "targets", "REVISED", target_id=target_id)
    taken.changed += 1


async def _rename(tx: Transaction, target_id: int, ours: Sequence[str], theirs: Sequence[str]) -> None:
    keep = {simplify_name(name) for name in theirs}
    removed = [name for name in ours[1:] if simplify_name(name) not in keep]
    if simplify_name(ours[0]) not in keep:
        removed.append(ours[0])
    await change_names(tx, target_id, theirs[0], theirs[1:], removed)


def _digest(columns: Record, names: Sequence[str]) -> bytes:
    """A digest of a target's content; 1 and 1.0 are one number."""
    numbers = {name: columns[name] for name in CONTENT if name != "extras"}
    plain = {name: float(value) if isinstance(value, int) else value for name, value in numbers.items()}
    said = [plain, columns["extras"], names[0], sorted(names)]
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).digest()


async def _stamp(tx: Transaction, rt: Runtime, giver: Giver, target_id: int, record: Record) -> None:
    """Write down the version, the way, and what is not understood here."""
    await tx.execute(
        # With a lesser global id, the state is this site's own: who gave the rest must hear of it, too.
        "update targets set revision = $2, peer_bag = $4, road_id = case when global_id >= $5 then $3::bigint end"
        " where id = $1",
        target_id,
        revision_of(record),
        await road_of(tx, path_of(record, giver)),
        bag_of(record, KNOWN),
        global_id_of(record),
    )


async def _learn_ids(tx: Transaction, target_id: int, record: Record) -> None:
    """Keep the global ids by which others know the target, unless another target here has them."""
    await tx.execute(
        "insert into target_global_ids (target_id, global_id) select $1, k from unnest($2::uuid[]) k"
        " where not exists (select from targets t where t.global_id = k) on conflict (global_id) do nothing",
        target_id,
        _ids(record),
    )


async def _adopt_id(tx: Transaction, target_id: int, record: Record) -> bool:
    """Take the lesser of two global ids as the target's own, so that all servers come to the same one.

    Who follows this site hears of it wherever the target's state came from.
    """
    former = await tx.value(
        "update targets t set global_id = $2, road_id = null from targets was"
        " where t.id = $1 and was.id = t.id and $2 < was.global_id returning was.global_id",
        target_id,
        global_id_of(record),
    )
    if former is None:
        return False
    await tx.execute("delete from target_global_ids where global_id = $1", global_id_of(record))
    await tx.execute("insert into target_global_ids (target_id, global_id) values ($1, $2)", target_id, former)
    return True


def _refusal(record: Record, words: str) -> Refusal:
    return Refusal("target", str(global_id_of(record)), names_of(record)[0][:255], words)
