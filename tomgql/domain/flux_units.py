"""From a flux column's unit or zero point to microjansky.

A zero point is the AB magnitude of one unit, unless the rows state another system. SNANA's FLUXCAL has the zero
point 27.5 by definition (SNANA manual, section 4.6). A unit that is no flux density per frequency (photons, counts)
leaves the flux uncalibrated.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tomgql.domain import photometry
from tomgql.domain.cells import Column
from tomgql.domain.measurements import FloatColumn, Note
from tomgql.domain.options import ColumnOptions
from tomgql.domain.synonyms import normalise, split_unit
from tomgql.domain.systems import Systems

_FLUXCAL_ZERO_POINT = 27.5
_SPELLINGS = {"mujy": "UJY", "μjy": "UJY", "µjy": "UJY", "microjy": "UJY", "microjansky": "UJY", "millijansky": "MJY",
              "jansky": "JY", "nanojansky": "NJY", "microjanskys": "UJY"}  # fmt: skip


@dataclass
class FluxScale:
    """``factor``: uJy of one unit of flux, a number or (n,), NaN where uncalibrated; ``label`` names the unit."""

    factor: FloatColumn | float
    label: str
    notes: list[Note] = field(default_factory=list)


def read_scale(flux: Column, zero_point: Column | None, options: ColumnOptions, systems: Systems) -> FluxScale | None:
    """What one unit of the flux column is in uJy; None when neither a unit nor a zero point is known."""
    unit = options.flux_unit or flux.unit or split_unit(flux.name)[1]
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


def _zero_point_scale(points: FloatColumn | float, systems: Systems) -> FluxScale:
    factor = photometry.flux_from_zero_point(1.0, points, systems.zero_point_offset)
    known = np.unique(points)
    label = f"zero point {float(known[0])!r}" if len(known) == 1 else "zero points by row"
    notes = []
    if not any(system in ("AB", "Vega") for system in set(systems.system.tolist())):
        notes.append(Note("INFO", "SYSTEM_ASSUMED", "the zero point is taken as AB"))
    return FluxScale(factor, label, notes)


def _unit_scale(unit: str) -> FluxScale:
    plain = unit.strip().lower()
    factor = photometry.FLUX_UNITS_UJY.get(_SPELLINGS.get(plain, plain.upper()))
    if factor is None:
        factor = _astropy_factor(unit)
    if factor is not None:
        return FluxScale(factor, unit)
    message = f'flux unit "{unit}" is no flux density per frequency; kept as reported, without a flux in uJy'
    return FluxScale(np.nan, unit, [Note("WARNING", "UNCALIBRATED", message)])


def _astropy_factor(unit: str) -> float | None:
    from astropy import units

    try:
        return float(units.Unit(unit).to(units.uJy))
    except (ValueError, TypeError, units.UnitConversionError):
        return None
