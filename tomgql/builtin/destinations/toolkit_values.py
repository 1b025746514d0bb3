"""Reduced data in the spelling of TOM Toolkit 2.x, which 3.x maps to its own columns.

Shapes (seen between running TOMs of 2.32.4 and 3.1.0): a detection is {magnitude, error, filter, unit, telescope,
instrument}, a non-detection {limit, filter, ...}; a spectrum {flux[], flux_units, wavelength[], wavelength_units,
flux_error[]}; a position {ra, dec, ra_error, ra_error_units, dec_error, dec_error_units}. A second spelling beside the
first makes 3.x answer 500, and 3.x's spelling alone breaks the pages of 2.x.

A magnitude is told as it was reported where its system is known, or nothing else is; else it is AB. A limit has no
number of sigmas there. 2.x draws only numbers with a decimal point, so every number is one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tomgql.domain.bands import resolve_band
from tomgql.domain.photometry import (
    is_detection,
    limit_magnitude,
    magnitude_error,
    magnitude_from_flux,
    or_none,
)
from tomgql.domain.synonyms import SYNONYMS, normalise
from tomgql.domain.time import datetime_from_mjd
from tomgql.plugins.destinations import Refused

KNOWN_SYSTEMS = ("AB", "Vega")
"""Systems of magnitudes that `unit` can name."""

SAME_LIMIT = 1e-6
"""Magnitudes between a limit as it was reported and the one of its flux in a system, to be in that system."""

LONGEST_UNIT = 32
"""Characters of a unit in 3.x."""

TIME, VALUE = "timestamp", "value"
"""Columns of a generic datum that hold its time, and a value that is no plain object."""

THEIRS = frozenset(
    {"id", "target", "target_id", "data_product", "data_product_id", "data_type", "source_name", "source_location",
     "timestamp", "value", "reduction_version", "message"}
)  # fmt: skip
"""Columns of a datum that 3.x would take from within a value."""

NO_FILTER = "It has no filter, and TOM Toolkit keeps no photometry without one."
NOTHING_SAID = (
    "It is neither a detection nor a limit: its flux is not positive and has no error. TOM Toolkit keeps magnitudes"
    " alone."
)
"""What is said of photometry that cannot be told."""

Value = Mapping[str, Any]


def value_of(record: Mapping[str, Any]) -> Value | Refused:
    """The value of a datum, by the columns of `tomgql.store.tables.ReducedDatum`; or why there is none."""
    value = _VALUES.get(record["data_type"], _generic)(record)
    if isinstance(value, Refused) or _is_finite(value):
        return value
    return Refused("It holds a number that is not finite, which JSON cannot say.")


def timestamp_of(record: Mapping[str, Any]) -> str:
    """The datum's time, ISO 8601 in UTC to the millisecond."""
    moment = datetime_from_mjd(record["mjd"]) + timedelta(microseconds=500)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _photometry(record: Mapping[str, Any]) -> Value | Refused:
    if not record.get("band"):
        return Refused(NO_FILTER)
    told = _reported(record) or _detected(record) or _uncalibrated(record) or _limit(record)
    if told is None:
        return Refused(NOTHING_SAID)
    exposure = {"exposure_time": record.get("exposure_s")}
    return _known({**told, "filter": _filter(record), **exposure, **_equipment(record)})


def _filter(record: Mapping[str, Any]) -> str:
    """The band as it was reported, if that means it without a word about telescope or survey; else by our name."""
    known: str = record["band"]
    for name, text in record["reported"].items():
        if isinstance(text, str) and normalise(name) in SYNONYMS["band"]:
            meant = resolve_band(text)
            if meant is not None and meant.name == known:
                return text.strip()
    return known


def _reported(record: Mapping[str, Any]) -> Value | None:
    """A magnitude in a known system, as it was reported; of a source fainter than the reference image there is none."""
    magnitude, system, flux = (record.get(name) for name in ("reported_magnitude", "reported_system", "flux_ujy"))
    if magnitude is None or system not in KNOWN_SYSTEMS or (flux is not None and not flux > 0):
        return None
    error = record.get("reported_magnitude_error")
    derived = or_none(magnitude_error(flux, record.get("flux_error_ujy")))
    return {"magnitude": magnitude, "error": derived if error is None else error, "unit": f"{system} mag"}


