"""``python -m tests.samples [DIRECTORY]``: a markdown table of what is read from each file of a directory.

Each file is read by the surest processor and staged, as a worker does, in this process; nothing is stored. The first
name that a refusal lists stands for the target of a file of several objects, so that one of them is read; the table
says so.
"""

from __future__ import annotations

import io
import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.support.files import DATA, REGISTRY, a_file
from tomgql.domain.measurements import Reading
from tomgql.domain.staging import write_reading
from tomgql.errors import TomError
from tomgql.plugins.contracts import SourceFile

COLUMNS = ("file", "processor", "format", "data", "time span (MJD, UTC)", "rejected", "notes")
_KINDS = (("spec_", "spectroscopy"), ("mpc80_", "astrometry"), ("ades_", "astrometry"), ("voevent_", "astrometry"))
"""Beginnings of names in the sample directories, and the type under which a person would upload such a file."""

_SKIPPED = frozenset({".md", ".py"})
_LISTED = re.compile(r"none is a name or alias of this target: (?P<name>[^,]+)")
_LONGEST_CELL = 300


@dataclass(frozen=True)
class Row:
    """One line of the table, a text a column."""

    cells: tuple[str, ...]

    def __str__(self) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in self.cells) + " |"


def main(directory: Path) -> None:
    """Print the table."""
    print(Row(COLUMNS))
    print(Row(("---",) * len(COLUMNS)))
    for path in sorted(directory.iterdir()):
        if path.is_file() and path.suffix not in _SKIPPED:
            print(describe(path), flush=True)


def describe(path: Path) -> Row:
    """What is read from one file."""
    kind = next((kind for start, kind in _KINDS if path.name.startswith(start)), "photometry")
    file = a_file(path, kind=kind)
    try:
        processor, reading, said = _read(file)
    except TomError as fault:
        name = _name(file)
        return Row((path.name, name, "refused", "0", "", "", _short(fault.message.removeprefix(f"{path.name}: "))))
    rejected = Counter(row.code for row in reading.rejected)
    return Row((
        path.name, processor, reading.format_name, ", ".join(_counts(reading)), _span(reading),
        ", ".join(f"{code} {count}" for code, count in rejected.most_common()) or "0", _short("; ".join(said)),
    ))  # fmt: skip


def _name(file: SourceFile) -> str:
    try:
        return REGISTRY.choose_processor(file).name
    except TomError:
        return "none"


def _read(file: SourceFile) -> tuple[str, Reading, list[str]]:
    """The processor's name, what was staged, and the notes."""
    processor = REGISTRY.choose_processor(file)
    said = []
    try:
        reading = processor.read(file, {})
    except TomError as fault:
        listed = _LISTED.search(fault.message)
        if listed is None:
            raise
        said = [f"{fault.message.removeprefix(f'{file.name}: ').partition(';')[0]}; read as {listed['name']}"]
        reading = processor.read(file, {"object": listed["name"]})
    write_reading(reading, io.BytesIO())
    return processor.name, reading, said + [f"{note.level} {note.message}" for note in reading.notes]


def _counts(reading: Reading) -> list[str]:
    counts = []
    if reading.photometry is not None:
        bands = Counter(map(str, reading.photometry.band.tolist())).most_common(4)
        some = " ".join(f"{band} {count}" for band, count in bands)
        counts.append(f"photometry {len(reading.photometry)} ({some})")
    if reading.spectra:
        sizes = " ".join(str(len(each.flux_values)) for each in reading.spectra[:4])
        counts.append(f"spectroscopy {len(reading.spectra)} ({sizes} samples)")
    if reading.astrometry is not None:
        codes = Counter(map(str, reading.astrometry.observatory_code.tolist())).most_common(4)
        some = " ".join(f"{code} {count}" for code, count in codes)
        counts.append(f"astrometry {len(reading.astrometry)} ({some})")
    if reading.generic is not None:
        counts.append(f"{reading.generic.data_type} {len(reading.generic)}")
    return counts or ["none"]


def _span(reading: Reading) -> str:
    columns = [data.mjd_utc for data in (reading.photometry, reading.astrometry, reading.generic) if data is not None]
    mjd = np.concatenate([*columns, [each.mjd_utc for each in reading.spectra]])
    if not len(mjd):
        return ""
    first, last = float(mjd.min()), float(mjd.max())
    return f"{first:.5f}" if first == last else f"{first:.5f} to {last:.5f}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_CELL else text[: _LONGEST_CELL - 3] + "..."


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)
