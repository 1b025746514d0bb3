"""One spectrum as a processor or a client yields it, checked before anybody stores it.

Wavelengths are Angstrom, in the medium that is stated (nothing converts air to vacuum); fluxes are in ``flux_unit``,
as they were reported. A descending axis is turned round together with its fluxes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tomgql.domain.arrays import FloatColumn
from tomgql.domain.cells import clean_text
from tomgql.errors import InvalidInput

Medium = Literal["AIR", "VACUUM", "UNKNOWN"]
MEDIA: tuple[Medium, ...] = ("AIR", "VACUUM", "UNKNOWN")

SHORTEST_ANGSTROM, LONGEST_ANGSTROM = 900.0, 300_000.0
"""90 nm to 30 um: what reaches the spectrographs of optical and infrared astronomy; all else is a misread axis."""

FEWEST_SAMPLES, MOST_SAMPLES = 2, 1_000_000
"""Samples of one spectrum; the widest echelle spectra have some 500,000."""

UNKNOWN_UNIT = "unknown"
"""The ``flux_unit`` of fluxes whose unit nobody states."""

LONGEST_FLUX_UNIT = 100
"""Characters; the table keeps the same bound."""


class InvalidSpectrum(InvalidInput):
    """A spectrum that cannot be right; ``path`` names the array, ``details["reason"]`` the check."""

    def __init__(self, reason: str, field: str, message: str) -> None:
        super().__init__(message, path=[field], reason=reason)


@dataclass
class Spectrum:
    """One spectrum of ``n`` samples, 2 to 1,000,000.

    Shapes and units: ``wavelength_angstrom`` (n,), strictly ascending, 900 to 300,000; ``flux_values`` (n,) in
    ``flux_unit`` (an astropy or FITS unit string, or "unknown"), NaN where there is none; ``flux_error_values`` (n,),
    one sigma in the same unit, NaN where not known, or None. ``mjd_utc`` in days, middle of the exposure;
    ``exposure_s`` in seconds, NaN where not known.

    ``reported`` is the text of one JSON object: what was said of the spectrum, without its arrays. ``external_id`` is
    the producer's own id. ``time_quality`` is ``"exact"``, ``"converted"`` or ``"assumed"``. ``occurrence`` counts
    the earlier spectra of the same reading that claim the same identity with other content.

    Raises `InvalidSpectrum` when it is made of arrays that no spectrum can have.
    """

    wavelength_angstrom: FloatColumn
    flux_values: FloatColumn
    mjd_utc: float
    flux_error_values: FloatColumn | None = None
    flux_unit: str = UNKNOWN_UNIT
    medium: Medium = "UNKNOWN"
    exposure_s: float = math.nan
    telescope: str | None = None
    instrument: str | None = None
    source_name: str | None = None
    external_id: str | None = None
    time_quality: str = "assumed"
    reported: str = "{}"
    row: int = 1
    occurrence: int = 0

    def __post_init__(self) -> None:
        self.wavelength_angstrom = _array("wavelength", self.wavelength_angstrom)
        self.flux_values = _array("flux", self.flux_values)
        if self.flux_error_values is not None:
            self.flux_error_values = _array("flux_error", self.flux_error_values)
        _check_sizes(self)
        if self.wavelength_angstrom[0] > self.wavelength_angstrom[-1]:
            self._reverse()
        _check_wavelengths(self.wavelength_angstrom)
        _check_fluxes(self)
        _check_rest(self)

    def _reverse(self) -> None:
        self.wavelength_angstrom = self.wavelength_angstrom[::-1].copy()
        self.flux_values = self.flux_values[::-1].copy()
        if self.flux_error_values is not None:
            self.flux_error_values = self.flux_error_values[::-1].copy()

    def __len__(self) -> int:
        return len(self.wavelength_angstrom)


def _array(name: str, values: ArrayLike) -> FloatColumn:
    array: NDArray[np.float64] = np.array(values, dtype=np.float64)
    if array.ndim != 1:
        raise InvalidSpectrum("NOT_A_LIST", name, f"{name} has {array.ndim} dimensions; a spectrum's arrays have one")
    return array


def _check_sizes(spectrum: Spectrum) -> None:
    size = len(spectrum.wavelength_angstrom)
    if size < FEWEST_SAMPLES:
        words = f"a spectrum has at least {FEWEST_SAMPLES} samples, not {size}"
        raise InvalidSpectrum("TOO_FEW_SAMPLES", "wavelength", words)
    if size > MOST_SAMPLES:
        words = f"a spectrum has at most {MOST_SAMPLES} samples, not {size}"
        raise InvalidSpectrum("TOO_MANY_SAMPLES", "wavelength", words)
    for name, array in (("flux", spectrum.flux_values), ("flux_error", spectrum.flux_error_values)):
        if array is not None and len(array) != size:
            raise InvalidSpectrum("UNEQUAL_LENGTHS", name, f"{name} has {len(array)} samples, wavelength has {size}")


def _check_wavelengths(wavelength: FloatColumn) -> None:
    odd = np.flatnonzero(~np.isfinite(wavelength))
    if len(odd):
        raise InvalidSpectrum("NOT_FINITE", "wavelength", f"wavelength {odd[0] + 1} is missing or not a finite number")
    low, high = float(wavelength.min()), float(wavelength.max())
    if low < SHORTEST_ANGSTROM or high > LONGEST_ANGSTROM:
        words = f"wavelength {low:.6g} to {high:.6g} Angstrom cannot be right; it must lie between 90 nm and 30 um:"
        raise InvalidSpectrum("WAVELENGTH_OUT_OF_RANGE", "wavelength", f"{words} check the unit, and a log axis")
    bent = np.flatnonzero(np.diff(wavelength) <= 0)
    if len(bent):
        first, second = wavelength[bent[0] : bent[0] + 2]
        words = f"wavelengths must ascend or descend strictly; {second:.10g} follows {first:.10g} Angstrom"
        raise InvalidSpectrum("NOT_MONOTONIC", "wavelength", f"{words} (sample {bent[0] + 2} of the ascending axis)")


def _check_fluxes(spectrum: Spectrum) -> None:
    flux, errors = spectrum.flux_values, spectrum.flux_error_values
    if np.isinf(flux).any():
        raise InvalidSpectrum("NOT_FINITE", "flux", f"flux {np.flatnonzero(np.isinf(flux))[0] + 1} is infinite")
    if not np.nan_to_num(flux).any():
        raise InvalidSpectrum("NO_MEASUREMENT", "flux", "the flux is missing or 0 everywhere")
    if errors is None:
        return
    wrong = np.flatnonzero(np.isinf(errors) | (errors < 0))
    if len(wrong):
        words = f"flux error {wrong[0] + 1} is {errors[wrong[0]]:g}; errors are finite and not negative"
        raise InvalidSpectrum("INVALID_ERROR", "flux_error", words)


def _check_rest(spectrum: Spectrum) -> None:
    if spectrum.medium not in MEDIA:
        raise InvalidSpectrum("INVALID_MEDIUM", "medium", f'medium "{spectrum.medium}" is none of {", ".join(MEDIA)}')
    if not math.isfinite(spectrum.mjd_utc):
        raise InvalidSpectrum("MISSING_TIME", "mjd", "a spectrum needs a time")
    if spectrum.exposure_s < 0 or math.isinf(spectrum.exposure_s):
        raise InvalidSpectrum("INVALID_EXPOSURE", "exposure", f"an exposure of {spectrum.exposure_s} s cannot be")
    spectrum.flux_unit = clean_text(spectrum.flux_unit).strip() or UNKNOWN_UNIT
    if len(spectrum.flux_unit) > LONGEST_FLUX_UNIT:
        words = f"a flux unit has at most {LONGEST_FLUX_UNIT} characters, not {len(spectrum.flux_unit)}"
        raise InvalidSpectrum("TEXT_TOO_LONG", "flux_unit", words)
    for name in ("telescope", "instrument", "source_name", "external_id"):
        text = getattr(spectrum, name)
        setattr(spectrum, name, clean_text(text).strip() or None if text is not None else None)
