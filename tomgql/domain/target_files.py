"""Targets as lines of a CSV file, in the columns of TOM Toolkit's export.

Extras are typed here and text there: a cell that reads as a JSON value is that value, any other is its own text, and
text that would be taken for something else is written as JSON. So every value comes back as it went.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import orjson

NUMBERS = {
    "epoch": "epoch",
    "parallax": "parallax_mas",
    "pm_ra": "proper_motion_ra_mas_yr",
    "pm_dec": "proper_motion_dec_mas_yr",
    "distance": "distance_pc",
    "distance_err": "distance_error_pc",
    "ephemeris_period": "ephemeris_period_days",
    "ephemeris_period_err": "ephemeris_period_error_days",
    "ephemeris_epoch": "ephemeris_epoch_days",
    "ephemeris_epoch_err": "ephemeris_epoch_error_days",
}
"""TOM Toolkit's columns of numbers and ours; the units are the same."""

ELEMENTS = {
    "epoch_of_elements": "epoch_of_elements_mjd",
    "inclination": "inclination_deg",
    "lng_asc_node": "ascending_node_longitude_deg",
    "arg_of_perihelion": "perihelion_argument_deg",
    "eccentricity": "eccentricity",
    "mean_anomaly": "mean_anomaly_deg",
    "semimajor_axis": "semimajor_axis_au",
    "mean_daily_motion": "mean_daily_motion_deg",
    "perihdist": "perihelion_distance_au",
    "epoch_of_perihelion": "perihelion_epoch_mjd",
    "abs_mag": "absolute_magnitude",
    "slope": "slope",
}
"""TOM Toolkit's columns of orbital elements and ours; the units are the same."""

PLAIN_COLUMNS = ("name", "type", "permissions", "ra", "dec", *NUMBERS, "scheme", *ELEMENTS)
"""Columns of every exported file, without aliases, target lists and extras."""

IGNORED = frozenset({"id", "created", "modified", "galactic_lng", "galactic_lat", "shared_by", "shared_from"})
"""Columns of TOM Toolkit's export that say what is written or computed here anew."""

RESERVED = frozenset({*PLAIN_COLUMNS, *IGNORED, "groups", "extras"})
"""Headings that are no extras."""

ALIAS = re.compile(r"name[ _]?[0-9]+")
"""Headings of aliases: name2, name3 and so on."""

EXACT_DIGITS = 17
"""Significant digits that a double keeps; a longer number stays text."""

LARGEST_WHOLE = 2**64
"""Whole numbers from here on stay text: JSON is stored with 64 bits."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORDS = {"true": True, "True": True, "false": False, "False": False, "null": None}


def is_extra(heading: str) -> bool:
    """Whether a column of this heading holds an extra."""
    plain = heading.strip().lower()
    return bool(plain) and heading == heading.strip() and plain not in RESERVED and not ALIAS.fullmatch(plain)


def read_extra(cell: str) -> Any:
    """The value of a cell: a number, truth, null or JSON where it reads as one, else the text itself."""
    text = cell.strip()
    if text in _WORDS:
        return _WORDS[text]
    if match := _NUMBER.fullmatch(text):
        return _read_number(text, whole=match[1] is None and match[2] is None, cell=cell)
    if text[:1] in ("{", "[", '"'):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            return cell
    return cell


def _read_number(text: str, *, whole: bool, cell: str) -> Any:
    if whole:
        number = int(text) if len(text) <= EXACT_DIGITS + 4 else LARGEST_WHOLE
        return number if -LARGEST_WHOLE // 2 <= number < LARGEST_WHOLE else cell
    digits = re.split("[eE]", text)[0].replace(".", "").lstrip("-0")
    value = float(text)
    return cell if len(digits) > EXACT_DIGITS or value in (float("inf"), float("-inf")) else value


def write_extra(value: Any) -> str:
    """The cell that `read_extra` reads as ``value``."""
    if isinstance(value, str) and value.strip() and read_extra(value) == value:
        return value
    return orjson.dumps(value).decode()


def read_words(cell: str) -> list[str]:
    """The names in a cell: separated by commas, or a JSON array of texts."""
    if cell.strip().startswith("["):
        try:
            words = orjson.loads(cell)
        except orjson.JSONDecodeError:
            words = None
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return [word.strip() for word in words if word.strip()]
    return [word.strip() for word in cell.split(",") if word.strip()]


def write_words(words: Sequence[str]) -> str:
    """The cell that `read_words` reads as ``words``."""
    plain = ",".join(words)
    return plain if read_words(plain) == list(words) else orjson.dumps(list(words)).decode()
