"""Spectra in text: two, three and more columns under headers of any style, and ECSV (Gaia's XP spectra among them)."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from tomgql.builtin.processors import ecsv
from tomgql.builtin.processors.spectrum_layouts import TABLE_SYNONYMS, is_spectral
from tomgql.builtin.processors.spectrum_options import SPECTRUM_SCHEMA, SpectrumOptions
from tomgql.builtin.processors.spectrum_samples import Samples, add_spectrum
from tomgql.builtin.processors.spectrum_text import SpectrumText, columns_of, first_numbers, split_text
from tomgql.builtin.processors.text_files import head_text, read_text, says_encoding
from tomgql.domain.arrays import FloatColumn
from tomgql.domain.cells import Column
from tomgql.domain.listing import listed
from tomgql.domain.measurements import Note, Reading
from tomgql.domain.synonyms import assign_roles, time_name
from tomgql.errors import UnreadableFile
from tomgql.plugins.contracts import SourceFile

_ECSV_CONFIDENCE, _NAMED_CONFIDENCE, _KEYED_CONFIDENCE = 92, 88, 80
_SAID_CONFIDENCE, _REGULAR_CONFIDENCE, _BROKEN_CONFIDENCE = 75, 45, 20
_SAMPLE_ROWS = 200
_FEWEST_KEYWORDS, _FEWEST_ROWS = 3, 20
_OPTICAL_ANGSTROM = (2_000.0, 30_000.0)
"""Where an axis that nobody names lies if it is one: times of photometry are larger or smaller."""

_MOST_UNEVEN = 4.0
"""Largest step of a nameless axis over its median step."""

_ECSV_NAME = re.compile(r"^#\s+-?\s*\{?name:\s*\"?'?([\w .-]+)", re.MULTILINE)
_META = re.compile(r"^# meta:", re.MULTILINE)
_WAVELENGTH_UNITS = ("CUNIT1", "WAVELENGTH UNIT", "WAVELENGTH_UNIT", "WAVE UNIT", "WAVEUNIT", "XUNITS")
_FLUX_UNITS = ("BUNIT", "FLUX UNIT", "FLUX_UNIT", "FLUX UNITS", "FLUXUNIT", "YUNITS")


class TextSpectrumProcessor:
    """Reads tables of wavelengths and fluxes."""

    name: ClassVar[str] = "spectra_text"
    title: ClassVar[str] = "Spectrum in text"
    version: ClassVar[str] = "1"
    data_types: ClassVar[tuple[str, ...]] = ("spectroscopy",)
    options_schema: ClassVar[Mapping[str, Any]] = SPECTRUM_SCHEMA

    def confidence(self, file: SourceFile) -> int:
        """How surely the text is a spectrum: by its names, its keywords, or an even axis of optical wavelengths."""
        text = head_text(file)
        if text is None or text.lstrip()[:1] in ("<", "{", "["):
            return 0
        if ecsv.SIGNATURE.match(text):
            return _ECSV_CONFIDENCE if is_spectral(_ECSV_NAME.findall(text)) else 0
        lines = text.splitlines() if file.size_bytes <= len(file.head) else text.splitlines()[:-1]
        return _judge(split_text(lines, _SAMPLE_ROWS), "spectr" in file.data_product_type)

    @says_encoding
    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read the spectrum. Raises `UnreadableFile` for texts that hold none."""
        said = SpectrumOptions.read(options)
        text = read_text(file)
        reading = Reading(format_name=self.title)
        if ecsv.SIGNATURE.match(text):
            samples = _of_ecsv(text, said, file.name)
            reading.format_name = "ECSV spectrum"
        else:
            samples = _of_text(split_text(io.StringIO(text)), said, file.name, reading.notes)
        add_spectrum(reading, samples, said, file)
        return reading


def _judge(found: SpectrumText, said: bool) -> int:
    if found.width < 2 or len(found.lines) < 2 or found.names_time:
        return 0
    if found.is_named_spectral:
        return 0 if any(time_name(name) for name in found.names or ()) else _NAMED_CONFIDENCE
    axis = first_numbers(found)
    steps = np.diff(axis)
    if not (np.isfinite(axis).all() and ((steps > 0).all() or (steps < 0).all())):
        return _BROKEN_CONFIDENCE * said
    even = len(axis) >= _FEWEST_ROWS and np.abs(steps).max() <= _MOST_UNEVEN * np.median(np.abs(steps))
    low, high = _OPTICAL_ANGSTROM
    optical = bool(even and axis.min() >= low and axis.max() <= high)
    if optical and len(found.header) >= _FEWEST_KEYWORDS:
        return _KEYED_CONFIDENCE
    return _SAID_CONFIDENCE if said else _REGULAR_CONFIDENCE * optical


