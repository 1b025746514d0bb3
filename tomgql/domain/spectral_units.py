"""Units of spectra in the spellings that files and people use, as astropy writes them.

Only texts that look like a unit reach astropy: its parser computes powers of numbers of any size, so that
``10**1000000000 erg`` would keep it busy for hours.
"""

from __future__ import annotations

import math
import re
from typing import Any

from tomgql.domain.spectra import LONGEST_FLUX_UNIT, UNKNOWN_UNIT
from tomgql.errors import InvalidUnit

_ANGSTROMS = {
    "angstrom": 1.0, "angstroms": 1.0, "ang": 1.0, "a": 1.0, "aa": 1.0, "å": 1.0, "nm": 10.0, "nanometer": 10.0,
    "nanometers": 10.0, "um": 1e4, "µm": 1e4, "μm": 1e4, "micron": 1e4, "microns": 1e4, "micrometer": 1e4,
}  # fmt: skip
"""Angstrom in one unit, by its lower-case name; other units of length are astropy's to know."""

_NO_UNIT = frozenset({"", "unknown", "none", "arbitrary", "arb", "arbitrary units", "relative", "normalized",
                      "normalised", "dimensionless", "flux"})  # fmt: skip
"""Words by which people say that fluxes are not calibrated."""

_WORDS = {
    "a": "Angstrom", "aa": "Angstrom", "å": "Angstrom", "ang": "Angstrom", "angs": "Angstrom",
    "angstrom": "Angstrom", "angstroms": "Angstrom", "ergs": "erg", "sec": "s", "secs": "s", "second": "s",
    "seconds": "s", "jansky": "Jy", "janskys": "Jy", "jy": "Jy", "counts": "ct", "cts": "ct", "hz": "Hz",
    "electrons": "electron", "pixel": "pix", "pixels": "pix", "du": "DN", "dn": "DN", "adus": "adu", "w": "W",
    "watt": "W", "watts": "W", "microns": "micron", "flam": "erg/(Angstrom s cm2)", "fnu": "erg/(Hz s cm2)",
}  # fmt: skip
"""astropy's spelling of lower-case words."""

_SCALE = re.compile(
    r"\s*(?:10\s*(?:\*\*|\^)\s*\(?\s*(?P<power>[+-]?\d{1,2})\s*\)?|(?P<number>\d{1,9}(?:\.\d{0,17})?(?:[eE][+-]?\d{1,2})?))"
    r"(?![\d/])\s*(?:\*(?!\*)|\.(?!\d))?\s*(?=[(A-Za-zÅµμ])"
)
_LOOKS_LIKE_A_UNIT = re.compile(r"(?:[A-Za-zÅµμ%_]+|[\s*/^.()+-]|(?<!\d)\d{1,2}(?!\d))*")
_POWER_OF_A_NUMBER = re.compile(r"\d[\s)]*(?:\*\*|\^)")
_WORD = re.compile(r"[A-Za-zÅµμ]+")
_SLASHES = re.compile(r"([^/()]+)/([^/()\s*.]+(?:/[^/()\s*.]+)+)")
"""``erg/cm2/s/A``, which astropy reads as it is meant, with a warning."""


def angstroms_per_unit(text: str) -> float:
    """Angstrom in one of a unit of length. Raises `InvalidUnit`, which says what a unit of another kind is."""
    known = _ANGSTROMS.get(text.strip().lower())
    if known is not None:
        return known
    unit = _parsed(text)
    if unit is None:
        raise InvalidUnit(f'"{text[:60]}" is no unit of wavelength that is known; write Angstrom, nm or micron.')
    # Loaded here: most sites never need it.
    from astropy import units

    if not unit.is_equivalent(units.m):
        kind = str(unit.physical_type).split("/")[0]
        what = "no length" if kind == "unknown" else f"a unit of {kind}, not of length"
        raise InvalidUnit(f'"{text[:60]}" is {what}; convert to wavelengths, in Angstrom, nm or micron.')
    return float(f"{unit.to(units.Angstrom):.12g}")


def flux_unit(text: str) -> str:
    """A unit of flux as astropy writes it, with its scale, or "unknown" where the text says that there is none.

    Raises `InvalidUnit` for any other text that is no unit.
    """
    if text.strip().lower() in _NO_UNIT:
        return UNKNOWN_UNIT
    unit = _parsed(text)
    written = "" if unit is None else str(unit.to_string())
    if not written or len(written) > LONGEST_FLUX_UNIT:
        raise InvalidUnit(
            f'"{text[:60]}" is no unit of flux that is known; write one such as erg / (Angstrom s cm2) or mJy, or'
            ' "unknown".'
        )
    return written


def _parsed(text: str) -> Any:
    """astropy's unit, or None."""
    if len(text) > LONGEST_FLUX_UNIT:
        return None
    match = _SCALE.match(text)
    rest = text[match.end() :] if match else text
    if not rest.strip() or not _LOOKS_LIKE_A_UNIT.fullmatch(rest) or _POWER_OF_A_NUMBER.search(rest):
        return None
    scale = 1.0
    if match:
        scale = 10.0 ** int(match["power"]) if match["power"] else float(match["number"])
    for spelling in (rest, rest.lower()):
        unit = _astropy_unit(_WORD.sub(lambda word: _WORDS.get(word[0].lower(), word[0]), spelling), scale)
        if unit is not None:
            return unit
    return None


def _astropy_unit(text: str, scale: float) -> Any:
    from astropy import units

    plain = text.strip()
    slashes = _SLASHES.fullmatch(plain)
    if slashes:
        plain = f"{slashes[1]}/({slashes[2].replace('/', ' ')})"
    try:
        unit = units.Unit(plain)
        # Magnitudes and other logarithms have no scale and are no fluxes.
        composed = units.Unit(unit * scale) if scale != 1.0 else unit
        return composed if isinstance(composed, units.UnitBase) and 0 < composed.scale < math.inf else None
    except (ValueError, TypeError, ArithmeticError):
        return None
