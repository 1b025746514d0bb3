"""A column of times, in any of the forms files use, as mid-exposure UTC.

What the column's name and the options say goes before what its values look like; what has to be assumed is noted.
Heliocentric and barycentric times are led back to the Earth's centre where the target's position is known (the
observatory is at most 21 ms away from there); without a position they may be 8.3 minutes off, and say so.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tomgql.domain.cells import Column
from tomgql.domain.measurements import FloatColumn, Note, rows_text
from tomgql.domain.options import ColumnOptions
from tomgql.domain.synonyms import TimeName, counted_from, normalise, split_unit, stated_time
from tomgql.domain.time import JD_MINUS_MJD, SECONDS_PER_DAY, TO_UTC, parse_iso
from tomgql.errors import InvalidInput, UnreadableFile

_LIGHT_SECONDS_PER_AU = 499.004783836
"""IAU 2012 resolution B2 (astronomical unit) over the speed of light."""

_SMALLEST_JD = 1_000_000.0
"""Julian dates of the last two millennia exceed it, MJDs and truncated JDs do not."""

_LARGEST_JD = 3_000_000.0
"""The year 3501: larger numbers count something else, such as seconds."""

_SMALLEST_MJD, _LARGEST_MJD = 15_000.0, 100_000.0
"""The years 1899 and 2132: what is taken for an MJD without being called so must lie between them, and smaller values
than the latter in a column of full Julian dates are truncated."""

_MJD_BY_CUSTOM = re.compile(r"(?:obs)?time(?:utc|ut|tai|tt|tdb|tcb)?")
"""Names under which TOM Toolkit and the Open Supernova Catalog have MJD."""

_DAY = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}", re.ASCII)


@dataclass
class Times:
    """``mjd_utc`` (n,), NaN where ``unreadable`` or missing; ``quality`` one of exact, converted, assumed; notes.

    ``taken`` names the format and scale that the cells were taken in, such as ``BJD-2457000 TDB``.
    """

    mjd_utc: FloatColumn
    quality: str
    unreadable: NDArray[np.bool_]
    notes: list[Note]
    taken: str = ""


def read_times(
    column: Column, options: ColumnOptions, exposure_s: FloatColumn, file_name: str,
    target_position: tuple[float, float] | None = None,
) -> Times:  # fmt: skip
    """Mid-exposure UTC of every cell.

    Raises `UnreadableFile` when the values contradict the format, above all for truncated Julian dates.
    """
    said = _said(column)
    form = options.time_format or said.format or _guess_format(column, file_name, options.columns is not None)
    if form == "iso":
        mjd, unreadable, zoned = _read_iso(column)
    else:
        mjd, unreadable, zoned = _read_numbers(column, form, options, file_name)
    notes = _format_notes(form, said, options, column)
    if form == "iso":
        notes.extend(_day_notes(column))
    scale = options.time_scale or said.scale or ("tdb" if form.startswith("bjd") else "utc")
    utc = TO_UTC[scale](mjd)
    if form.startswith(("hjd", "bjd")):
        utc = _to_geocentre(utc, form, target_position, notes)
    reference = options.time_reference or said.reference
    utc = _to_middle(utc, reference, exposure_s, notes)
    stated = bool(options.time_scale or said.scale or zoned)
    if not stated and scale == "utc":
        notes.append(Note("INFO", "TIME_SCALE_ASSUMED", f"times in column {column.name} are taken as UTC"))
    quality = _quality(form, scale, reference, stated, target_position)
    return Times(utc, quality, unreadable, notes, f"{form} {scale}".upper())


def _said(column: Column) -> TimeName:
    """What the name says, then what the unit adds to it."""
    name = stated_time(column.name)
    if column.unit and (counted := counted_from(column.unit)):
        return TimeName(counted, name.scale or stated_time(column.unit).scale, name.reference)
    unit = stated_time(f"time({column.unit})") if column.unit else TimeName()
    return TimeName(name.format or unit.format, name.scale or unit.scale, name.reference or unit.reference)


def _quality(form: str, scale: str, reference: str | None, stated: bool, position: object) -> str:
    if form.startswith(("hjd", "bjd")):
        return "converted" if position is not None else "assumed"
    if not stated or reference is None:
        return "assumed"
    return "exact" if scale == "utc" and reference == "middle" else "converted"


def _guess_format(column: Column, file_name: str, named_by_hand: bool) -> str:
    """The format that the values allow, where neither name nor unit says it; never a guess between two days.

    A headerless file (``named_by_hand``) says nothing at all, so that no custom speaks for MJD either.
    """
    first = next((text for text in column.texts if text is not None), None)
    values = column.numbers.values[np.isfinite(column.numbers.values)] if _is_number(first) else np.array([])
    if not len(values):
        return "iso"
    middle = float(np.median(values))
    if _SMALLEST_JD <= middle < _LARGEST_JD:
        return "jd"
    if not _SMALLEST_MJD <= middle < _LARGEST_MJD:
        raise _unknown_epoch(values, column.name, file_name)
    if named_by_hand or not _MJD_BY_CUSTOM.fullmatch(normalise(split_unit(column.name)[0])):
        place = f"column {column.name}" if column.name else "a column that has no name"
        raise truncated_jd(values, place, file_name)
    return "mjd"


def _is_number(text: str | None) -> bool:
    try:
        return text is not None and math.isfinite(float(text.replace(",", ".")))
    except ValueError:
        return False


def _format_notes(form: str, said: TimeName, options: ColumnOptions, column: Column) -> list[Note]:
    if form == "iso" or options.time_format or said.format:
        return []
    return [Note("INFO", "TIME_FORMAT_ASSUMED", f"times in column {column.name} are taken as {form.upper()}")]


def truncated_jd(values: Any, place: str, file_name: str) -> UnreadableFile:
    """The refusal of times that may be MJD or JD - 2400000."""
    return UnreadableFile(
        f"{file_name}: times look like JD minus 2400000 ({np.nanmin(values):.2f} to {np.nanmax(values):.2f}, in "
        f"{place}): say MJD or JD-2400000 (option time_format); they differ by half a day."
    )


def _unknown_epoch(values: Any, name: str, file_name: str) -> UnreadableFile:
    """The refusal of times that count from a day, or in a unit, that is not said."""
    return UnreadableFile(
        f"{file_name}: times in column {name} ({np.nanmin(values):.2f} to {np.nanmax(values):.2f}) are neither MJD nor "
        "Julian dates: say from which day they count with option time_format, such as bjd-2457000 (TESS), bjd-2454833 "
        "(Kepler), hjd-2450000 or mjd."
    )


def _mjd_offset(form: str) -> float:
    """Days to add to reach MJD."""
    if form == "mjd":
        return 0.0
    return float(form.partition("-")[2] or 0.0) - JD_MINUS_MJD


def _day_notes(column: Column) -> list[Note]:
    """A warning of dates that are only good to a day."""
    count = sum(text is not None and _DAY.fullmatch(text) is not None for text in column.texts)
    if not count:
        return []
    words = f"{rows_text(count)} with a date but no time of day in column {column.name}; taken as 00:00, good to a day"
    return [Note("WARNING", "DAY_PRECISION", words, count=count)]


def _read_numbers(
    column: Column, form: str, options: ColumnOptions, file_name: str
) -> tuple[FloatColumn, NDArray[np.bool_], bool]:
    numbers = column.numbers
    values = numbers.values[np.isfinite(numbers.values)]
    middle = float(np.median(values)) if len(values) else math.nan
    if form in ("jd", "hjd", "bjd") and middle < _LARGEST_MJD:
        raise truncated_jd(values, f"column {column.name}", file_name)
    if form not in ("jd", "hjd", "bjd") and middle >= _SMALLEST_JD:
        raise UnreadableFile(
            f"{file_name}: column {column.name} holds Julian dates ({values.min():.2f} to {values.max():.2f}), "
            f"not {form.upper()}: say so with option time_format: jd."
        )
    return numbers.values + _mjd_offset(form), numbers.unreadable | numbers.is_limit, False


def _read_iso(column: Column) -> tuple[FloatColumn, NDArray[np.bool_], bool]:
    """MJD, unreadable cells, and whether every cell names its zone."""
    texts = column.texts
    fast = _uniform_iso(texts)
    if fast is not None:
        return fast, np.zeros(len(texts), dtype=np.bool_), False
    known = {text: _iso_or_none(text) for text in set(texts) if text is not None}
    read = [known.get(text) if text is not None else None for text in texts]
    mjd = np.array([math.nan if item is None else item[0] for item in read])
    unreadable = np.array([text is not None and item is None for text, item in zip(texts, read, strict=True)])
    zoned = [item[1] for item in known.values() if item is not None]
    return mjd, unreadable, bool(zoned) and all(zoned)


def _uniform_iso(texts: list[str | None]) -> FloatColumn | None:
    """Zoneless texts such as 2024-05-17T03:04:05.123, read by numpy 50 times faster; None for any other."""
    if not texts or None in texts:
        return None
    joined = "".join(filter(None, texts))
    if "Z" in joined or "+" in joined or joined.count("-") != 2 * len(texts):
        return None
    try:
        moments = np.array(texts, dtype="datetime64[us]")
    except (ValueError, TypeError):
        return None
    if np.isnat(moments).any() or min(map(len, filter(None, texts))) < len("2024-05-17"):
        return None
    days: FloatColumn = (moments - np.datetime64("1858-11-17")) / np.timedelta64(1, "D")
    return days


def _iso_or_none(text: str) -> tuple[float, bool] | None:
    try:
        return parse_iso(text)
    except InvalidInput:
        return None


def _to_middle(mjd: FloatColumn, reference: str | None, exposure_s: FloatColumn, notes: list[Note]) -> FloatColumn:
    if reference not in ("start", "end"):
        return mjd
    unknown = np.isnan(exposure_s)
    if unknown.any():
        message = f"times mark the {reference} of exposures of unknown length; kept unshifted (option exposure_s)"
        notes.append(Note("WARNING", "EXPOSURE_UNKNOWN", message, count=int(unknown.sum())))
    half = np.where(unknown, 0.0, exposure_s) / 2.0 / SECONDS_PER_DAY
    return mjd + half if reference == "start" else mjd - half


def _to_geocentre(
    mjd: FloatColumn, form: str, target_position: tuple[float, float] | None, notes: list[Note]
) -> FloatColumn:
    kind = form.upper()
    if target_position is None:
        message = f"{kind} kept as given, up to 8.3 minutes from UTC, because the target has no position"
        notes.append(Note("WARNING", "TIME_NOT_CORRECTED", message, count=len(mjd)))
        return mjd
    notes.append(Note("INFO", "TIME_CONVERTED", f"{kind} converted to UTC at the Earth's centre", count=len(mjd)))
    delay = _light_travel_s(mjd, target_position, barycentric=form.startswith("bjd"))
    return mjd - delay / SECONDS_PER_DAY


def _light_travel_s(mjd: FloatColumn, position: tuple[float, float], *, barycentric: bool) -> FloatColumn:
    """Seconds by which light reaches the Sun (or barycentre) after the Earth; Earth's place from ERFA's epv00.

    epv00's own time differs here from TDB by up to 9 minutes of light travel and clocks: below 0.06 s in the result.
    """
    # Loaded here: few files need it.
    import erfa

    ra, dec = math.radians(position[0]), math.radians(position[1])
    towards = np.array([math.cos(dec) * math.cos(ra), math.cos(dec) * math.sin(ra), math.sin(dec)])
    heliocentric, barycentre = erfa.epv00(JD_MINUS_MJD, np.nan_to_num(mjd, nan=51544.5))
    earth = (barycentre if barycentric else heliocentric)["p"]
    seconds: FloatColumn = earth @ towards * _LIGHT_SECONDS_PER_AU
    return seconds
