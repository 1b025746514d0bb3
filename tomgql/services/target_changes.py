"""Targets: change. What is not given stays; what is given as None is cleared where a target may be without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from tomgql.access import guard, predicates
from tomgql.access.guard import Hold
from tomgql.access.principal import Principal
from tomgql.errors import InvalidCoordinates, InvalidInput, StaleVersion
from tomgql.events import log
from tomgql.runtime import Runtime
from tomgql.services.target_checks import (
    EPHEMERIS_COLUMNS,
    NUMBER_COLUMNS,
    ORBIT_COLUMNS,
    TARGET_COLUMNS,
    checked_extras,
    checked_name,
    checked_numbers,
    checked_orbit,
    checked_position,
)
from tomgql.services.target_names import change_names
from tomgql.services.target_rows import lock_targets, update_targets
from tomgql.store.transaction import Transaction, transaction

POSITION_FIELDS = ("ra_deg", "dec_deg", "ra_hms", "dec_dms")
"""The two forms of a position, as given."""

MILLISECOND = 1_000
"""Microseconds: clients see times in whole milliseconds."""


@dataclass(frozen=True)
class TargetChange:
    """What to change of a target.

    ``given`` holds fields by the names of `NewTarget`, and numbers by their columns; extras are merged key by key,
    None removing a key. ``expected_modified`` is when the target was last changed, as far as the actor knows.
    """

    given: Mapping[str, Any] = field(default_factory=dict)
    add_aliases: Sequence[str] = ()
    remove_aliases: Sequence[str] = ()
    expected_modified: datetime | None = None


async def update_target(rt: Runtime, actor: Principal, target_id: int, change: TargetChange) -> tuple[int]:
    """Change a target; a former name stays as an alias unless it is removed in the same call.

    Permission: CHANGE; also SHARE to change who may see it. Raises NotFound, NotAllowed, InvalidInput,
    InvalidCoordinates, DuplicateName, StaleVersion. Emits a target event when anything has changed. Idempotent.
    """
    guard.require_writer(actor)
    async with transaction(rt.writes) as tx:
        await guard.require_target(tx, actor, target_id, predicates.CHANGE, ["input", "id"], Hold.CHANGE)
        stored = (await lock_targets(tx, [target_id]))[target_id]
        _require_current(stored["modified"], change.expected_modified)
        columns = revised_columns(stored, change.given)
        if columns["access"] != stored["access"]:
            await guard.require_target(tx, actor, target_id, predicates.SHARE, ["input", "access"])
        renamed = await change_names(tx, target_id, columns["name"], change.add_aliases, change.remove_aliases)
        if renamed or differs(stored, columns):
            await _write(tx, target_id, columns)
    return (target_id,)


async def _write(tx: Transaction, target_id: int, columns: Mapping[str, Any]) -> None:
    await update_targets(tx, [{"id": target_id, **columns}])
    await log.append(tx, "targets", "REVISED", target_id=target_id)


def _require_current(modified: datetime, expected: datetime | None) -> None:
    if expected is not None and _whole_milliseconds(modified) != _whole_milliseconds(expected):
        raise StaleVersion(
            "This target was changed since you read it; read it again and decide anew.",
            path=["input", "expectedModified"],
        )


def _whole_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // MILLISECOND * MILLISECOND)


def revised_columns(stored: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of `TARGET_COLUMNS` that a stored target is to have; raises InvalidInput, InvalidCoordinates."""
    for name in ("name", "type", "access"):
        if name in given and given[name] is None:
            raise InvalidInput(f"A target cannot be without `{name}`; leave it out to keep it.", path=["input", name])
    target_type = given.get("type", stored["type"])
    return {
        "name": checked_name(given["name"], "name") if "name" in given else stored["name"],
        "type": target_type,
        "access": given.get("access", stored["access"]),
        **_position(stored, target_type, given),
        **checked_numbers({name: given.get(name, stored[name]) for name in (*NUMBER_COLUMNS, *EPHEMERIS_COLUMNS)}),
        **checked_orbit(target_type, _orbit(stored, target_type, given)),
        "extras": _extras(stored["extras"], given),
    }


def _position(stored: Mapping[str, Any], target_type: str, given: Mapping[str, Any]) -> dict[str, float | None]:
    ra_deg, dec_deg, ra_hms, dec_dms = (given.get(name) for name in POSITION_FIELDS)
    if (ra_deg, dec_deg, ra_hms, dec_dms) != (None, None, None, None):
        return checked_position(target_type, (ra_deg, dec_deg), (ra_hms, dec_dms))
    cleared = [name for name in POSITION_FIELDS if name in given]
    if not cleared:
        kept = {"ra_deg": stored["ra_deg"], "dec_deg": stored["dec_deg"]}
        return kept if target_type == stored["type"] else checked_position(target_type, tuple(kept.values()), NOTHING)
    if not {"ra_deg", "ra_hms"} & set(cleared) or not {"dec_deg", "dec_dms"} & set(cleared):
        raise InvalidCoordinates("Clear both halves of a position, or neither.", path=["input", cleared[0]])
    return checked_position(target_type, NOTHING, NOTHING)


NOTHING = (None, None)
"""No position in one form."""


def _orbit(stored: Mapping[str, Any], target_type: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    if "orbit" in given:
        return given["orbit"] or {}
    kept = target_type == "NON_SIDEREAL" and stored["scheme"] is not None
    return {name: stored[name] for name in ORBIT_COLUMNS} if kept else {}


def _extras(stored: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    if "extras" not in given:
        return dict(stored)
    if given["extras"] is None:
        return {}
    removed = {name for name, value in given["extras"].items() if value is None}
    return checked_extras({name: value for name, value in {**stored, **given["extras"]}.items() if name not in removed})


def differs(stored: Mapping[str, Any], columns: Mapping[str, Any]) -> bool:
    """Whether a target's columns say anything else than what is stored; 1, 1.0 and true are different extras."""
    plain = any(columns[name] != stored[name] for name in TARGET_COLUMNS if name != "extras")
    return plain or _canonical(columns["extras"]) != _canonical(stored["extras"])


def _canonical(extras: Any) -> bytes:
    return orjson.dumps(extras, option=orjson.OPT_SORT_KEYS)


