"""Magnitudes, fluxes, errors and limits of a table, brought to microjansky.

A flux with a known unit goes before a magnitude; what was reported stays beside it. A value that only says "none"
(99.99, -999...) is none; so is a magnitude outside -30 to 40 and an error not between 0 and 10.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tomgql.domain import photometry
from tomgql.domain.cells import Column
from tomgql.domain.flux_units import FluxScale, magnitude_factor
from tomgql.domain.measurements import FloatColumn, Note, TextColumn, rows_text
from tomgql.domain.systems import Systems

Flags = NDArray[np.bool_]

SENTINELS = (99.0, 99.9, 99.99, 99.999, 999.0, 9999.0, -99.0, -99.9, -99.99, -999.0, -9999.0, -9.0, 1e32, -1e32)
"""Numbers that stand for "no value" in magnitudes and errors of real files."""

_FLUX_SENTINELS = (-999.0, -9999.0, -99999.0, 1e32, -1e32)
"""Numbers that are no flux even where no error can tell."""

_MAGNITUDE_RANGE = (-30.0, 40.0)
_LARGEST_ERROR = 10.0
"""Magnitudes: from here an error stands for "none"."""

_LARGE_ERROR = 1.0
_LARGEST_DISAGREEMENT = 0.05
"""Magnitudes between a row's flux and its magnitude, in the median: more than rounding and zero points explain."""

_NEGATIVE = frozenset({"f", "false", "-1", "-1.0", "0", "0.0", "n", "no", "-"})
"""Cells of ZTF's isdiffpos that mean "fainter than the reference"."""

_FORCED_NSIGMA = 3.0
"""The sigma of the limit of a row with an error but no flux."""


@dataclass
class Brightness:
    """Brightness of ``n`` rows; ``measured`` where anything is known, ``unreadable`` where the value is no number."""

    flux_ujy: FloatColumn
    flux_error_ujy: FloatColumn
    limit_flux_ujy: FloatColumn
    limit_nsigma: FloatColumn
    reported: FloatColumn
    reported_error: FloatColumn
    reported_system: TextColumn
    reported_limit: FloatColumn
    measured: Flags
    unreadable: Flags
    notes: list[Note]


@dataclass
class Columns:
    """The columns that speak of brightness, None where there is none."""

    magnitude: Column | None = None
    magnitude_error: Column | None = None
    flux: Column | None = None
    flux_error: Column | None = None
    limit: Column | None = None
    limit_flux: Column | None = None
    is_limit: Column | None = None
    sign: Column | None = None
    """Of magnitudes of difference images: whether the source is brighter or fainter than the reference."""


def read_brightness(
    columns: Columns, size: int, systems: Systems, scale: FluxScale | None, limit_nsigma: float
) -> Brightness:
    """Every row's brightness. ``scale`` is None where the flux has no unit; then magnitudes alone count."""
    uncalibrated = scale is None or bool(np.isnan(scale.factor).all())
    if uncalibrated and columns.magnitude is not None and columns.magnitude_error is None:
        columns = replace(columns, magnitude_error=_errors_of_counts(columns))
    found = _from_magnitudes(columns, size, systems, limit_nsigma)
    if scale is None:
        return found
    return _merge(_from_fluxes(columns, size, scale, limit_nsigma), found)


def _errors_of_counts(columns: Columns) -> Column | None:
    """Errors of magnitudes from a flux in any unit and its error, such as Gaia's electrons a second."""
    if columns.flux is None or columns.flux_error is None:
        return None
    errors = photometry.magnitude_error(columns.flux.numbers.values, columns.flux_error.numbers.values)
    return Column(columns.flux_error.name, errors, unit="mag", derived=True)


def _values(column: Column | None, size: int) -> FloatColumn:
    return column.numbers.values.copy() if column is not None else np.full(size, np.nan)


def _flags(column: Column | None, size: int, name: str) -> Flags:
    return getattr(column.numbers, name) if column is not None else np.zeros(size, dtype=np.bool_)


def _magnitudes(column: Column | None, size: int) -> FloatColumn:
    given = _values(column, size)
    values = given * magnitude_factor(column)
    low, high = _MAGNITUDE_RANGE
    values[np.isin(given, SENTINELS) | (values < low) | (values > high)] = np.nan
    return values


def _where_known(values: FloatColumn, texts: TextColumn) -> TextColumn:
    """The texts, None where there is no value."""
    chosen = texts.copy()
    chosen[np.isnan(values)] = None
    return chosen


