"""Brightness of a photometric row in SQL: the same rules as `tomgql.domain.photometry`, for whole lists at once.

Null where a value is undefined, never NaN: logarithms are guarded by the sign of the flux.
"""

from __future__ import annotations

from tomgql.domain.bands import BANDS
from tomgql.domain.photometry import (
    AB_ZERO_POINT_UJY,
    FLUX_UNITS_UJY,
    MAGNITUDES_PER_RELATIVE_ERROR,
    nsigma_in_range,
)
from tomgql.errors import InvalidInput
from tomgql.reading.catalog.model import RowContext
from tomgql.store.sql import literal


def flux(column: str, context: RowContext) -> str:
    """A flux column (uJy) in the unit of the argument ``unit`` or ``fluxUnit``."""
    unit = context.arguments.get("unit") or context.arguments.get("fluxUnit") or "UJY"
    size = FLUX_UNITS_UJY[unit]
    return f"{context.row}.{column}" if size == 1.0 else f"{context.row}.{column} / {size!r}::float8"


def detection(context: RowContext) -> str:
    """Whether the row is a detection at ``nSigma``. Never null.

    Of an uncalibrated magnitude its error decides; without one, as of a flux, it is taken at its word.
    """
    row, nsigma = context.row, sigmas(context)
    return (
        f"case when {row}.flux_ujy is null then {row}.reported_magnitude is not null"
        f" and coalesce({nsigma} * {row}.reported_magnitude_error <= {MAGNITUDES_PER_RELATIVE_ERROR!r}::float8, true)"
        f" else {row}.flux_ujy > 0 and ({row}.flux_error_ujy is null"
        f" or {row}.flux_ujy >= {nsigma} * {row}.flux_error_ujy) end"
    )


def magnitude(context: RowContext) -> str:
    """Magnitude in ``system``; null where the row is not a detection at ``nSigma``."""
    row = context.row
    if _system(context) == "AS_REPORTED":
        return f"case when {detection(context)} then {row}.reported_magnitude end"
    value = magnitude_of(f"{row}.flux_ujy", context)
    return f"case when {row}.flux_ujy > 0 and ({detection(context)}) then {value} end"


def magnitude_error(context: RowContext) -> str:
    """One-sigma error of the magnitude; null where the flux is not positive."""
    row = context.row
    factor = f"{MAGNITUDES_PER_RELATIVE_ERROR!r}::float8"
    return (
        f"case when {row}.flux_ujy > 0 then {factor} * {row}.flux_error_ujy / {row}.flux_ujy"
        f" when {row}.flux_ujy is null then {row}.reported_magnitude_error end"
    )


def limit(context: RowContext) -> str:
    """Upper limit at ``nSigma`` as a magnitude: from the error of the flux, else from the limit as reported.

    A limit of unknown sigma is given as it is; rescaling it would be a guess. AS_REPORTED is what was written.
    """
    if _system(context) == "AS_REPORTED":
        sigmas(context)
        return f"{context.row}.reported_limit"
    return magnitude_of(f"({limit_flux(context)})", context)


def calibrated(context: RowContext) -> str:
    """Whether flux or limit of the row are known in physical units. Never null."""
    row = context.row
    return f"coalesce({row}.flux_ujy, {row}.flux_error_ujy, {row}.limit_flux_ujy) is not null"


def limit_flux(context: RowContext) -> str:
    """Upper limit at ``nSigma`` in uJy."""
    row, nsigma = context.row, sigmas(context)
    return (
        f"coalesce({row}.flux_error_ujy * {nsigma}, {row}.limit_flux_ujy * coalesce({nsigma} / {row}.limit_nsigma, 1))"
    )


def magnitude_of(flux_ujy: str, context: RowContext) -> str:
    """Magnitude in ``system`` of a positive flux expression; null for Vega where the band has no offset."""
    ab = f"{AB_ZERO_POINT_UJY!r}::float8 - 2.5::float8 * log({flux_ujy})"
    if _system(context) == "VEGA":
        return f"{ab} - {_vega_offset(context.row)}"
    return ab


def sigmas(context: RowContext) -> str:
    """The bound argument ``nSigma``; raises InvalidInput outside its range."""
    given = context.arguments.get("nSigma")
    nsigma = 3.0 if given is None else float(given)
    if not nsigma_in_range(nsigma):
        raise InvalidInput(f"nSigma must lie between 0.000001 and 1000000, not {nsigma!r}.", path=["nSigma"])
    return context.bind(nsigma, "float8")


def _system(context: RowContext) -> str:
    return str(context.arguments.get("system") or "AB")


def _vega_offset(row: str) -> str:
    """AB minus Vega of the row's band; 0 has no part in it, so unknown bands give null and so null magnitudes."""
    offsets = {band.name: band.ab_minus_vega for band in BANDS if band.ab_minus_vega is not None}
    cases = " ".join(f"when {literal(name)} then {offset!r}::float8" for name, offset in offsets.items())
    return f"case {row}.band {cases} end"
