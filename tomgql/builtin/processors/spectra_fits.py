"""Spectra in FITS files, by what their headers say, never by the file's name or by a guess at its pipeline."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, ClassVar

from tomgql.builtin.processors.fits_files import FITS_MAGIC, opened_fits
from tomgql.builtin.processors.spectrum_layouts import is_spectral, spectra_of
from tomgql.builtin.processors.spectrum_options import SPECTRUM_SCHEMA, SpectrumOptions
from tomgql.builtin.processors.spectrum_samples import Samples, add_spectrum
from tomgql.builtin.processors.text_files import head_content
from tomgql.domain.measurements import Note, Reading
from tomgql.errors import UnreadableFile
from tomgql.plugins.contracts import SourceFile

MOST_SPECTRA = 50
"""Spectra of one file that are taken without being chosen: those of a plate are of other objects."""

_COLUMN = re.compile(rb"TTYPE\d+\s*=\s*'([^']*)'")
_SPECTRAL_CARD = re.compile(
    rb"(?:DC-FLAG |COEFF0  |BANDID1 |ARRAY1  )=|CTYPE1  =\s*'(?:WAVE|AWAV|LAMBDA|MULTISPE)"
    rb"|WAT1_001=\s*'[^']*[Ww]avelength|EXTNAME =\s*'WAVELENGTH|VOCLASS =\s*'SPECTRUM"
)
_ONE_AXIS = re.compile(rb"NAXIS   =\s+1 .{0,800}CRVAL1  =", re.DOTALL)
_STATED, _LIKELY, _SAID, _NAMED = 95, 60, 40, 15


class FitsSpectrumProcessor:
    """Reads spectra of FITS files: images, extensions, tables."""

    name: ClassVar[str] = "spectra_fits"
    title: ClassVar[str] = "FITS spectrum"
    version: ClassVar[str] = "1"
    data_types: ClassVar[tuple[str, ...]] = ("spectroscopy",)
    options_schema: ClassVar[Mapping[str, Any]] = SPECTRUM_SCHEMA

    def confidence(self, file: SourceFile) -> int:
        """95 for keywords or columns of spectra, 60 for one axis with a scale, 40 for a FITS file said to be one."""
        head = head_content(file)
        if not head.startswith(FITS_MAGIC):
            return 0
        names = [match.decode("ascii", "replace").strip() for match in _COLUMN.findall(head)]
        if _SPECTRAL_CARD.search(head) or is_spectral(names):
            return _STATED
        if _ONE_AXIS.search(head):
            return _LIKELY
        return _SAID if "spectr" in file.data_product_type else _NAMED

    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read the spectra of the file. Raises `UnreadableFile` for damaged files and for those without one."""
        said = SpectrumOptions.read(options)
        reading = Reading(format_name=self.title)
        with opened_fits(file) as document:
            found = _chosen(spectra_of(document, said, file.name, reading.notes), said, file.name)
            for row, samples in found:
                add_spectrum(reading, samples, said, file, row)
        if len(found) > 1:
            words = f"the file holds {len(found)} spectra; all are taken (option spectrum)"
            reading.notes.append(Note("INFO", "SEVERAL_SPECTRA", words, count=len(found)))
        return reading


def _chosen(spectra: Iterable[Samples], said: SpectrumOptions, file_name: str) -> list[tuple[int, Samples]]:
    """The spectra to be taken, numbered from 1: the one of option ``spectrum``, else all, if they are not too many."""
    numbered = enumerate(spectra, 1)
    if said.spectrum is None:
        found = list(islice(numbered, MOST_SPECTRA + 1))
        if len(found) > MOST_SPECTRA:
            words = f"more than {MOST_SPECTRA} spectra; name the one of this target with option spectrum"
            raise UnreadableFile(f"{file_name}: {words}.")
        return found
    count = 0
    for count, samples in numbered:
        if count == said.spectrum:
            return [(count, samples)]
    raise UnreadableFile(f"{file_name}: there is no spectrum {said.spectrum:g}; the file holds {count}.")
