"""Conversions between flux, magnitude, error, limit and detection.

Everything takes numbers or numpy arrays (also None for "no value") and answers arrays of the same shape, or one
numpy float for one number; NaN where a value is undefined. `or_none` turns a single NaN into None.

Units: flux in microjansky (uJy), magnitudes in the AB system unless an AB - Vega offset is given.
Sources: Oke & Gunn 1983 (ApJ 266, 713) for the AB system; m_AB = m_Vega + (AB - Vega).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

AB_ZERO_POINT_UJY = 23.9
"""Magnitude AB of 1 uJy: -2.5 log10(1e-6 / 3631), exactly 23.90; the convention of ATLAS and SkyPortal."""

MAGNITUDES_PER_RELATIVE_ERROR = 2.5 / math.log(10.0)
"""1.0857 mag: the error of a magnitude whose flux has a relative error of one."""

FLUX_UNITS_UJY: dict[str, float] = {"NJY": 1e-3, "UJY": 1.0, "MJY": 1e3, "JY": 1e6, "NMGY": 10 ** (0.4 * 1.4)}
"""How many uJy one unit holds. MJY is the millijansky, as in every catalogue of optical photometry; a nanomaggy has
magnitude 22.5 (SDSS)."""

SMALLEST_NSIGMA, LARGEST_NSIGMA = 1e-6, 1e6
"""Thresholds that may be asked for: beyond them nothing is meant, and products with fluxes overflow."""

DETECTION_NSIGMA = 3.0
"""Signal-to-noise from which a flux is a detection, where nobody says otherwise; the rule of the ATLAS service."""


def _numbers(values: ArrayLike | None) -> Any:
    return np.asarray(values, dtype=np.float64)


def or_none(value: Any) -> float | None:
    """One number for people: None instead of NaN."""
    number = float(value)
    return None if math.isnan(number) else number


def magnitude_from_flux(flux_ujy: ArrayLike | None, ab_minus_vega: ArrayLike = 0.0) -> Any:
    """Magnitude of a flux in uJy; NaN unless the flux is positive. With an offset: the Vega magnitude."""
    flux = _numbers(flux_ujy)
    positive = np.where(flux > 0, flux, np.nan)
    return AB_ZERO_POINT_UJY - 2.5 * np.log10(positive) - _numbers(ab_minus_vega)


def flux_from_magnitude(magnitude: ArrayLike | None, ab_minus_vega: ArrayLike = 0.0) -> Any:
    """Flux in uJy of a magnitude (AB, or Vega with the offset of its band)."""
    return _power(magnitude, ab_minus_vega)


def _power(magnitude: ArrayLike | None, ab_minus_vega: ArrayLike) -> Any:
    return 10.0 ** (0.4 * (AB_ZERO_POINT_UJY - _numbers(magnitude) - _numbers(ab_minus_vega)))


def flux_from_zero_point(flux: ArrayLike | None, zero_point: ArrayLike, ab_minus_vega: ArrayLike = 0.0) -> Any:
    """Flux in uJy of a flux in its own counts, where m = zero_point - 2.5 log10(flux)."""
    return _numbers(flux) * _power(zero_point, ab_minus_vega)


def magnitude_error(flux_ujy: ArrayLike | None, flux_error_ujy: ArrayLike | None) -> Any:
    """One-sigma error in magnitudes; NaN unless flux and error are positive. Asymmetric below S/N 5: prefer flux."""
    flux, error = _numbers(flux_ujy), _numbers(flux_error_ujy)
    defined = (flux > 0) & (error > 0)
    return np.where(defined, MAGNITUDES_PER_RELATIVE_ERROR * error / np.where(defined, flux, 1.0), np.nan)[()]


def flux_error(flux_ujy: ArrayLike | None, error_magnitudes: ArrayLike | None) -> Any:
    """One-sigma error in uJy of a flux whose magnitude has this error; NaN unless the error is positive."""
    flux, error = _numbers(flux_ujy), _numbers(error_magnitudes)
    return np.where(error > 0, np.abs(flux) * error / MAGNITUDES_PER_RELATIVE_ERROR, np.nan)[()]


def nsigma_in_range(nsigma: float) -> bool:
    """Whether a threshold may be asked for."""
    return SMALLEST_NSIGMA <= nsigma <= LARGEST_NSIGMA


def limit_flux(flux_error_ujy: ArrayLike | None, nsigma: ArrayLike = DETECTION_NSIGMA) -> Any:
    """Upper limit in uJy at ``nsigma``; NaN unless the error is positive."""
    error = _numbers(flux_error_ujy)
    return np.where(error > 0, error * _numbers(nsigma), np.nan)[()]


def limit_magnitude(
    flux_error_ujy: ArrayLike | None, nsigma: ArrayLike = DETECTION_NSIGMA, ab_minus_vega: ArrayLike = 0.0
) -> Any:
    """The magnitude that an upper limit at ``nsigma`` stands for."""
    return magnitude_from_flux(limit_flux(flux_error_ujy, nsigma), ab_minus_vega)


def rescale_limit(limit_ujy: ArrayLike | None, from_nsigma: ArrayLike | None, to_nsigma: ArrayLike) -> Any:
    """A limit in uJy at another number of sigmas; NaN where the limit's own number is unknown."""
    return _numbers(limit_ujy) * (_numbers(to_nsigma) / _numbers(from_nsigma))


def is_detection(
    flux_ujy: ArrayLike | None, flux_error_ujy: ArrayLike | None, nsigma: ArrayLike = DETECTION_NSIGMA
) -> Any:
    """Whether a flux stands ``nsigma`` above zero; a positive flux without an error counts as detected."""
    flux, error = _numbers(flux_ujy), _numbers(flux_error_ujy)
    return (flux > 0) & (np.isnan(error) | (flux >= _numbers(nsigma) * error))