def _of_ecsv(text: str, said: SpectrumOptions, file_name: str) -> Samples:
    columns = ecsv.read_ecsv(text, file_name)
    roles = assign_roles(list(columns), said.mapping, TABLE_SYNONYMS)
    if not {"wavelength", "flux"} <= roles.keys():
        raise _columnless(list(columns), file_name)
    chosen = {role: list(columns.values())[at] for role, at in roles.items()}
    comments = "\n".join(itertools.takewhile(lambda line: line.startswith("#"), text.splitlines()))
    described = _META.split(comments, maxsplit=1)
    header = split_text(described[1].splitlines(), 0).header if len(described) > 1 else {}
    samples = _samples(chosen, {role: column.unit for role, column in chosen.items()}, header, file_name)
    return replace(samples, names=list(columns), roles=roles)


def _of_text(found: SpectrumText, said: SpectrumOptions, file_name: str, notes: list[Note]) -> Samples:
    if not found.lines:
        raise UnreadableFile(f"{file_name}: there are no rows of numbers.")
    names = _column_names(found, said, file_name)
    columns = columns_of(found, names, file_name)
    roles = assign_roles(names, said.mapping, TABLE_SYNONYMS)
    if not {"wavelength", "flux"} <= roles.keys():
        if said.columns is not None or said.mapping or found.width < 2:
            raise _columnless(names, file_name)
        roles = _by_place(columns, notes)
    chosen = {role: columns[at] for role, at in roles.items()}
    stated = found.units if found.units is not None and said.columns is None else [""] * found.width
    units: dict[str, str | None] = {role: stated[at] or None for role, at in roles.items()}
    units["wavelength"] = units.get("wavelength") or _keyword(found.header, _WAVELENGTH_UNITS)
    units["flux"] = units.get("flux") or _keyword(found.header, _FLUX_UNITS)
    return replace(_samples(chosen, units, found.header, file_name), names=names, roles=roles)


def _column_names(found: SpectrumText, said: SpectrumOptions, file_name: str) -> list[str]:
    if said.columns is None:
        return found.names or [f"column {at}" for at in range(1, found.width + 1)]
    if len(said.columns) != found.width:
        words = f"option columns names {len(said.columns)} columns; the table has {found.width}"
        raise UnreadableFile(f"{file_name}: {words}.")
    return list(said.columns)


def _by_place(columns: Sequence[Column], notes: list[Note]) -> dict[str, int]:
    """What columns without names mean: wavelength, flux and, of three, the error where none is negative."""
    roles, words = {"wavelength": 0, "flux": 1}, "wavelength and flux"
    if len(columns) == 3 and not (columns[2].numbers.values < 0).any():
        roles["flux_error"], words = 2, "wavelength, flux and its error"
    ignored = f"; {len(columns) - len(roles)} more are not used" if len(columns) > len(roles) else ""
    message = f"columns without names are taken as {words}{ignored} (option columns)"
    notes.append(Note("WARNING", "COLUMNS_ASSUMED", message))
    return roles


def _samples(
    chosen: Mapping[str, Column], units: Mapping[str, str | None], header: Mapping[str, Any], file_name: str
) -> Samples:
    errors = chosen.get("flux_error")
    return Samples(
        _numbers(chosen["wavelength"], file_name), _numbers(chosen["flux"], file_name),
        None if errors is None else _numbers(errors, file_name), units.get("wavelength"), units.get("flux"),
        header=header,
    )  # fmt: skip


def _numbers(column: Column, file_name: str) -> FloatColumn:
    numbers = column.numbers
    bad = np.flatnonzero(numbers.unreadable | numbers.is_limit)
    if len(bad):
        cell = str(column.cells[bad[0]])[:40]
        raise UnreadableFile(f'{file_name}: row {bad[0] + 1}, column {column.name}: "{cell}" is not a number.')
    return numbers.values


def _keyword(header: Mapping[str, str], names: Sequence[str]) -> str | None:
    return next((header[name] for name in names if header.get(name)), None)


def _columnless(names: Sequence[str], file_name: str) -> UnreadableFile:
    return UnreadableFile(
        f"{file_name}: no columns of wavelength and flux. Columns found: {listed(names)}; name them with the column"
        " mapping."
    )
