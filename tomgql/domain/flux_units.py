"""From a flux column's unit or zero point to microjansky.

A zero point is the AB magnitude of one unit, unless the rows state another system. SNANA's FLUXCAL has the zero
point 27.5 by definition (SNANA manual, section 4.6). A unit that is no flux density per frequency (photons, counts)
leaves the flux uncalibrated.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

import numpy as np

from tomgql.domain import photometry
from tomgql.domain.cells import Column
from tomgql.domain.measurements import FloatColumn, Note
from tomgql.domain.options import ColumnOptions
from tomgql.domain.synonyms import normalise, split_unit, stated_system
from tomgql.domain.systems import Systems

_FLUXCAL_ZERO_POINT = 27.5
_SPELLINGS = {"mujy": "UJY", "μjy": "UJY", "µjy": "UJY", "microjy": "UJY", "microjansky": "UJY", "millijansky": "MJY",
              "jansky": "JY", "nanojansky": "NJY", "microjanskys": "UJY", "nanomaggies": "NMGY",
              "nanomaggy": "NMGY"}  # fmt: skip


_MAGNITUDES = {"mag": 1.0, "mags": 1.0, "magnitude": 1.0, "magnitudes": 1.0, "mmag": 1e-3, "millimag": 1e-3}
_SYSTEM_NAMES = frozenset({"ab", "abflux", "vega", "st", "stflux"})
"""Astropy takes AB for a flux of 3631 Jy, but ``flux (AB)`` in a file only tells the system of its zero point."""

_NO_MAGNITUDES = frozenset({"%", "percent", "adu", "ct", "count", "counts", "electron"})


@dataclass
class FluxScale:
    """``factor``: uJy of one unit of flux, a number or (n,), NaN where uncalibrated; ``label`` names the unit.

    ``error_factor`` and ``limit_factor`` are those of the columns of errors and limits, None where the flux's holds.
    """

    factor: FloatColumn | float
    label: str
    notes: list[Note] = field(default_factory=list)
    error_factor: float | None = None
    limit_factor: float | None = None


def read_scale(flux: Column, zero_point: Column | None, options: ColumnOptions, systems: Systems) -> FluxScale | None:
    """What one unit of the flux column is in uJy; None when neither a unit nor a zero point is known."""
    unit = options.flux_unit or stated_unit(flux)
    if unit:
        return _unit_scale(unit)
    points: FloatColumn | float | None = options.zero_point
    if points is None and zero_point is not None:
        points = zero_point.numbers.values
    if points is None and normalise(flux.name) == "fluxcal":
        points = _FLUXCAL_ZERO_POINT
    if points is None:
        return None
    return _zero_point_scale(points, systems)


def add_own_units(scale: FluxScale, flux: Column, error: Column | None, limit: Column | None) -> None:
    """Give errors and limits the factor of their own unit, where their columns state another than the flux's."""
    scale.error_factor = _own_factor(scale, flux, error)
    scale.limit_factor = _own_factor(scale, flux, limit)


def _own_factor(scale: FluxScale, flux: Column, column: Column | None) -> float | None:
    own = stated_unit(column) if column is not None else None
    if column is None or own is None or own == stated_unit(flux):
        return None
    factor = _known_factor(own)
    if factor is None and not np.isnan(scale.factor).all():
        message = f'unit "{own}" of column {column.name} is no flux density per frequency; its values are not used'
        scale.notes.append(Note("WARNING", "UNCALIBRATED", message))
    return np.nan if factor is None else factor


def stated_unit(column: Column) -> str | None:
    """The unit that a column's metadata or name states; the name of a magnitude system is none."""
    unit = column.unit or split_unit(column.name)[1]
    return None if unit is not None and unit.strip().lower() in _SYSTEM_NAMES else unit


def _zero_point_scale(points: FloatColumn | float, systems: Systems) -> FluxScale:
    factor = photometry.flux_from_zero_point(1.0, points, systems.zero_point_offset)
    known = np.unique(points)
    label = f"zero point {float(known[0])!r}" if len(known) == 1 else "zero points by row"
    notes = []
    if not any(system in ("AB", "Vega") for system in set(systems.system.tolist())):
        notes.append(Note("INFO", "SYSTEM_ASSUMED", "the zero point is taken as AB"))
    return FluxScale(factor, label, notes)


def _unit_scale(unit: str) -> FluxScale:
    factor = _known_factor(unit)
    if factor is not None:
        return FluxScale(factor, unit)
    message = f'flux unit "{unit}" is no flux density per frequency; kept as reported, without a flux in uJy'
    return FluxScale(np.nan, unit, [Note("WARNING", "UNCALIBRATED", message)])


def _is_flux(unit: str) -> bool:
    """Whether a unit is one of flux; astropy also takes the names of magnitude systems for fluxes."""
    return stated_system(f"({unit})") is None and _known_factor(unit) is not None


def microjansky_of(unit: str | None) -> float:
    """How many uJy one of this unit holds; NaN where it is no flux density per frequency."""
    factor = _known_factor(unit) if unit and unit.strip().lower() not in _SYSTEM_NAMES else None
    return math.nan if factor is None else factor


def _known_factor(unit: str) -> float | None:
    plain = unit.strip().lower()
    factor = photometry.FLUX_UNITS_UJY.get(_SPELLINGS.get(plain, plain.upper()))
    return factor if factor is not None else _astropy_factor(unit)


def _astropy_factor(unit: str) -> float | None:
    from astropy import units

    try:
        return float(units.Unit(unit).to(units.uJy))
    except (ValueError, TypeError, units.UnitConversionError):
        return None


def magnitude_factor(column: Column | None, otherwise: float = 1.0) -> float:
    """Magnitudes of one unit of a column; ``otherwise`` where it states none, NaN where it states a flux or such."""
    unit = stated_unit(column) if column is not None else None
    if unit is None:
        return otherwise
    plain = unit.strip().lower()
    known = [_MAGNITUDES[word] for word in re.split(r"[^a-z]+", plain) if word in _MAGNITUDES]
    if known:
        return known[0]
    return math.nan if plain in _NO_MAGNITUDES or _is_flux(unit) else otherwise