def _detected(record: Mapping[str, Any]) -> Value | None:
    flux, error = record.get("flux_ujy"), record.get("flux_error_ujy")
    if not is_detection(flux, error):
        return None
    magnitude = or_none(magnitude_from_flux(flux))
    return {"magnitude": magnitude, "error": or_none(magnitude_error(flux, error)), "unit": "AB mag"}


def _uncalibrated(record: Mapping[str, Any]) -> Value | None:
    """A magnitude of which nothing else is known, in the words of who reported it."""
    magnitude = record.get("reported_magnitude")
    if magnitude is None or record.get("flux_ujy") is not None:
        return None
    unit = (record.get("reported_system") or "mag")[:LONGEST_UNIT]
    return {"magnitude": magnitude, "error": record.get("reported_magnitude_error"), "unit": unit}


def _limit(record: Mapping[str, Any]) -> Value | None:
    """The limit as it was reported, else at 3 sigma of the flux's error."""
    reported = record.get("reported_limit")
    stated = or_none(magnitude_from_flux(record.get("limit_flux_ujy")))
    if stated is not None:
        limit, system = _with_system(stated, reported, record["band"])
        return {"limit": limit, "unit": f"{system} mag"}
    if reported is not None:
        return {"limit": reported, "unit": "mag"}
    at_three_sigma = or_none(limit_magnitude(record.get("flux_error_ujy")))
    return None if at_three_sigma is None else {"limit": at_three_sigma, "unit": "AB mag"}


def _with_system(ab: float, reported: float | None, band_name: str) -> tuple[float, str]:
    """A limit as reported and its system, which is kept nowhere: the one in which it is as deep as its flux."""
    band = resolve_band(band_name)
    offsets = {"AB": 0.0, "Vega": None if band is None else band.ab_minus_vega}
    for system, offset in offsets.items():
        if reported is not None and offset is not None and abs(ab - offset - reported) < SAME_LIMIT:
            return reported, system
    return ab, "AB"


def _spectrum(record: Mapping[str, Any]) -> Value:
    """Samples with a flux; their errors unless some are missing."""
    wavelengths, fluxes = record["wavelength_angstrom"], record["flux_values"]
    errors = record.get("flux_error_values") or [None] * len(fluxes)
    samples = zip(wavelengths, fluxes, errors, strict=True)
    kept = [sample for sample in samples if _is_number(sample[1])]
    told = all(_is_number(error) for _, _, error in kept)
    return _known(
        {
            "wavelength": [float(sample[0]) for sample in kept],
            "wavelength_units": "Angstrom",
            "flux": [float(sample[1]) for sample in kept],
            "flux_units": record.get("flux_unit"),
            "flux_error": [float(sample[2]) for sample in kept] if told else None,
            **_equipment(record),
        }
    )


def _position(record: Mapping[str, Any]) -> Value:
    errors = {name: record.get(f"{name}_arcsec") for name in ("ra_error", "dec_error")}
    units = {f"{name}_units": "arcsec" for name, error in errors.items() if error is not None}
    return _known({"ra": record["ra_deg"], "dec": record["dec_deg"], **errors, **units, **_equipment(record)})


def _generic(record: Mapping[str, Any]) -> Value | Refused:
    said: dict[str, Any] = record["reported"]
    if VALUE in said and set(said) <= {TIME, VALUE}:
        return Refused("Its value is no object of columns, which TOM Toolkit 3 does not take.")
    value = {name: cell for name, cell in said.items() if name != TIME}
    if not value:
        return Refused("It has no column but its time, and TOM Toolkit takes no empty value.")
    taken = sorted(THEIRS & set(value))
    if taken:
        return Refused(f'It has a column "{taken[0]}", which TOM Toolkit would take for its own.')
    return value


def _equipment(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: record.get(name) for name in ("telescope", "instrument")}


def _known(value: Mapping[str, Any]) -> dict[str, Any]:
    """What is there; whole numbers become numbers with a decimal point."""
    return {
        name: float(cell) if isinstance(cell, int) else cell for name, cell in value.items() if cell not in (None, "")
    }


def _is_number(value: Any) -> bool:
    return value is not None and math.isfinite(value)


def _is_finite(value: Any) -> bool:
    """Whether every number in a value is one that JSON can say."""
    if isinstance(value, Mapping):
        return all(_is_finite(each) for each in value.values())
    if isinstance(value, list):
        return all(_is_finite(each) for each in value)
    return not isinstance(value, float) or math.isfinite(value)


_VALUES = {"photometry": _photometry, "spectroscopy": _spectrum, "astrometry": _position}
"""How the value of each kind is told; of other data it is what was reported."""
