"""Time scales in SQL: the same rules as `tomgql.domain.time`, as expressions over an MJD in UTC."""

from __future__ import annotations

from tomgql.domain.time import LEAP_SECONDS, SECONDS_PER_DAY, TDB_TERMS, TT_MINUS_TAI_S
from tomgql.reading.catalog.model import RowContext

_J2000_MJD = 51544.5


def mjd(context: RowContext) -> str:
    """The row's MJD in the scale of the argument ``scale`` or ``timeScale``."""
    scale = context.arguments.get("scale") or context.arguments.get("timeScale") or "UTC"
    utc = f"{context.row}.mjd"
    if scale == "UTC":
        return utc
    if scale == "TAI":
        return _tai(utc)
    terrestrial = _plus_seconds(_tai(utc), TT_MINUS_TAI_S)
    return terrestrial if scale == "TT" else _tdb(terrestrial)


def _tai(utc: str) -> str:
    steps = " ".join(f"when {utc} >= {start} then {seconds}" for start, seconds in reversed(LEAP_SECONDS))
    return f"({utc} + (case {steps} else {LEAP_SECONDS[0][1]} end)::float8 / {SECONDS_PER_DAY!r}::float8)"


def _plus_seconds(days: str, seconds: float) -> str:
    return f"({days} + {seconds!r}::float8 / {SECONDS_PER_DAY!r}::float8)"


def _tdb(terrestrial: str) -> str:
    centuries = f"(({terrestrial} - {_J2000_MJD!r}::float8) / 36525.0::float8)"
    terms = [f"0.000010::float8 * {centuries} * sin(628.3076::float8 * {centuries} + 4.2490::float8)"] + [
        f"{size!r}::float8 * sin({rate!r}::float8 * {centuries} + {phase!r}::float8)" for size, rate, phase in TDB_TERMS
    ]
    return f"({terrestrial} + ({' + '.join(terms)}) / {SECONDS_PER_DAY!r}::float8)"
