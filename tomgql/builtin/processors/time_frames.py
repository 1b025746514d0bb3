"""What the headers of FITS and VOTable files say about a column of times, as options of columns.

Sources: FITS time coordinates (Rots et al. 2015, A&A 574, A36) and VOTable 1.4, TIMESYS. A day that times count from,
a scale, and a place where they are counted: barycentre, heliocentre, or one close to the Earth.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tomgql.builtin.processors.readings import derived
from tomgql.domain.cells import Column
from tomgql.domain.time import TO_UTC
from tomgql.errors import UnreadableFile

MJD_ORIGIN, JD_ORIGIN = 2400000.5, 0.0
"""Days from which MJD and JD count."""

_PLACES = {
    "BARYCENTER": "bjd", "BARYCENTRIC": "bjd", "SOLARSYSTEM": "bjd", "BARYCENT": "bjd",
    "HELIOCENTER": "hjd", "HELIOCENTRIC": "hjd", "HELIOCEN": "hjd",
}  # fmt: skip
_SCALES = {"et": "tdb", "tdt": "tt", "iat": "tai", "ut": "utc", "gmt": "utc"}
_UNKNOWN = frozenset({"", "unknown", "local"})
_DAYS = {"d": 1.0, "day": 1.0, "days": 1.0, "s": 1 / 86400, "sec": 1 / 86400, "seconds": 1 / 86400, "h": 1 / 24,
         "hr": 1 / 24, "min": 1 / 1440, "yr": 365.25, "a": 365.25, "cy": 36525.0}  # fmt: skip


def time_facts(day: float | None, scale: str, place: str, file_name: str) -> dict[str, Any]:
    """Options for a column that counts days from the Julian date ``day``; None where only scale and place are said.

    Raises `UnreadableFile` for scales that cannot be converted.
    """
    facts: dict[str, Any] = {}
    known = _scale(scale, file_name)
    if known is not None:
        facts["time_scale"] = known
    if day is not None:
        form = _PLACES.get(place.strip().upper(), "jd")
        same = form == "jd" and day == MJD_ORIGIN
        facts["time_format"] = "mjd" if same else form if day == JD_ORIGIN else f"{form}-{day:.15g}"
    return facts


def _scale(text: str, file_name: str) -> str | None:
    plain = text.strip().lower()
    scale = _SCALES.get(plain, plain)
    if scale in _UNKNOWN:
        return None
    if scale not in TO_UTC:
        known = ", ".join(TO_UTC)
        raise UnreadableFile(f'{file_name}: time scale "{text}" is not one of {known}; convert the times first.')
    return scale


def in_days(column: Column, unit: str | None, zero: float = 0.0) -> dict[str, Column]:
    """The times in days; ``zero``, in the same unit, is added to each. Empty where nothing changes."""
    factor = _DAYS.get((unit or "d").strip().lower(), 1.0)
    if factor == 1.0 and zero == 0.0:
        return {}
    values = (column.numbers.values + zero) * factor
    return derived(f"{column.name} in days", np.where(np.isfinite(values), values, np.nan))
