"""What a target must be before it is stored, whoever brings it: one input, a row of many, a line of a file.

Pure checks; the database has the same rules, but says of a set of rows only that one of them is wrong. Required
elements by scheme: TOM Toolkit's target model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import orjson

from tomgql.domain.json_values import why_refused
from tomgql.domain.names import UNPRINTABLE_WORDS, is_printable_name, simplify_name
from tomgql.domain.positions import parse_declination, parse_right_ascension
from tomgql.errors import InvalidCoordinates, InvalidInput
from tomgql.store.transaction import UNSTORABLE_MESSAGE

LONGEST_NAME = 100
"""Characters of a target's name, as in TOM Toolkit."""

MOST_NAMES = 500
"""Names of one target: SIMBAD's most catalogued objects have about a hundred."""

LARGEST_EXTRAS_BYTES = 1024 * 1024
"""Bytes of a target's extras as JSON: they are read with every target."""

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
"""Elements that each scheme needs beyond the five that all need."""

ELEMENT_RANGES = {
    "inclination_deg": (0.0, 180.0),
    "ascending_node_longitude_deg": (-360.0, 360.0),
    "perihelion_argument_deg": (-360.0, 360.0),
    "mean_anomaly_deg": (-360.0, 360.0),
    "mean_daily_motion_deg": (0.0, 3600.0),
    "perihelion_distance_au": (0.0, 1e6),
    "epoch_of_elements_mjd": (-700_000.0, 200_000.0),
    "perihelion_epoch_mjd": (-700_000.0, 200_000.0),
    "absolute_magnitude": (-40.0, 60.0),
    "slope": (-5.0, 50.0),
}
"""What an element may be. Angles may come a turn off; epochs reach from 58 BC to AD 2406, so a JD is refused."""

COMMON_ELEMENTS = ORBIT_COLUMNS[1:6]
"""Elements that every scheme needs."""

NUMBER_COLUMNS = (
    "epoch",
    "proper_motion_ra_mas_yr",
    "proper_motion_dec_mas_yr",
    "parallax_mas",
    "distance_pc",
    "distance_error_pc",
)
"""Optional numbers of a target, as they stand in the input and in the table."""

EPHEMERIS_COLUMNS = (
    "ephemeris_period_days",
    "ephemeris_period_error_days",
    "ephemeris_epoch_days",
    "ephemeris_epoch_error_days",
)
"""Numbers that only files bring so far."""

TARGET_COLUMNS = (
    "name", "type", "access", "ra_deg", "dec_deg", *NUMBER_COLUMNS, *EPHEMERIS_COLUMNS, *ORBIT_COLUMNS, "extras",
)  # fmt: skip
"""Columns that say what a target is; the others say when and by whom it was written."""

PLAIN_NUMBER = re.compile(r"[+-]?[0-9.]+")
"""One number: as a right ascension it may be meant in hours or in degrees."""

TYPES = ("SIDEREAL", "NON_SIDEREAL")
"""Types of target."""

ACCESSES = ("OPEN", "PUBLIC", "PRIVATE")
"""Who may see a target: anyone, any signed-in user, holders of a grant."""


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


def checked_columns(new: NewTarget) -> dict[str, Any]:
    """The values of `TARGET_COLUMNS` for a target; raises InvalidInput, InvalidCoordinates."""
    return {
        "name": checked_name(new.name, "name"),
        "type": new.type,
        "access": new.access,
        **checked_position(new.type, (new.ra_deg, new.dec_deg), (new.ra_hms, new.dec_dms)),
        **checked_numbers(new.numbers),
        **checked_orbit(new.type, new.orbit),
        "extras": checked_extras(new.extras),
    }


def checked_names(new: NewTarget) -> list[str]:
    """The primary name, then the aliases, each once; raises InvalidInput."""
    names = [checked_name(new.name, "name"), *(checked_name(alias, "aliases") for alias in new.aliases)]
    distinct = list(dict.fromkeys(names))
    require_few_names(len(distinct), "aliases")
    return distinct


def checked_name(text: str, place: str) -> str:
    """A name without blanks around it; raises InvalidInput when it is empty, too long or cannot be stored."""
    name, simplified = text.strip(), simplify_name(text)
    if not simplified or len(name) > LONGEST_NAME or len(simplified) > LONGEST_NAME or "\x00" in name:
        raise InvalidInput(
            f"A name needs 1 to {LONGEST_NAME} characters, not only blanks and punctuation.", path=["input", place]
        )
    if not _encodable(name):
        raise InvalidInput(UNSTORABLE_MESSAGE, path=["input", place])
    if not is_printable_name(name):
        raise InvalidInput(f"{name!r}: {UNPRINTABLE_WORDS}.", path=["input", place])
    return name


def require_few_names(count: int, place: str) -> None:
    """A target has at most `MOST_NAMES` names; raises InvalidInput."""
    if count > MOST_NAMES:
        raise InvalidInput(f"A target may have {MOST_NAMES} names, not {count}.", path=["input", place])


Pair = tuple[Any, Any]
"""Right ascension and declination in one form, each perhaps None."""


