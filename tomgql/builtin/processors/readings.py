"""What the readers of photometry share: columns to a reading, and cuts of bad rows that are counted one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tomgql.domain.cells import Column
from tomgql.domain.columns import interpret_photometry
from tomgql.domain.measurements import Note, Reading, rows_text
from tomgql.domain.options import OPTIONS_PROPERTIES, ColumnOptions
from tomgql.plugins.contracts import SourceFile

Properties = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Cut:
    """Rows that are left out: ``bad`` (n,), true for them, and the words that say why, behind "3 rows with"."""

    words: str
    bad: NDArray[np.bool_]


def position(file: SourceFile) -> tuple[float, float] | None:
    """The target's position (ICRS degrees), if it has one."""
    if file.target_ra_deg is None or file.target_dec_deg is None:
        return None
    return file.target_ra_deg, file.target_dec_deg


def read_columns(file: SourceFile, columns: Mapping[str, Column], said: ColumnOptions, title: str) -> Reading:
    """Columns of a file as photometry of its target. Raises `UnreadableFile` as `interpret_photometry` does."""
    reading = interpret_photometry(
        columns, said, file_name=file.name, target_names=file.target_names, target_position=position(file)
    )
    reading.format_name = title
    return reading


def empty_reading(title: str) -> Reading:
    """A service's answer without rows: an empty light curve, not a fault."""
    return Reading(notes=[Note("INFO", "NO_ROWS", "the light curve is empty", count=0)], format_name=title)


def apply_cuts(reading: Reading, cuts: Iterable[Cut]) -> None:
    """Leave out the rows of every cut; a row that two cuts concern is counted with the first."""
    for cut in cuts:
        found = reading.photometry
        if found is None:
            return
        bad = cut.bad[found.row - 1]
        count = int(np.count_nonzero(bad))
        if count:
            words = f"{rows_text(count)} with {cut.words}; left out"
            reading.notes.append(Note("INFO", "QUALITY_CUT", words, int(found.row[bad][0]), count))
            reading.photometry = found.take(~bad) if count < len(found) else None


def warn_of_rows(reading: Reading, flagged: NDArray[np.bool_], code: str, words: str) -> None:
    """Warn of the rows, (n,) by place in the file, that were kept although something is odd about them."""
    found = reading.photometry
    if found is None:
        return
    bad = flagged[found.row - 1]
    count = int(np.count_nonzero(bad))
    if count:
        message = f"{rows_text(count)} with {words}; kept"
        reading.notes.append(Note("WARNING", code, message, int(found.row[bad][0]), count))


def numbers(columns: Mapping[str, Column], name: str) -> NDArray[np.float64]:
    """The numbers of a column, NaN where there are none; all NaN where there is no such column."""
    column = columns.get(name)
    if column is not None:
        return column.numbers.values
    return np.full(size_of(columns), np.nan)


def size_of(columns: Mapping[str, Column]) -> int:
    """How many rows the columns have."""
    return len(next(iter(columns.values())).cells) if columns else 0


def derived(name: str, cells: Sequence[Any] | NDArray[Any], *, unit: str | None = None) -> dict[str, Column]:
    """A column that a processor worked out, under its name."""
    return {name: Column(name, cells, unit=unit, derived=True)}


def choose_options(*names: str, **own: dict[str, Any]) -> Properties:
    """The properties of an options schema: some of everybody's, and a processor's own."""
    return {name: OPTIONS_PROPERTIES[name] for name in names} | own


def split_options(own: Iterable[str], options: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """A processor's own options, and those of columns that everybody has."""
    mine = set(own) - set(OPTIONS_PROPERTIES)
    given = {name: value for name, value in options.items() if value is not None}
    return (
        {name: value for name, value in given.items() if name in mine},
        {name: value for name, value in given.items() if name not in mine},
    )


def options_schema(properties: Properties) -> dict[str, Any]:
    """The JSON Schema of a processor's options."""
    return {"type": "object", "properties": properties, "additionalProperties": False}