def _is_limit(columns: Columns, size: int) -> Flags:
    """Rows whose magnitude is a limit: by ``<`` or ``>``, or by a column that says so."""
    prefixed = _flags(columns.magnitude, size, "is_limit")
    if columns.is_limit is None:
        return prefixed
    yes = {"1", "1.0", "t", "true", "y", "yes", "<", ">"}
    return prefixed | np.array([(text or "").lower() in yes for text in columns.is_limit.texts], dtype=np.bool_)


def _from_magnitudes(columns: Columns, size: int, systems: Systems, limit_nsigma: float) -> Brightness:
    is_limit = _is_limit(columns, size)
    given, depth = _magnitudes(columns.magnitude, size), _magnitudes(columns.limit, size)
    limit = np.where(is_limit & ~np.isnan(given), given, depth)
    magnitude = np.where(is_limit, np.nan, given)
    notes: list[Note] = []
    factor = magnitude_factor(columns.magnitude_error, magnitude_factor(columns.magnitude))
    error = _errors(columns.magnitude_error, magnitude, factor, notes)
    flux = photometry.flux_from_magnitude(magnitude, systems.magnitude_offset) * _signs(columns.sign, magnitude, notes)
    limit_ujy = photometry.flux_from_magnitude(limit, systems.magnitude_offset)
    return Brightness(
        flux, photometry.flux_error(flux, error), limit_ujy, np.where(np.isnan(limit_ujy), np.nan, limit_nsigma),
        magnitude, error, _where_known(magnitude, systems.system), limit,
        ~np.isnan(magnitude) | ~np.isnan(limit), _flags(columns.magnitude, size, "unreadable"), notes,
    )  # fmt: skip


def _signs(column: Column | None, magnitude: FloatColumn, notes: list[Note]) -> FloatColumn | float:
    """-1 where a difference magnitude stands for a source fainter than the reference."""
    if column is None:
        return 1.0
    negative = np.array([(text or "").lower() in _NEGATIVE for text in column.texts], dtype=np.bool_)
    words = f"fainter than the reference image by column {column.name}; stored as negative flux"
    _warn(notes, "NEGATIVE_DIFFERENCE", negative & ~np.isnan(magnitude), words, "INFO")
    return np.where(negative, -1.0, 1.0)


def _errors(column: Column | None, magnitude: FloatColumn, factor: float, notes: list[Note]) -> FloatColumn:
    """Errors in magnitudes. Those above 1 mag are kept: without its error a faint guess would pass for certain."""
    given = _values(column, len(magnitude))
    if factor != 1.0:
        given = np.where(np.isin(given, SENTINELS), np.nan, given * factor)
    measured = ~np.isnan(magnitude)
    error = np.where((given > 0) & (given < _LARGEST_ERROR) & measured, given, np.nan)
    if column is not None and np.isnan(factor):
        message = f"column {column.name} states a unit that is no magnitude; its errors are not stored"
        notes.append(Note("WARNING", "MISSING_ERROR", message, count=int(np.count_nonzero(measured))))
    elif column is not None:
        missing = measured & np.isnan(error)
        _warn(notes, "MISSING_ERROR", missing, "magnitude errors missing, 0, negative or above 10; not stored")
        _warn(notes, "LARGE_ERROR", error > _LARGE_ERROR, "magnitude errors above 1 mag")
    return error


def _warn(notes: list[Note], code: str, rows: Flags, words: str, level: Any = "WARNING") -> None:
    count = int(np.count_nonzero(rows))
    if count:
        notes.append(Note(level, code, f"{words} ({rows_text(count)})", row=int(np.argmax(rows)) + 1, count=count))


