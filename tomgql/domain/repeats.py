"""Rows of one file that claim the same identity.

The same value again is skipped. Another value is kept: it gets an occurrence number, which becomes part of its
identity, so that both survive and the same file read again changes nothing.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from tomgql.domain.identity import identity_codes
from tomgql.domain.measurements import Note, Photometry, rows_text

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
    occurrence = np.zeros(len(photometry), dtype=np.int64)
    same = np.zeros(len(photometry), dtype=np.bool_)
    seen: dict[int, dict[Hashable, int]] = {}
    for row in suspects.tolist():
        values = seen.setdefault(int(inverse[row]), {})
        content = _content(photometry, row)
        same[row] = content in values
        occurrence[row] = values.setdefault(content, len(values))
    photometry.occurrence = occurrence
    return photometry.take(~same), _notes(same, occurrence, photometry.row)


def _content(photometry: Photometry, row: int) -> Hashable:
    """What a row measured; all that it said where that is a flux of unknown unit and no number here tells."""
    columns = [values for name in _VALUES if (values := getattr(photometry, name)) is not None]
    numbers = [float(values[row]) for values in columns]
    return tuple(map(repr, numbers)) if any(number == number for number in numbers) else photometry.reported[row]


def _notes(same: NDArray[np.bool_], occurrence: NDArray[np.int64], rows: NDArray[np.int64]) -> list[Note]:
    notes = []
    other = (occurrence > 0) & ~same
    if same.any():
        message = f"an earlier time, band and value again: {rows_text(int(same.sum()))} skipped"
        notes.append(Note("INFO", "REPEATED_ROW", message, int(rows[same][0]), int(same.sum())))
    if other.any():
        message = f"an earlier time and band with another value: {rows_text(int(other.sum()))} kept"
        notes.append(Note("WARNING", "REPEATED_TIME", message, int(rows[other][0]), int(other.sum())))
    return notes
