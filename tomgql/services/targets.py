"""Targets: create."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from tomgql.access import guard
from tomgql.access.principal import Principal
from tomgql.domain.names import simplify_name
from tomgql.domain.positions import parse_declination, parse_right_ascension
from tomgql.errors import DuplicateName, InvalidCoordinates, InvalidInput
from tomgql.events import log
from tomgql.runtime import Runtime
from tomgql.services.lists import add_to_lists
from tomgql.store.transaction import Transaction, transaction

ALL_PERMISSIONS = ["VIEW", "CHANGE", "DELETE", "SHARE"]
"""What the creator of a target is granted."""

LONGEST_NAME = 100
"""Characters of a target's name, as in TOM Toolkit."""

ORBIT_COLUMNS = (
    "scheme",
    "epoch_of_elements_mjd",
    "inclination_deg",
    "ascending_node_longitude_deg",
    "perihelion_argument_deg",
    "eccentricity",
    "mean_anomaly_deg",
    "semimajor_axis_au",
    "mean_daily_motion_deg",
    "perihelion_distance_au",
    "perihelion_epoch_mjd",
    "absolute_magnitude",
    "slope",
)
"""Columns of orbital elements, as they stand in the input and in the table."""

REQUIRED_ELEMENTS = {
    "MPC_MINOR_PLANET": ("mean_anomaly_deg", "semimajor_axis_au"),
    "JPL_MAJOR_PLANET": ("mean_anomaly_deg", "semimajor_axis_au", "mean_daily_motion_deg"),
    "MPC_COMET": ("perihelion_distance_au", "perihelion_epoch_mjd"),
}
"""Elements that each scheme needs beyond the five that all need (TOM Toolkit's target model)."""

COMMON_ELEMENTS = ORBIT_COLUMNS[1:6]
"""Elements that every scheme needs."""


@dataclass(frozen=True)
class NewTarget:
    """A target to be created. Positions ICRS; units as in the names."""

    name: str
    type: str = "SIDEREAL"
    access: str = "PRIVATE"
    aliases: Sequence[str] = ()
    ra_deg: float | None = None
    dec_deg: float | None = None
    ra_hms: str | None = None
    dec_dms: str | None = None
    numbers: Mapping[str, float | None] = field(default_factory=dict)
    orbit: Mapping[str, Any] = field(default_factory=dict)
    extras: Mapping[str, Any] = field(default_factory=dict)
    user_groups: Sequence[int] = ()
    target_lists: Sequence[int] = ()


PLAIN_NUMBER = re.compile(r"[+-]?[0-9.]+")
"""One number: as a right ascension it may be meant in hours or in degrees."""

NUMBER_COLUMNS = (
    "epoch",
    "proper_motion_ra_mas_yr",
    "proper_motion_dec_mas_yr",
    "parallax_mas",
    "distance_pc",
    "distance_error_pc",
)
"""Optional numbers of a target, as they stand in the input and in the table."""


async def create_target(rt: Runtime, actor: Principal, new: NewTarget) -> tuple[int]:
    """Create a target; its creator gets every right on it, the named user groups VIEW.

    Permission: any signed-in user. Raises DuplicateName, InvalidCoordinates, InvalidInput, NotFound.
    Emits a target event.
    """
    user_id = guard.require_writer(actor)
    columns = _columns(new)
    names = _names(new)
    async with transaction(rt.writes) as tx:
        for group_id in new.user_groups:
            await guard.require_user_group(tx, actor, group_id, ["input", "userGroups"])
        target_id = await _insert(tx, {**columns, "created_by_id": user_id})
        await _insert_names(tx, target_id, names)
        await _grant(tx, target_id, user_id, new.user_groups)
        await add_to_lists(tx, actor, target_id, new.target_lists)
        await log.append(tx, "targets", "CREATED", target_id=target_id)
    return (target_id,)


async def _insert(tx: Transaction, columns: Mapping[str, Any]) -> int:
    places = ", ".join(f"${number + 1}" for number in range(len(columns)))
    try:
        target_id = await tx.value(
            f"insert into targets ({', '.join(columns)}) values ({places}) returning id",
            *columns.values(),
        )
    except asyncpg.CheckViolationError as error:
        raise InvalidInput(
            "A number of this target is out of its range; see the descriptions of the fields."
        ) from error
    return int(target_id)