def _from_fluxes(columns: Columns, size: int, scale: FluxScale, limit_nsigma: float) -> Brightness:
    given, given_error = _values(columns.flux, size), _values(columns.flux_error, size)
    no_error = ~(given_error > 0) | ((given_error == given) & np.isin(given, SENTINELS))
    none = np.isin(given, _FLUX_SENTINELS) | (no_error & np.isin(given, SENTINELS) & (columns.flux_error is not None))
    given[none] = np.nan
    given_error[no_error | np.isin(given_error, _FLUX_SENTINELS)] = np.nan
    notes = list(scale.notes)
    if columns.flux_error is not None:
        missing = ~np.isnan(given) & np.isnan(given_error)
        _warn(notes, "MISSING_ERROR", missing, "flux errors missing, 0 or negative; not stored")
    limit, nsigma = _flux_limits(columns, given, given_error, scale, limit_nsigma, notes)
    flux, error = given * scale.factor, given_error * _factor(scale, scale.error_factor)
    _warn(notes, "NOT_POSITIVE", flux <= 0, "zero or negative flux; kept as flux, no detection", "INFO")
    system = _where_known(given, np.full(size, scale.label, dtype=object))
    no_limit = np.isnan(given_error) | np.isnan(scale.factor)  # an error in counts alone is no limit either
    measured = ~(np.isnan(given) & no_limit & np.isnan(_values(columns.limit_flux, size)))
    none_reported = np.full(size, np.nan)  # as a magnitude; the flux as it came stays with the row's own columns
    return Brightness(flux, error, limit, nsigma, none_reported, none_reported.copy(), system,
                      none_reported.copy(), measured, _flags(columns.flux, size, "unreadable"), notes)  # fmt: skip


def _factor(scale: FluxScale, own: float | None) -> FloatColumn | float:
    return scale.factor if own is None else own


def _flux_limits(
    columns: Columns, given: FloatColumn, given_error: FloatColumn, scale: FluxScale, stated: float, notes: list[Note]
) -> tuple[FloatColumn, FloatColumn]:
    """Limits in uJy and their sigmas: of a limit column, else three errors where the flux itself is missing."""
    limit: FloatColumn = _values(columns.limit_flux, len(given)) * _factor(scale, scale.limit_factor)
    forced = np.isnan(limit) & np.isnan(given) & ~np.isnan(given_error) & ~np.isnan(scale.factor)
    _warn(notes, "FORCED_LIMIT", forced, "an error but no flux; stored as limit at 3 sigma", "INFO")
    nsigma = np.where(forced, _FORCED_NSIGMA, np.where(np.isnan(limit), np.nan, stated))
    limit = np.where(forced, _FORCED_NSIGMA * given_error * _factor(scale, scale.error_factor), limit)
    return limit, np.where(np.isnan(limit), np.nan, nsigma)


def _merge(fluxes: Brightness, magnitudes: Brightness) -> Brightness:
    """Row by row the flux where there is one, else what the magnitude says; reported is the magnitude, if any."""
    by_flux = ~np.isnan(fluxes.flux_ujy)
    by_magnitude = ~np.isnan(magnitudes.reported)
    stated = ~np.isnan(magnitudes.limit_flux_ujy)
    use_error = by_flux | ~by_magnitude
    return Brightness(
        flux_ujy=np.where(by_flux, fluxes.flux_ujy, magnitudes.flux_ujy),
        flux_error_ujy=np.where(use_error, fluxes.flux_error_ujy, magnitudes.flux_error_ujy),
        limit_flux_ujy=np.where(stated, magnitudes.limit_flux_ujy, fluxes.limit_flux_ujy),
        limit_nsigma=np.where(stated, magnitudes.limit_nsigma, fluxes.limit_nsigma),
        reported=np.where(by_magnitude, magnitudes.reported, fluxes.reported),
        reported_error=np.where(by_magnitude, magnitudes.reported_error, fluxes.reported_error),
        reported_system=np.where(by_magnitude, magnitudes.reported_system, fluxes.reported_system),
        measured=fluxes.measured | magnitudes.measured,
        unreadable=fluxes.unreadable | magnitudes.unreadable,
        reported_limit=magnitudes.reported_limit,
        notes=[*fluxes.notes, *magnitudes.notes, *_disagreement(fluxes.flux_ujy, magnitudes.flux_ujy)],
    )


def _disagreement(by_flux: FloatColumn, by_magnitude: FloatColumn) -> list[Note]:
    """A warning when the fluxes in uJy that two columns state differ too much."""
    both = (by_flux > 0) & (by_magnitude > 0)
    if not both.any():
        return []
    differences = photometry.magnitude_from_flux(by_flux[both]) - photometry.magnitude_from_flux(by_magnitude[both])
    median, count = float(np.median(np.abs(differences))), int(np.count_nonzero(both))
    if median <= _LARGEST_DISAGREEMENT:
        return []
    words = f"flux and magnitude differ by {median:.2f} mag in the median ({rows_text(count)}); the flux is used"
    return [Note("WARNING", "FLUX_MAGNITUDE_DIFFER", words, row=int(np.argmax(both)) + 1, count=count)]
