"""Checks on single rows: what is rejected, with words that tell its sender what would be right."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tomgql.domain.astrometry import LONGEST_OBSERVATORY_CODE, Astrometry
from tomgql.domain.brightness import Brightness
from tomgql.domain.cells import Column
from tomgql.domain.measurements import Note, Photometry, Reading, RejectedRow, TextColumn, rows_text
from tomgql.domain.names import is_printable_name, simplify_name
from tomgql.domain.positions import parse_declination, parse_right_ascension, separation_arcsec
from tomgql.domain.time import LEAP_SECOND_WORDS, in_range, is_leap_second, year_of
from tomgql.domain.time_columns import Times
from tomgql.errors import InvalidCoordinates, UnreadableFile

Flags = NDArray[np.bool_]

FAR_ARCSEC = 5.0
"""A row further than this from the target is warned of: more than any survey's astrometry, less than a neighbour."""

SMALLEST_UJY, LARGEST_UJY = 1e-30, 1e30
"""Fluxes beyond these, AB magnitudes 98.9 and -51.1, are mistakes; the table keeps the same bounds."""

LONGEST_TEXTS = {
    "band": 50, "source_name": 100, "telescope": 255, "instrument": 255, "external_id": 200, "reported_system": 32,
    "observatory_code": LONGEST_OBSERVATORY_CODE,
}  # fmt: skip
"""Characters that each text of a row may have; the table keeps the same bounds."""

_SHOWN = 5
"""How many rows or names a message lists before it counts."""


@dataclass(frozen=True)
class Checked:
    """The columns that messages name, and the band of every row, None where it is missing."""

    time: Column
    value: Column
    band_name: str
    bands: TextColumn


def check_rows(
    checked: Checked, times: Times, brightness: Brightness, now_mjd: float | None, reading: Reading
) -> Flags:
    """Which rows, (n,), have a time, a brightness and a band; the others go to ``reading.rejected``, in order."""
    mjd = times.mjd_utc
    missing, outside = np.isnan(mjd), ~in_range(mjd, now_mjd)
    empty, absurd = ~brightness.measured, _absurd(brightness)
    bandless = np.array([band is None for band in checked.bands.tolist()], dtype=np.bool_)
    keep: Flags = ~(missing | outside | empty | absurd | bandless)
    time, value, unread = checked.time, checked.value, brightness.unreadable
    for at in np.flatnonzero(~keep).tolist():
        if missing[at] or outside[at] or empty[at]:
            rejected = _rejection(at, time, value, times, bool(missing[at]), bool(outside[at]), bool(unread[at]))
        elif absurd[at]:
            rejected = _absurdity(at, value)
        else:
            rejected = _bandless(at, checked.band_name)
        reading.rejected.append(rejected)
    skipped = int(np.count_nonzero(empty & ~missing & ~outside & ~unread))
    if skipped:
        reading.notes.append(Note("INFO", "NO_MEASUREMENT", f"{rows_text(skipped)} without measurement", count=skipped))
    return keep


def check_times(time: Column, times: Times, now_mjd: float | None, reading: Reading) -> Flags:
    """Which rows, (n,), have a time that can be; the others go to ``reading.rejected``, in order."""
    missing, outside = np.isnan(times.mjd_utc), ~in_range(times.mjd_utc, now_mjd)
    keep: Flags = ~(missing | outside)
    for at in np.flatnonzero(~keep).tolist():
        reading.rejected.append(_timeless(at, time, times, bool(missing[at])))
    return keep


def _absurd(brightness: Brightness) -> Flags:
    """Rows with a flux, error or limit that no instrument measures, and whose ratios would overflow."""
    flux = np.abs(brightness.flux_ujy)
    positive = (brightness.flux_error_ujy, brightness.limit_flux_ujy, np.where(flux == 0, np.nan, flux))
    absurd: Flags = np.zeros(len(flux), dtype=np.bool_)
    for values in positive:
        absurd |= (values < SMALLEST_UJY) | (values > LARGEST_UJY)
    return absurd


def _absurdity(at: int, value: Column) -> RejectedRow:
    words = f'row {at + 1}, column {value.name}: "{value.cells[at]}", or its error or limit, is no brightness that can'
    return RejectedRow(at + 1, "OUT_OF_RANGE", f"{words} be measured; check the unit", value.name)


def _bandless(at: int, name: str) -> RejectedRow:
    words = f"row {at + 1}: no band in column {name}; fill it in, or name the band of such rows with option band"
    return RejectedRow(at + 1, "MISSING_BAND", words, name)


def _rejection(
    at: int, time: Column, value: Column, times: Times, missing: bool, outside: bool, unreadable: bool
) -> RejectedRow:
    row = at + 1
    if missing or outside:
        return _timeless(at, time, times, missing)
    if unreadable:
        text = f'row {row}, column {value.name}: "{value.cells[at]}" is not a number'
        return RejectedRow(row, "UNREADABLE_NUMBER", text, value.name)
    return RejectedRow(row, "NO_MEASUREMENT", f"row {row}: no measurement in column {value.name}", value.name)


