"""Rows of which each is one spectrum, with its arrays in cells.

Names are told apart as those of photometry are; times follow the same rules. What is wrong with a spectrum rejects
its row alone. What is kept as reported leaves the arrays out: they are stored as numbers beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import NoneType
from typing import Any

import numpy as np

from tomgql.domain.cells import Column
from tomgql.domain.measurements import FloatColumn, Reading, RejectedRow
from tomgql.domain.options import ColumnOptions
from tomgql.domain.reported import reported_texts
from tomgql.domain.row_checks import LONGEST_TEXTS, check_times, too_long
from tomgql.domain.spectra import InvalidSpectrum, Medium, Spectrum
from tomgql.domain.spectral_units import angstroms_per_unit, flux_unit
from tomgql.domain.synonyms import SYNONYMS, assign_roles, split_unit
from tomgql.domain.tables import Cells, Table
from tomgql.domain.time_columns import Times, read_times
from tomgql.errors import InvalidUnit, QueryTooCostly

ARRAY_ROLES = ("wavelength", "flux", "flux_error")
"""What holds an array in each of its cells."""

SPECTRUM_SYNONYMS: dict[str, tuple[str, ...]] = {
    "wavelength": ("wavelength", "wavelengths", "wavelengthangstrom", "wave", "lambda", "wl", "lam"),
    "flux": ("flux", "fluxes", "fluxvalues", "fluxdensity", "fl"),
    "flux_error": ("fluxerror", "fluxerrors", "fluxerr", "fluxerrorvalues", "fluxuncertainty", "fluxunc", "errflux",
                   "error", "errors", "err", "uncertainty", "sigma"),
    "wavelength_unit": ("wavelengthunit", "wavelengthunits", "waveunit"),
    "flux_unit": ("fluxunit", "fluxunits", "unit"),
    "medium": ("medium", "wavelengthmedium"),
    "exposure": SYNONYMS["exposure"],
    "telescope": SYNONYMS["telescope"],
    "instrument": SYNONYMS["instrument"],
    "source": SYNONYMS["source"],
    "external_id": (*SYNONYMS["external_id"], "id"),
}  # fmt: skip
"""Normalised names by meaning, best first; times have their own rules."""

MOST_UNITS = 50
"""Different spellings of units in one table; each costs astropy some milliseconds."""

_MEDIA: dict[str, Medium] = {"air": "AIR", "vacuum": "VACUUM", "vac": "VACUUM", "unknown": "UNKNOWN"}


def array_columns(names: Sequence[str]) -> dict[str, str]:
    """Meaning of those columns that hold arrays, by name."""
    roles = assign_roles(names, {}, SPECTRUM_SYNONYMS)
    return {names[roles[role]]: role for role in ARRAY_ROLES if role in roles}


def interpret_spectra(
    columns: Mapping[str, Cells], options: ColumnOptions, *, file_name: str, default_source: str = "",
    target_position: tuple[float, float] | None = None, now_mjd: float | None = None,
) -> Reading:  # fmt: skip
    """One spectrum a row, with notes and rejected rows; row numbers count from 1.

    Wavelengths are Angstrom unless a column or the name of theirs says another unit of length; a flux without a unit
    has the unit "unknown"; the medium is UNKNOWN where nobody states it. An error of 0 is none.

    Raises `UnreadableFile` without columns of time, wavelength and flux or with ambiguous times, `QueryTooCostly` for
    more than 50 different units.
    """
    table = _Table(columns, options, file_name)
    time_column, notes = table.times()
    for role in ("wavelength", "flux"):
        table.require(role, ", ".join(SPECTRUM_SYNONYMS[role][:3]))
    times = read_times(time_column, table.options, table.exposure(), file_name, target_position)
    reading = Reading(notes=[*notes, *times.notes])
    keep = check_times(time_column, times, now_mjd, reading)
    rest = table.rest(times, default_source)
    for at in np.flatnonzero(keep).tolist():
        found = table.spectrum(at, {name: cells[at] for name, cells in rest.items()})
        if isinstance(found, Spectrum):
            reading.spectra.append(found)
        else:
            reading.rejected.append(found)
    reading.rejected.sort(key=lambda rejected: rejected.row)
    return reading


class _Table(Table):
    """The columns of a table of spectra."""

    def __init__(self, columns: Mapping[str, Cells], options: ColumnOptions, file_name: str) -> None:
        super().__init__(columns, options, file_name, SPECTRUM_SYNONYMS)
        self._units: dict[tuple[str, str], Any] = {}

    def rest(self, times: Times, default_source: str) -> dict[str, Sequence[Any]]:
        """What a spectrum says beside its arrays and units, by the names of `Spectrum`."""
        plain = [column for at, column in enumerate(self.columns) if at not in self._arrays()]
        return {
            "mjd_utc": times.mjd_utc.tolist(),
            "reported": reported_texts(plain) or ["{}"] * self.size,
            **{name: cells.tolist() for name, cells in self.text_columns(default_source).items()},
            "time_quality": [times.quality] * self.size,
        }

    def _arrays(self) -> set[int]:
        return {self.roles[role] for role in ARRAY_ROLES if role in self.roles}

    def spectrum(self, at: int, rest: Mapping[str, Any]) -> Spectrum | RejectedRow:
        """One row as a spectrum, or why it is none."""
        row = at + 1
        for name, longest in LONGEST_TEXTS.items():
            if len(rest.get(name) or "") > longest:
                return too_long(row, name, rest[name])
        try:
            return self._spectrum(at, rest)
        except InvalidSpectrum as fault:
            role = (fault.path or ["flux"])[0]
            column = self.find(role)
            name = role if column is None else column.name
            words = f"row {row}, column {name}: {fault.message}"
            return RejectedRow(row, str(fault.details["reason"]), words, name)

    def _spectrum(self, at: int, rest: Mapping[str, Any]) -> Spectrum:
        wavelength, flux, errors = (self._numbers(role, at) for role in ARRAY_ROLES)
        if wavelength is None or flux is None:
            role = "wavelength" if wavelength is None else "flux"
            raise InvalidSpectrum("NOT_A_LIST", role, "there is no array of numbers")
        if errors is not None:
            errors[errors == 0] = np.nan
        with np.errstate(over="ignore"):  # what overflows is refused as not finite
            wavelength *= self._angstroms(at)
        return Spectrum(
            wavelength_angstrom=wavelength, flux_values=flux, flux_error_values=errors,
            flux_unit=self._flux_unit(at), medium=self._medium(at), exposure_s=self._exposure(at), row=at + 1, **rest,
        )  # fmt: skip

    def _numbers(self, role: str, at: int) -> FloatColumn | None:
        column = self.find(role)
        cell = None if column is None else column.cells[at]
        if cell is None:
            return None
        if isinstance(cell, np.ndarray):
            return np.array(cell, dtype=np.float64)
        if not isinstance(cell, list):
            raise InvalidSpectrum("NOT_A_LIST", role, "there is no array of numbers")
        if not set(map(type, cell)) <= {int, float, NoneType}:
            odd = next(place for place, value in enumerate(cell) if type(value) not in (int, float, NoneType))
            words = f"sample {odd + 1} is {str(cell[odd])[:40]!r}; an array holds numbers, and null where there is none"
            raise InvalidSpectrum("UNREADABLE_NUMBER", role, words)
        try:
            return np.array(cell, dtype=np.float64)
        except OverflowError:
            raise InvalidSpectrum("NOT_FINITE", role, "a number is too large") from None

    def _angstroms(self, at: int) -> float:
        column = self.find("wavelength_unit")
        text = None if column is None else column.texts[at]
        if text is None:
            wavelengths = self.find("wavelength")
            text = None if wavelengths is None else wavelengths.unit or split_unit(wavelengths.name)[1]
        return 1.0 if text is None else float(self._unit(angstroms_per_unit, text, "wavelength_unit"))

    def _flux_unit(self, at: int) -> str:
        column = self.find("flux_unit")
        text = None if column is None else column.texts[at]
        if text is None:
            fluxes = self.find("flux")
            text = None if fluxes is None else fluxes.unit or split_unit(fluxes.name)[1]
        return str(self._unit(flux_unit, text or "unknown", "flux_unit"))

    def _unit(self, read: Callable[[str], Any], text: str, role: str) -> Any:
        """What a unit's text means, looked up once a table."""
        if (role, text) not in self._units:
            if len(self._units) == MOST_UNITS:
                raise QueryTooCostly(f"{self.file_name}: more than {MOST_UNITS} different units; write them alike.")
            try:
                self._units[role, text] = read(text)
            except InvalidUnit as fault:
                self._units[role, text] = InvalidSpectrum(fault.code, role, fault.message)
        found = self._units[role, text]
        if isinstance(found, InvalidSpectrum):
            raise found
        return found

    def _medium(self, at: int) -> Medium:
        column = self.find("medium")
        text = None if column is None else column.texts[at]
        medium = _MEDIA.get((text or "unknown").lower())
        if medium is None:
            raise InvalidSpectrum("INVALID_MEDIUM", "medium", f'"{(text or "")[:40]}" is none of AIR, VACUUM, UNKNOWN')
        return medium

    def _exposure(self, at: int) -> float:
        column: Column | None = self.find("exposure")
        if column is None:
            return float("nan") if self.options.exposure_s is None else self.options.exposure_s
        numbers = column.numbers
        if numbers.unreadable[at] or numbers.is_limit[at]:
            raise InvalidSpectrum("UNREADABLE_NUMBER", "exposure", f'"{str(column.cells[at])[:40]}" is not a number')
        return float(numbers.values[at])
