"""Arrays of a file and what its header says, as one checked spectrum with notes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson

from tomgql.builtin.processors.spectrum_options import SpectrumOptions
from tomgql.builtin.processors.spectrum_times import Keywords, read_when
from tomgql.domain.arrays import FloatColumn
from tomgql.domain.cells import clean_text
from tomgql.domain.column_uses import named_uses
from tomgql.domain.measurements import ColumnUse, Note, Reading
from tomgql.domain.names import simplify_name
from tomgql.domain.row_checks import LONGEST_TEXTS
from tomgql.domain.spectra import SHORTEST_ANGSTROM, UNKNOWN_UNIT, InvalidSpectrum, Spectrum
from tomgql.domain.spectral_units import angstroms_per_unit, flux_unit
from tomgql.errors import InvalidUnit, UnreadableFile
from tomgql.plugins.contracts import SourceFile

_TELESCOPES = ("TELESCOP", "TELESCOPE", "OBSERVAT")
_INSTRUMENTS = ("INSTRUME", "INSTRUMENT", "SPECTROGRAPH")
_IDS = ("ARCFILE", "SPECOBJID", "SOURCE_ID")
"""Keywords in which archives name their products: ESO Phase 3, SDSS, Gaia."""

_MOST_KEYWORDS, _LONGEST_VALUE = 500, 200
"""What is kept of a header; the file itself keeps the rest."""

_MOST_NANOMETERS, _MOST_MICRONS = 3_000.0, 30.0
"""Largest values of an axis without a unit that may be nanometres, and that must be micrometres."""


@dataclass
class Samples:
    """Arrays (n,) as they stand in the file; units None where it does not state them; ``medium`` as it states it.

    ``errors`` are one sigma, NaN or 0 where not known. ``names`` and ``roles`` tell which columns they stand in, empty
    where they stand in none.
    """

    wavelength: FloatColumn
    flux: FloatColumn
    errors: FloatColumn | None = None
    wavelength_unit: str | None = None
    flux_unit: str | None = None
    medium: str | None = None
    header: Keywords = field(default_factory=dict)
    names: Sequence[str] = ()
    roles: Mapping[str, int] = field(default_factory=dict)


def add_spectrum(reading: Reading, samples: Samples, said: SpectrumOptions, file: SourceFile, row: int = 1) -> None:
    """Check one spectrum and put it into the reading.

    Raises `UnreadableFile` for arrays that no spectrum can have and for a spectrum without a time.
    """
    notes: list[Note] = []
    header = samples.header
    when = read_when(header, said, file.name, notes)
    flux, errors = _cleaned(samples, notes)
    if samples.wavelength.size > 1 and samples.wavelength[0] > samples.wavelength[-1]:
        notes.append(Note("INFO", "AXIS_REVERSED", "the axis descends; reversed together with the fluxes"))
    try:
        spectrum = Spectrum(
            wavelength_angstrom=samples.wavelength * _angstroms(samples, said, notes), flux_values=flux,
            flux_error_values=errors, flux_unit=_flux_unit(samples, said, notes),
            medium=_medium(samples, said, notes), mjd_utc=when.mjd_utc, exposure_s=when.exposure_s,
            time_quality=when.quality, reported=_reported(header), row=row, **_texts(header, said),
        )  # fmt: skip
    except (InvalidSpectrum, InvalidUnit) as fault:
        raise UnreadableFile(f"{file.name}: {fault.message.rstrip('.')}.") from fault
    _compare_object(header, file, notes)
    reading.spectra.append(spectrum)
    reading.columns = reading.columns or _column_uses(samples, said, spectrum.flux_unit)
    known = {(note.code, note.message) for note in reading.notes}
    reading.notes.extend(note for note in notes if (note.code, note.message) not in known)


def _column_uses(samples: Samples, said: SpectrumOptions, unit: str) -> list[ColumnUse]:
    units = {"wavelength": said.wavelength_unit or samples.wavelength_unit, "flux": unit, "flux_error": unit}
    return named_uses(samples.names, samples.roles, units)


def _cleaned(samples: Samples, notes: list[Note]) -> tuple[FloatColumn, FloatColumn | None]:
    """Fluxes and errors without infinities and impossible errors; what is odd is told, not mended."""
    flux = np.array(samples.flux, dtype=np.float64)
    _blank(flux, np.isinf(flux), "NOT_FINITE", "infinite fluxes", notes)
    padding = _padding(flux)
    if padding:
        notes.append(Note("WARNING", "PADDED", f"{padding} fluxes at the ends are 0 or missing; kept", count=padding))
    if samples.errors is None:
        return flux, None
    errors = np.array(samples.errors, dtype=np.float64)
    _blank(errors, np.isinf(errors) | (errors < 0), "INVALID_ERROR", "negative or infinite errors", notes)
    errors[errors == 0] = np.nan
    return flux, None if np.isnan(errors).all() else errors


def _blank(values: FloatColumn, bad: Any, code: str, words: str, notes: list[Note]) -> None:
    count = int(np.count_nonzero(bad))
    if count:
        values[bad] = np.nan
        notes.append(Note("WARNING", code, f"{count} {words}; stored as missing", count=count))


def _padding(flux: FloatColumn) -> int:
    """How many samples at both ends hold nothing."""
    measured = np.flatnonzero(np.nan_to_num(flux))
    return 0 if not len(measured) else int(len(flux) - 1 - measured[-1] + measured[0])


def _angstroms(samples: Samples, said: SpectrumOptions, notes: list[Note]) -> float:
    unit = said.wavelength_unit or (samples.wavelength_unit or "").strip()
    if unit:
        return angstroms_per_unit(unit)
    finite = samples.wavelength[np.isfinite(samples.wavelength)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (math.nan, math.nan)
    if low >= SHORTEST_ANGSTROM and high <= _MOST_NANOMETERS:
        words = f"the wavelengths {low:.6g} to {high:.6g} have no unit and may be Angstrom or nm"
        raise InvalidUnit(f"{words}: say which with option wavelength_unit")
    unit = "micron" if high <= _MOST_MICRONS else "nm" if low < SHORTEST_ANGSTROM else "Angstrom"
    message = f"values {low:.6g}-{high:.6g} are taken as {unit}, since the file names no unit"
    notes.append(Note("WARNING", "UNIT_ASSUMED", message))
    return angstroms_per_unit(unit)


def _flux_unit(samples: Samples, said: SpectrumOptions, notes: list[Note]) -> str:
    if said.flux_unit:
        return flux_unit(said.flux_unit)
    stated = (samples.flux_unit or "").strip()
    try:
        unit = flux_unit(stated)
    except InvalidUnit as fault:
        notes.append(Note("WARNING", "FLUX_UNIT_UNKNOWN", f"{fault.message} Stored as unknown (option flux_unit)."))
        return UNKNOWN_UNIT
    if unit == UNKNOWN_UNIT:
        notes.append(Note("INFO", "FLUX_UNIT_UNKNOWN", "the file names no unit of flux; stored as unknown"))
    return unit


def _medium(samples: Samples, said: SpectrumOptions, notes: list[Note]) -> Any:
    header = samples.header
    word = str(header.get("AIRORVAC") or header.get("VACUUM") or "").strip().lower()
    stated = {"air": "AIR", "vac": "VACUUM", "vacuum": "VACUUM", "true": "VACUUM", "t": "VACUUM", "1": "VACUUM"}
    gaia = "gaia" in str(header.get("PUBLISHER") or "").lower()
    medium = said.medium or samples.medium or stated.get(word) or ("VACUUM" if gaia else None)
    if medium is None:
        notes.append(Note("INFO", "MEDIUM_UNKNOWN", "the file does not say whether wavelengths hold in air or vacuum"))
    return medium or "UNKNOWN"


def _texts(header: Keywords, said: SpectrumOptions) -> dict[str, Any]:
    found = {
        "telescope": said.telescope or _first(header, _TELESCOPES),
        "instrument": said.instrument or _first(header, _INSTRUMENTS),
        "source_name": said.source_name,
        "external_id": _first(header, _IDS),
    }
    return {name: None if text is None else text[: LONGEST_TEXTS[name]] for name, text in found.items()}


def _first(header: Keywords, names: tuple[str, ...]) -> str | None:
    texts = (clean_text(str(header.get(name) or "")).strip() for name in names)
    return next((text for text in texts if text), None)


def _reported(header: Keywords) -> str:
    """The header as JSON: at most 500 keywords, long values cut."""
    kept: dict[str, Any] = {}
    for name, value in list(header.items())[:_MOST_KEYWORDS]:
        plain = value
        if not isinstance(value, (bool, int)) and not (isinstance(value, float) and math.isfinite(value)):
            plain = clean_text(str(value))[:_LONGEST_VALUE]
        kept[clean_text(str(name))] = plain if not isinstance(plain, int) or abs(plain) < 2**63 else str(plain)
    return orjson.dumps(kept).decode()


def _compare_object(header: Mapping[str, Any], file: SourceFile, notes: list[Note]) -> None:
    name = clean_text(str(header.get("OBJECT") or "")).strip()
    wanted = {simplify_name(each) for each in file.target_names}
    if name and wanted and simplify_name(name) not in wanted:
        message = f'the header names the object "{name[:60]}", which is no name or alias of this target'
        notes.append(Note("WARNING", "OTHER_NAME", message))