def _timeless(at: int, time: Column, times: Times, missing: bool) -> RejectedRow:
    row = at + 1
    if missing and is_leap_second(str(time.cells[at])):
        text = f'row {row}, column {time.name}: "{time.cells[at]}" {LEAP_SECOND_WORDS}'
        return RejectedRow(row, "LEAP_SECOND", text, time.name)
    if missing and times.unreadable[at]:
        text = f'row {row}, column {time.name}: cannot read the time "{time.cells[at]}"'
        return RejectedRow(row, "UNREADABLE_TIME", text, time.name)
    if missing:
        return RejectedRow(row, "MISSING_TIME", f"row {row}: no time in column {time.name}", time.name)
    mjd = float(times.mjd_utc[at])
    when = f"is year {year_of(mjd)}" if abs(mjd) < 1e7 else "is no date"
    return RejectedRow(row, "TIME_OUT_OF_RANGE", f"row {row}: time {time.cells[at]} {when}", time.name)


def check_texts(found: Photometry | Astrometry, reading: Reading) -> Flags:
    """Which rows, (n,), have texts that can be stored and read by people; the others go to ``reading.rejected``."""
    keep: Flags = np.ones(len(found), dtype=np.bool_)
    for name in LONGEST_TEXTS:
        cells = getattr(found, name, None)
        if cells is None:
            continue
        known = set(cells.tolist()) - {None}
        refused = {text for text in known if _text_refusal(0, name, text) is not None}
        for at in np.flatnonzero(keep).tolist() if refused else ():
            if cells[at] in refused:
                keep[at] = False
                reading.rejected.extend(filter(None, [_text_refusal(int(found.row[at]), name, cells[at])]))
    return keep


def _text_refusal(row: int, name: str, text: str) -> RejectedRow | None:
    """The rejection of a row with a text that is too long, or does not show as itself; None for any other."""
    if len(text) > LONGEST_TEXTS[name]:
        return too_long(row, name, text)
    if is_printable_name(text):
        return None
    words = f"row {row}: {name.replace('_', ' ')} holds a line end, a control character or one that turns the direction"
    return RejectedRow(row, "UNPRINTABLE_TEXT", f"{words} of text; write it in one plain line", name)


def too_long(row: int, name: str, text: str) -> RejectedRow:
    """The rejection of a row with a text that cannot be stored."""
    words = f"row {row}: {name.replace('_', ' ')} has {len(text)} characters; at most {LONGEST_TEXTS[name]} fit"
    return RejectedRow(row, "TEXT_TOO_LONG", words, name)


def nothing_taken(file_name: str, size: int, reading: Reading) -> UnreadableFile:
    """The refusal of a table without a single good row; lists the first rows and counts the rest.

    ``details["reading"]`` is the reading with all of them, for those who report row by row.
    """
    if not size:
        return UnreadableFile(f"{file_name}: there are no rows.")
    listed = "; ".join(rejected.message for rejected in reading.rejected[:_SHOWN])
    more = len(reading.rejected) - _SHOWN
    tail = f"; and {more} more" if more > 0 else ""
    return UnreadableFile(f"{file_name}: no row can be taken: {listed}{tail}.", reading=reading)


def check_objects(column: Column | None, target_names: Sequence[str], file_name: str, reading: Reading) -> Flags | bool:
    """Rows of the target in a table of several objects.

    Raises `UnreadableFile` when several objects are named and none is the target.
    """
    if column is None:
        return True
    wanted = {simplify_name(name) for name in target_names}
    names = sorted({text for text in column.texts if text is not None})
    if len(names) < 2:
        if names and wanted and simplify_name(names[0]) not in wanted:
            message = f'column {column.name} says "{names[0]}", which is no name or alias of this target'
            reading.notes.append(Note("WARNING", "OTHER_NAME", message))
        return True
    ours = np.array([text is not None and simplify_name(text) in wanted for text in column.texts], dtype=np.bool_)
    if not ours.any():
        listed = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        raise UnreadableFile(
            f"{file_name}: {len(names)} star names in column {column.name}; none is a name or alias of this target: "
            f"{listed}"
        )
    others = int(np.count_nonzero(~ours))
    reading.notes.append(Note("INFO", "OTHER_OBJECTS", f"{rows_text(others)} of other objects skipped", count=others))
    return ours


def check_distance(ra: Column | None, dec: Column | None, target: tuple[float, float] | None, reading: Reading) -> None:
    """Note the rows whose own position is more than 5 arcsec from the target's (ICRS degrees)."""
    if ra is None or dec is None or target is None:
        return
    distances = separation_arcsec(_degrees(ra, parse_right_ascension), _degrees(dec, parse_declination), *target)
    far = np.nan_to_num(distances) > FAR_ARCSEC
    count = int(np.count_nonzero(far))
    if count:
        verb = "is" if count == 1 else "are"
        message = f"{rows_text(count)} {verb} more than 5 arcsec from the target (max {np.nanmax(distances):.1f})"
        reading.notes.append(Note("WARNING", "FAR_FROM_TARGET", message, int(np.argmax(far)) + 1, count))


def _degrees(column: Column, parse: Callable[[str], float]) -> NDArray[np.float64]:
    if not column.numbers.unreadable.any():
        return column.numbers.values
    known = {text: _parsed(text, parse) for text in set(column.texts)}
    return np.array([known[text] for text in column.texts])


def _parsed(text: str | None, parse: Callable[[str], float]) -> float:
    try:
        return parse(text) if text else math.nan
    except InvalidCoordinates:
        return math.nan
