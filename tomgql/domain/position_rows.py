"""Named columns of any origin, read as astrometry: measured positions, ICRS.

Times follow the rules of photometry. A bad row never takes the good ones with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tomgql.domain.astrometry import Astrometry
from tomgql.domain.cells import Column
from tomgql.domain.column_uses import column_uses
from tomgql.domain.measurements import FloatColumn, Reading, RejectedRow
from tomgql.domain.options import ColumnOptions
from tomgql.domain.positions import parse_declination, parse_right_ascension
from tomgql.domain.reported import reported_texts
from tomgql.domain.row_checks import Flags, check_distance, check_texts, check_times
from tomgql.domain.synonyms import SYNONYMS, normalise, split_unit
from tomgql.domain.tables import Cells, Table, objects
from tomgql.domain.time_columns import Times, read_times
from tomgql.errors import InvalidCoordinates, InvalidUnit

_ARCSEC = {"arcsec": 1.0, "arcseconds": 1.0, '"': 1.0, "mas": 1e-3, "deg": 3600.0, "degree": 3600.0, "degrees": 3600.0}
"""Arcsec in one unit that the name of a column of errors may hold."""

LARGEST_ERROR_ARCSEC = 648_000.0
"""Half a circle: a larger error is none."""


def _with_units(*names: str) -> tuple[str, ...]:
    return tuple(name + unit for name in names for unit in ("", "arcsec", "mas", "deg"))


POSITION_SYNONYMS: dict[str, tuple[str, ...]] = {
    "ra": SYNONYMS["ra"],
    "dec": SYNONYMS["dec"],
    "ra_error": _with_units("raerror", "raerr", "era", "rmsra", "sigmara", "raunc", "rasigma"),
    "dec_error": _with_units("decerror", "decerr", "edec", "rmsdec", "sigmadec", "decunc", "decsigma"),
    "observatory_code": ("observatorycode", "obscode", "mpccode", "stn"),
    "telescope": SYNONYMS["telescope"],
    "instrument": SYNONYMS["instrument"],
    "source": SYNONYMS["source"],
    "exposure": SYNONYMS["exposure"],
    "external_id": (*SYNONYMS["external_id"], "id"),
}
"""Normalised names by meaning, best first; times have their own rules."""


def interpret_astrometry(
    columns: Mapping[str, Cells], options: ColumnOptions, *, file_name: str, default_source: str = "",
    target_position: tuple[float, float] | None = None, now_mjd: float | None = None,
) -> Reading:  # fmt: skip
    """One position a row, with notes and rejected rows; row numbers count from 1.

    Positions are decimal degrees or sexagesimal (right ascension in hours then), ICRS. Errors are arcsec on the sky
    unless the name of their column ends in mas or deg; an error of 0 is none.

    Raises `UnreadableFile` without columns of time, ra and dec, and for ambiguous times, `InvalidUnit` for errors in
    another unit.
    """
    table = Table(columns, options, file_name, POSITION_SYNONYMS)
    time_column, notes = table.times()
    ra, dec = table.require("ra", "ra, raDeg"), table.require("dec", "dec, decDeg")
    times = read_times(time_column, table.options, table.exposure(), file_name, target_position)
    reading = Reading(notes=[*notes, *times.notes])
    reading.columns = column_uses(table.columns, table.roles, _units(table, times))
    keep = check_times(time_column, times, now_mjd, reading)
    position = {
        "ra_deg": _degrees(ra, parse_right_ascension, keep, reading),
        "dec_deg": _degrees(dec, parse_declination, keep, reading),
        "ra_error_arcsec": _errors(table.find("ra_error"), keep, reading),
        "dec_error_arcsec": _errors(table.find("dec_error"), keep, reading),
    }
    check_distance(ra, dec, target_position, reading)
    found = _astrometry(table, times, position, default_source).take(keep)
    reading.astrometry = found.take(check_texts(found, reading))
    reading.rejected.sort(key=lambda rejected: rejected.row)
    return reading


def _units(table: Table, times: Times) -> dict[str, str]:
    """How the values of each meaning are taken, for people."""
    errors = {role: table.find(role) for role in ("ra_error", "dec_error")}
    units = {role: _error_unit(column) for role, column in errors.items() if column is not None}
    positions = {"ra": "deg, or hours where sexagesimal", "dec": "deg, or sexagesimal"}
    return units | positions | {"time": times.taken, "exposure": "s"}


def _astrometry(table: Table, times: Times, position: Mapping[str, Any], default_source: str) -> Astrometry:
    texts = table.text_columns(default_source)
    return Astrometry(
        mjd_utc=times.mjd_utc, **position, **texts,
        observatory_code=objects(table.texts("observatory_code", None)),
        time_quality=np.full(table.size, times.quality, dtype=object),
        reported=reported_texts([column for column in table.columns if not column.derived]),
        row=np.arange(1, table.size + 1),
    )  # fmt: skip


def _degrees(column: Column, parse: Callable[[Any], float], keep: Flags, reading: Reading) -> FloatColumn:
    """Degrees of the rows that are still kept; others are rejected, once each."""
    degrees = np.full(len(keep), np.nan)
    for at in np.flatnonzero(keep).tolist():
        try:
            degrees[at] = _parsed(column, at, parse)
        except InvalidCoordinates as fault:
            keep[at] = False
            words = f"row {at + 1}, column {column.name}: {fault.message}"
            reading.rejected.append(RejectedRow(at + 1, fault.code, words, column.name))
    return degrees


def _parsed(column: Column, at: int, parse: Callable[[Any], float]) -> float:
    cell = column.cells[at]
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        raise InvalidCoordinates("there is no position")
    if isinstance(cell, bool) or not isinstance(cell, (str, int, float)):
        raise InvalidCoordinates("write a position as decimal degrees, or as text such as 10:20:30.5")
    try:
        return parse(cell)
    except OverflowError:
        raise InvalidCoordinates("the number is too large") from None
    except InvalidCoordinates as fault:
        raise InvalidCoordinates(fault.message[:200]) from None


def _errors(column: Column | None, keep: Flags, reading: Reading) -> FloatColumn:
    """Errors in arcsec, NaN where they are not known; rows with an impossible one are rejected."""
    if column is None:
        return np.full(len(keep), np.nan)
    errors = column.numbers.values * _ARCSEC[_error_unit(column)]
    wrong = column.numbers.unreadable | column.numbers.is_limit | (errors < 0) | (errors > LARGEST_ERROR_ARCSEC)
    for at in np.flatnonzero(wrong & keep).tolist():
        keep[at] = False
        words = f'row {at + 1}, column {column.name}: "{str(column.cells[at])[:40]}" is no error of a position'
        reading.rejected.append(RejectedRow(at + 1, "INVALID_ERROR", words, column.name))
    return np.where(errors > 0, errors, np.nan)


def _error_unit(column: Column) -> str:
    """The unit of a column of errors, which may stand in brackets behind its name or at its end; else arcsec."""
    unit = (column.unit or split_unit(column.name)[1] or "").lower()
    if unit and unit not in _ARCSEC:
        raise InvalidUnit(f'Column {column.name}: "{unit[:40]}" is no unit of errors; write arcsec, mas or deg.')
    plain = normalise(column.name)
    return unit or next((name for name in _ARCSEC if plain.endswith(name)), "arcsec")