def checked_position(target_type: str, decimal: Pair, sexagesimal: Pair) -> dict[str, float | None]:
    """``ra_deg`` and ``dec_deg`` from one whole pair; only a moving target may have none. Raises InvalidCoordinates."""
    given = [pair for pair in (decimal, sexagesimal) if pair != (None, None)]
    if not given and target_type == "NON_SIDEREAL":
        return {"ra_deg": None, "dec_deg": None}
    if len(given) != 1 or None in given[0]:
        raise InvalidCoordinates(
            "Give one position, either raDeg with decDeg or raHms with decDms.", path=["input", "raDeg"]
        )
    ra_hms, dec_dms = sexagesimal
    if ra_hms is not None and PLAIN_NUMBER.fullmatch(ra_hms.strip()):
        raise InvalidCoordinates(
            f'raHms "{ra_hms}" has no minutes: write hours as 10:20:30.5, or degrees in raDeg.',
            path=["input", "raHms"],
        )
    try:
        ra_deg = parse_right_ascension(given[0][0])
    except InvalidInput as error:
        raise InvalidCoordinates(error.message, path=["input", "raHms" if ra_hms else "raDeg"]) from error
    try:
        return {"ra_deg": ra_deg, "dec_deg": parse_declination(given[0][1])}
    except InvalidInput as error:
        raise InvalidCoordinates(error.message, path=["input", "decDms" if dec_dms else "decDeg"]) from error


def checked_numbers(numbers: Mapping[str, float | None]) -> dict[str, float | None]:
    """Every optional number, None where there is none; raises InvalidInput for what is out of range."""
    checked = {name: numbers.get(name) for name in (*NUMBER_COLUMNS, *EPHEMERIS_COLUMNS)}
    _require_finite(checked, ["input"])
    if (checked["epoch"] or 0) > 2100:
        raise InvalidInput("`epoch` is a Julian year of at most 2100.", path=["input", "epoch"])
    for name in ("distance_pc", "distance_error_pc"):
        if (checked[name] or 0) < 0:
            raise InvalidInput("A distance in parsec is 0 or more.", path=["input", name])
    return checked


def checked_orbit(target_type: str, orbit: Mapping[str, Any]) -> dict[str, Any]:
    """Every element, None where there is none: complete for its scheme, or none at all. Raises InvalidInput."""
    if target_type != "NON_SIDEREAL":
        if orbit:
            raise InvalidInput("`orbit` belongs to targets of type NON_SIDEREAL.", path=["input", "orbit"])
        return dict.fromkeys(ORBIT_COLUMNS)
    scheme = orbit.get("scheme")
    if scheme not in REQUIRED_ELEMENTS:
        raise InvalidInput(
            f"A moving target needs `orbit` with one of the schemes {', '.join(REQUIRED_ELEMENTS)}.",
            path=["input", "orbit"],
        )
    missing = [name for name in (*COMMON_ELEMENTS, *REQUIRED_ELEMENTS[scheme]) if orbit.get(name) is None]
    if missing:
        listed = ", ".join(map(field_name, missing))
        raise InvalidInput(f"The scheme {scheme} also needs {listed}.", path=["input", "orbit", missing[0]])
    _require_finite({name: orbit.get(name) for name in ORBIT_COLUMNS[1:]}, ["input", "orbit"])
    _check_elements(orbit)
    return {name: orbit.get(name) for name in ORBIT_COLUMNS}


def _check_elements(orbit: Mapping[str, Any]) -> None:
    for name, (low, high) in ELEMENT_RANGES.items():
        value = orbit.get(name)
        if value is not None and not low <= value <= high:
            hint = " An MJD is JD - 2400000.5." if name.endswith("_mjd") and value > high else ""
            message = f"`{field_name(name)}` lies between {low:g} and {high:g}, not at {value:g}.{hint}"
            raise InvalidInput(message, path=["input", "orbit", name])
    eccentricity, axis = orbit["eccentricity"], orbit.get("semimajor_axis_au")
    if eccentricity < 0:
        raise InvalidInput("An eccentricity is 0 or more.", path=["input", "orbit", "eccentricity"])
    if axis is not None and axis * (1 - eccentricity) <= 0:
        raise InvalidInput(
            "`semimajorAxisAu` is positive for an ellipse (eccentricity below 1) and negative for a hyperbola; a"
            " parabola has none.",
            path=["input", "orbit", "semimajor_axis_au"],
        )


def field_name(name: str) -> str:
    """A column's name as clients write it."""
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)


def checked_extras(extras: Mapping[str, Any]) -> dict[str, Any]:
    """Extras that can be stored as JSON; raises InvalidInput."""
    path = ["input", "extras"]
    if why := why_refused(extras):
        raise InvalidInput(f"A value in `extras` {why[1]}.", path=path)
    try:
        text = orjson.dumps(dict(extras))
    except TypeError as error:
        reason = "A JSON value cannot be stored: a whole number beyond 64 bits, nested too deep, or half a character."
        raise InvalidInput(reason, path=path) from error
    if len(text) > LARGEST_EXTRAS_BYTES:
        raise InvalidInput(f"The extras of a target may take {LARGEST_EXTRAS_BYTES} bytes as JSON.", path=path)
    if rb"\u0000" in text and _holds_nul(extras):
        raise InvalidInput(UNSTORABLE_MESSAGE, path=path)
    return dict(extras)


def _require_finite(numbers: Mapping[str, Any], path: list[str]) -> None:
    for name, value in numbers.items():
        if value is not None and not _finite(value):
            raise InvalidInput(f"`{name}` must be a finite number.", path=[*path, name])


def _finite(value: float) -> bool:
    try:
        return isfinite(value)
    except OverflowError:  # a whole number beyond every double
        return False


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, Mapping):
        return any(_holds_nul(key) or _holds_nul(each) for key, each in value.items())
    return isinstance(value, list) and any(_holds_nul(each) for each in value)
