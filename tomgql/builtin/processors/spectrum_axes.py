"""Wavelength axes that a FITS header describes: linear, logarithmic, and IRAF's multispec.

Formats: FITS WCS papers I and III (Greisen & Calabretta 2002, A&A 395, 1061; Greisen et al. 2006, A&A 446, 747), and
IRAF's ``specwcs``: DC-FLAG 1 means that the axis is log10 of the wavelength, whatever CTYPE1 says; WAT1_001 names the
unit, and is believed before CUNIT1, which some pipelines fill with ``deg``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tomgql.builtin.processors.spectrum_times import number
from tomgql.domain.arrays import FloatColumn
from tomgql.domain.measurements import Note
from tomgql.errors import UnreadableFile

_LENGTHS = frozenset(
    {"", "LINEAR", "LAMBDA", "WAVELENG", "WAVELENGTH", "WAVE", "AWAV", "PIXEL", "MULTISPE", "ANGSTROM"}
)
_OTHERS = {"FREQ": "frequency", "VELO": "velocity", "VOPT": "velocity", "VRAD": "velocity", "ENER": "energy",
           "WAVN": "wavenumber", "ZOPT": "redshift", "BETA": "velocity"}  # fmt: skip
_WAT_UNIT = re.compile(r"units\s*=\s*\"?([A-Za-zÅµμ]+)")
_SPEC = re.compile(r"spec(\d+)\s*=\s*\"([^\"]*)\"")
_LARGEST_EXPONENT = 8.0
"""Log axes hold log10 of a wavelength; larger values are wavelengths themselves."""

_MOST_SAMPLES = 10_000_000


@dataclass(frozen=True)
class Axis:
    """``values`` (n,) in ``unit``, None where the header names none; ``medium`` where it says so."""

    values: FloatColumn
    unit: str | None
    medium: str | None


def has_axis(header: Mapping[str, Any]) -> bool:
    """Whether the first axis of an image is spectral, of wavelengths or of what is refused with words."""
    kind = str(header.get("CTYPE1") or "").strip().upper()
    stated = kind[:4] in ("WAVE", "AWAV", *_OTHERS) or "LAMBDA" in kind or "DC-FLAG" in header or "COEFF0" in header
    spectral = stated or "wavelength" in str(header.get("WAT1_001") or "").lower() or kind.startswith("MULTISPE")
    return spectral or (kind in _LENGTHS and "CRVAL1" in header and _step(header) != 0.0)


def read_axis(header: Mapping[str, Any], size: int, file_name: str, notes: list[Note]) -> Axis:
    """Wavelengths of ``size`` samples. Raises `UnreadableFile` for axes that are no wavelengths, or are not linear."""
    kind = str(header.get("CTYPE1") or "").strip().upper()
    _refuse_others(kind, file_name)
    pixels = np.arange(1, size + 1, dtype=np.float64)
    if "COEFF0" in header and "COEFF1" in header:
        values = number(header["COEFF0"]) + (pixels - 1) * number(header["COEFF1"])
        return Axis(_power(values), _unit(header, notes), _medium(kind))
    start, step = number(header.get("CRVAL1")), _step(header)
    if not (np.isfinite(start) and step != 0.0):
        raise UnreadableFile(f"{file_name}: the header describes no wavelengths (CRVAL1 and CD1_1 or CDELT1).")
    reference = number(header.get("CRPIX1", 1.0))
    values = start + (pixels - (reference if np.isfinite(reference) else 1.0)) * step
    if kind[5:] == "LOG" and start > _LARGEST_EXPONENT:  # paper III: the natural logarithm, scaled to the reference
        return Axis(start * np.exp((values - start) / start), _unit(header, notes), _medium(kind))
    log = str(header.get("DC-FLAG", "")).strip() == "1" or "LOG" in kind
    return Axis(_power(values) if log else values, _unit(header, notes), _medium(kind))


def read_multispec(header: Mapping[str, Any], size: int, file_name: str, notes: list[Note]) -> dict[int, Axis]:
    """The axes of IRAF's multispec format by aperture row, counted from 0.

    Raises `UnreadableFile` for apertures with non-linear functions: resample them with IRAF's dispcor.
    """
    parts = sorted(name for name in header if re.fullmatch(r"WAT2_\d{3}", name))
    text = "".join(str(header[name]).ljust(68) for name in parts)
    axes = {}
    for aperture, words in _SPEC.findall(text):
        cells = [number(cell) for cell in words.split()[:9]]
        if len(cells) < 6 or cells[2] not in (0.0, 1.0):
            raise UnreadableFile(
                f"{file_name}: aperture {aperture} has a non-linear dispersion function (IRAF multispec); resample it "
                "to a linear axis, as with IRAF's dispcor."
            )
        values = _power(_line(size, cells[3], cells[4])) if cells[2] == 1.0 else _line(size, cells[3], cells[4])
        shift = cells[6] if len(cells) > 6 and np.isfinite(cells[6]) else 0.0
        axes[int(aperture) - 1] = Axis(values / (1.0 + shift), _unit(header, notes), None)
    if not axes:
        raise UnreadableFile(f"{file_name}: CTYPE1 is MULTISPE, but no aperture is described in WAT2_001.")
    return axes


def checked_size(size: int, file_name: str) -> int:
    """The number of samples of an axis. Raises `UnreadableFile` for one that no spectrum has."""
    if size > _MOST_SAMPLES:
        raise UnreadableFile(f"{file_name}: an axis of {size} samples is no spectrum's.")
    return size


def _line(size: int, start: float, step: float) -> FloatColumn:
    return start + np.arange(size, dtype=np.float64) * step


def _step(header: Mapping[str, Any]) -> float:
    for name in ("CD1_1", "CDELT1"):
        step = number(header.get(name))
        if np.isfinite(step) and step != 0.0:
            return step
    return 0.0


def _power(exponents: FloatColumn) -> FloatColumn:
    with np.errstate(over="ignore"):  # what overflows is refused as no wavelength
        powers: FloatColumn = 10.0**exponents
    return powers


def _refuse_others(kind: str, file_name: str) -> None:
    other = _OTHERS.get(kind[:4])
    if other is not None:
        raise UnreadableFile(f"{file_name}: the axis is a {other} (CTYPE1 {kind}); convert it to wavelengths.")
    if kind[:4] in ("WAVE", "AWAV") and "-" in kind and kind[5:] != "LOG":
        raise UnreadableFile(f"{file_name}: the axis is not linear (CTYPE1 {kind}); resample it to a linear one.")


def _unit(header: Mapping[str, Any], notes: list[Note]) -> str | None:
    match = _WAT_UNIT.search(str(header.get("WAT1_001") or ""))
    stated = str(header.get("CUNIT1") or "").strip()
    if match is None:
        return None if stated.lower() in ("", "deg", "pixel") else stated
    if stated.lower() not in ("", match[1].lower()):
        words = f"CUNIT1 says {stated[:20]}, WAT1_001 says {match[1]}; the latter is believed"
        notes.append(Note("WARNING", "UNITS_DISAGREE", words))
    return match[1]


def _medium(kind: str) -> str | None:
    return {"AWAV": "AIR", "WAVE": "VACUUM"}.get(kind[:4]) if len(kind) == 4 or kind[4] == "-" else None