async def _insert_names(tx: Transaction, target_id: int, names: Sequence[str]) -> None:
    for number, name in enumerate(names):
        simplified = simplify_name(name)
        inserted = await tx.value(
            "insert into target_names (target_id, name, simplified, is_primary) values ($1, $2, $3, $4)"
            " on conflict (simplified) do nothing returning id",
            target_id,
            name,
            simplified,
            number == 0,
        )
        if inserted is None:
            raise DuplicateName(
                f'The name "{name}" is taken, in this or a similar spelling: case, blanks, "-", "_" and brackets do'
                " not tell names apart.",
                path=["input", "name" if number == 0 else "aliases"],
            )


async def _grant(tx: Transaction, target_id: int, user_id: int, user_groups: Sequence[int]) -> None:
    await tx.execute(
        "insert into target_grants (target_id, user_id, permissions) values ($1, $2, $3)",
        target_id,
        user_id,
        ALL_PERMISSIONS,
    )
    await tx.execute(
        "insert into target_grants (target_id, user_group_id, permissions)"
        " select $1, g, array['VIEW'] from unnest($2::bigint[]) g",
        target_id,
        list(set(user_groups)),
    )


def _names(new: NewTarget) -> list[str]:
    names = list(dict.fromkeys([new.name.strip(), *[alias.strip() for alias in new.aliases]]))
    for name in names:
        if not simplify_name(name) or len(name) > LONGEST_NAME or "\x00" in name:
            raise InvalidInput(
                f"A name needs 1 to {LONGEST_NAME} characters, not only blanks and punctuation.",
                path=["input", "name" if name == names[0] else "aliases"],
            )
    return names


def _columns(new: NewTarget) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "name": new.name.strip(),
        "type": new.type,
        "access": new.access,
        "extras": dict(new.extras),
    }
    columns |= {name: new.numbers.get(name) for name in NUMBER_COLUMNS}
    columns |= _position(new)
    if new.type == "NON_SIDEREAL":
        columns |= _orbit(new.orbit)
    elif new.orbit:
        raise InvalidInput("`orbit` belongs to targets of type NON_SIDEREAL.", path=["input", "orbit"])
    if columns["epoch"] is not None and columns["epoch"] > 2100:
        raise InvalidInput("`epoch` is a Julian year of at most 2100.", path=["input", "epoch"])
    for name in ("distance_pc", "distance_error_pc"):
        if (columns[name] or 0) < 0:
            raise InvalidInput("A distance in parsec is 0 or more.", path=["input", name])
    return columns


def _position(new: NewTarget) -> dict[str, float | None]:
    decimal, sexagesimal = (new.ra_deg, new.dec_deg), (new.ra_hms, new.dec_dms)
    given = [pair for pair in (decimal, sexagesimal) if pair != (None, None)]
    if not given and new.type == "NON_SIDEREAL":
        return {"ra_deg": None, "dec_deg": None}
    if len(given) != 1 or None in given[0]:
        raise InvalidCoordinates(
            "Give one position, either raDeg with decDeg or raHms with decDms.", path=["input", "raDeg"]
        )
    if new.ra_hms is not None and PLAIN_NUMBER.fullmatch(new.ra_hms.strip()):
        raise InvalidCoordinates(
            f'raHms "{new.ra_hms}" has no minutes: write hours as 10:20:30.5, or degrees in raDeg.',
            path=["input", "raHms"],
        )
    try:
        ra_deg = parse_right_ascension(given[0][0] or 0.0)
    except InvalidInput as error:
        raise InvalidCoordinates(error.message, path=["input", "raHms" if new.ra_hms else "raDeg"]) from error
    try:
        return {"ra_deg": ra_deg, "dec_deg": parse_declination(given[0][1] or 0.0)}
    except InvalidInput as error:
        raise InvalidCoordinates(error.message, path=["input", "decDms" if new.dec_dms else "decDeg"]) from error


def _orbit(orbit: Mapping[str, Any]) -> dict[str, Any]:
    scheme = orbit.get("scheme")
    if scheme not in REQUIRED_ELEMENTS:
        raise InvalidInput(
            f"A moving target needs `orbit` with one of the schemes {', '.join(REQUIRED_ELEMENTS)}.",
            path=["input", "orbit"],
        )
    missing = [name for name in (*COMMON_ELEMENTS, *REQUIRED_ELEMENTS[scheme]) if orbit.get(name) is None]
    if missing:
        raise InvalidInput(f"The scheme {scheme} also needs {', '.join(missing)}.", path=["input", "orbit", missing[0]])
    return {name: orbit.get(name) for name in ORBIT_COLUMNS}
