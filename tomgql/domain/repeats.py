"""Rows of one file that claim the same identity.

The same value again is skipped. Another value is kept: it gets an occurrence number, which becomes part of its
identity, so that both survive and the same file read again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tomgql.domain.astrometry import Astrometry
from tomgql.domain.identity import astrometry_identities, generic_identities, identity_codes, spectrum_identities
from tomgql.domain.measurements import GenericData, Note, Photometry, rows_text
from tomgql.domain.spectra import Spectrum

_VALUES = (
    "flux_ujy", "flux_error_ujy", "limit_flux_ujy", "reported_magnitude", "reported_magnitude_error", "reported_limit",
)  # fmt: skip
"""What makes two rows of one identity the same measurement."""


def settle_repeats(photometry: Photometry) -> tuple[Photometry, list[Note]]:
    """The rows without exact repeats, with `Photometry.occurrence` set where values differ, and what to tell."""
    _, inverse, counts = np.unique(identity_codes(photometry), return_inverse=True, return_counts=True)
    suspects = np.flatnonzero(counts[inverse] > 1)
    if not len(suspects):
        return photometry, []
    occurrence, same = _compare(inverse, suspects.tolist(), lambda row: _content(photometry, row))
    photometry.occurrence = occurrence
    return photometry.take(~same), _notes(same, occurrence, photometry.row, "an earlier time and band")


def settle_positions(data: Astrometry) -> tuple[Astrometry, list[Note]]:
    """The positions without exact repeats, with `Astrometry.occurrence` set where they differ, and what to tell."""
    keys = astrometry_identities(data)
    if len(set(keys)) == len(keys):
        return data, []
    columns = (data.ra_deg, data.dec_deg, data.ra_error_arcsec, data.dec_error_arcsec)
    occurrence, same = _compare(keys, range(len(keys)), lambda row: tuple(repr(values[row]) for values in columns))
    data.occurrence = occurrence if data.occurrence is None else data.occurrence + occurrence
    return data.take(~same), _notes(same, occurrence, data.row, "an earlier time")


def settle_generic(data: GenericData) -> tuple[GenericData, list[Note]]:
    """The rows without exact repeats, with `GenericData.occurrence` set where they differ, and what to tell."""
    keys = generic_identities(data)
    if len(set(keys)) == len(keys):
        return data, []
    occurrence, same = _compare(keys, range(len(keys)), lambda row: data.reported[row])
    data.occurrence = occurrence if data.occurrence is None else data.occurrence + occurrence
    return data.take(~same), _notes(same, occurrence, data.row, "an earlier time")


def settle_spectra(spectra: Sequence[Spectrum]) -> tuple[list[Spectrum], list[Note]]:
    """The spectra without exact repeats, with `Spectrum.occurrence` set where they differ, and what to tell."""
    keys = spectrum_identities(spectra)
    if len(set(keys)) == len(keys):
        return list(spectra), []
    occurrence, same = _compare(keys, range(len(keys)), lambda row: _samples(spectra[row]))
    for each, earlier in zip(spectra, occurrence.tolist(), strict=True):
        each.occurrence += earlier
    kept = [each for each, repeated in zip(spectra, same.tolist(), strict=True) if not repeated]
    rows = np.array([each.row for each in spectra])
    return kept, _notes(same, occurrence, rows, "an earlier time")


Several = TypeVar("Several", Photometry, Astrometry, GenericData)


def firsts(data: Several, identify: Callable[[Several], list[str]]) -> list[str] | None:
    """For rows with an occurrence number, the identity without it; empty for others. None where no row has one."""
    if data.occurrence is None or not data.occurrence.any():
        return None
    others = data.take(data.occurrence > 0)
    others.occurrence = None
    found = iter(identify(others))
    return [next(found) if occurrence else "" for occurrence in data.occurrence.tolist()]


def firsts_of_spectra(spectra: Sequence[Spectrum]) -> list[str]:
    """The same of spectra."""
    plain = spectrum_identities([replace(each, occurrence=0) for each in spectra])
    return [identity if each.occurrence else "" for each, identity in zip(spectra, plain, strict=True)]


def _samples(spectrum: Spectrum) -> Hashable:
    arrays = (spectrum.wavelength_angstrom, spectrum.flux_values, spectrum.flux_error_values)
    return tuple(None if array is None else array.tobytes() for array in arrays)


def _compare(
    keys: Sequence[Hashable] | NDArray[np.int64], suspects: Iterable[int], content: Callable[[int], Hashable]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """For rows that may share a key: how many other contents came before under it, and whether this one did."""
    occurrence = np.zeros(len(keys), dtype=np.int64)
    same = np.zeros(len(keys), dtype=np.bool_)
    seen: dict[Hashable, dict[Hashable, int]] = {}
    for row in suspects:
        values = seen.setdefault(keys[row], {})
        said = content(row)
        same[row] = said in values
        occurrence[row] = values.setdefault(said, len(values))
    return occurrence, same


def _content(photometry: Photometry, row: int) -> Hashable:
    """What a row measured; all that it said where that is a flux of unknown unit and no number here tells."""
    columns = [values for name in _VALUES if (values := getattr(photometry, name)) is not None]
    numbers = [float(values[row]) for values in columns]
    return tuple(map(repr, numbers)) if any(number == number for number in numbers) else photometry.reported[row]


def _notes(same: NDArray[np.bool_], occurrence: NDArray[np.int64], rows: NDArray[np.int64], earlier: str) -> list[Note]:
    notes = []
    other = (occurrence > 0) & ~same
    if same.any():
        message = f"{earlier.replace(' and ', ', ')} and value again: {rows_text(int(same.sum()))} skipped"
        notes.append(Note("INFO", "REPEATED_ROW", message, int(rows[same][0]), int(same.sum())))
    if other.any():
        message = f"{earlier} with another value: {rows_text(int(other.sum()))} kept"
        notes.append(Note("WARNING", "REPEATED_TIME", message, int(rows[other][0]), int(other.sum())))
    return notes
