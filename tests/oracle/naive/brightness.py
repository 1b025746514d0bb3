"""Brightness of one photometric row by the formulas of DESIGN D8; None where a value is undefined.

AB magnitude = 23.9 - 2.5 log10(flux in uJy), Vega magnitude = AB magnitude - (AB - Vega of the band), error of a
magnitude = 2.5 / ln 10 times the relative error of the flux.
"""

from __future__ import annotations

import math

from tests.oracle.naive.sky import Row
from tomgql.domain.bands import BANDS

UJY_PER_UNIT = {"NJY": 1e-3, "UJY": 1.0, "MJY": 1e3, "JY": 1e6}

AB_MINUS_VEGA = {band.name: band.ab_minus_vega for band in BANDS}

DEFAULT_NSIGMA = 3.0


def in_unit(flux_ujy: float | None, unit: str | None) -> float | None:
    """A flux in another unit."""
    return None if flux_ujy is None else flux_ujy / UJY_PER_UNIT[unit or "UJY"]


def is_detection(row: Row, n_sigma: float | None = None) -> bool:
    """Whether the flux stands so many errors above zero; without an error, whether it is positive.

    Of a magnitude that could not be calibrated its error says the same; without one, its source saw it.
    """
    threshold = DEFAULT_NSIGMA if n_sigma is None else n_sigma
    if row.flux_ujy is None:
        error = row.reported_magnitude_error
        return row.reported_magnitude is not None and (error is None or threshold * error <= 2.5 / math.log(10))
    return row.flux_ujy > 0 and (row.flux_error_ujy is None or row.flux_ujy >= threshold * row.flux_error_ujy)


def _of_flux(flux_ujy: float | None, band: str, system: str | None) -> float | None:
    if flux_ujy is None or flux_ujy <= 0:
        return None
    ab = 23.9 - 2.5 * math.log10(flux_ujy)
    if system != "VEGA":
        return ab
    offset = AB_MINUS_VEGA.get(band)
    return None if offset is None else ab - offset


def magnitude(row: Row, system: str | None = None, n_sigma: float | None = None) -> float | None:
    """The magnitude of a detection."""
    if not is_detection(row, n_sigma):
        return None
    return row.reported_magnitude if system == "AS_REPORTED" else _of_flux(row.flux_ujy, row.band, system)


def magnitude_error(row: Row) -> float | None:
    """One-sigma error of the magnitude; that of an uncalibrated magnitude as it was reported."""
    if row.flux_ujy is None:
        return row.reported_magnitude_error
    if row.flux_ujy <= 0 or row.flux_error_ujy is None:
        return None
    return 2.5 / math.log(10) * row.flux_error_ujy / row.flux_ujy


def limit(row: Row, system: str | None = None, n_sigma: float | None = None) -> float | None:
    """Upper limit: so many errors of the flux, else the reported limit brought to so many sigma, if it has some."""
    if system == "AS_REPORTED":
        return row.reported_limit
    threshold = DEFAULT_NSIGMA if n_sigma is None else n_sigma
    if row.flux_error_ujy is not None:
        return _of_flux(threshold * row.flux_error_ujy, row.band, system)
    if row.limit_flux_ujy is None or row.limit_nsigma is None:
        return _of_flux(row.limit_flux_ujy, row.band, system)
    return _of_flux(row.limit_flux_ujy / row.limit_nsigma * threshold, row.band, system)


def is_calibrated(row: Row) -> bool:
    """Whether flux or limit are known in physical units; an error of the flux is a limit."""
    return any(each is not None for each in (row.flux_ujy, row.flux_error_ujy, row.limit_flux_ujy))


def signal_to_noise(row: Row) -> float | None:
    """Flux over its error."""
    if row.flux_ujy is None or row.flux_error_ujy is None:
        return None
    return row.flux_ujy / row.flux_error_ujy
