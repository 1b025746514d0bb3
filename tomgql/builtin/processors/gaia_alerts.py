"""Light curves of Gaia Science Alerts.

Format (http://gsaweb.ast.cam.ac.uk/alerts/, "lightcurve.csv"): a line with the alert's name, the line
``#Date,JD(TCB),averagemag.``, then rows; the magnitude is G (Vega), ``null`` where nothing was measured, ``untrusted``
where the pipeline does not believe it. Times are TCB, up to 92 s ahead of UTC in 2024; they are read as times at the
satellite, since nobody says that they were moved to the barycentre. Errors are not given: those kept here are the
estimate by magnitude that clients of the alerts use, which no paper of the survey states.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tomgql.builtin.processors.delimited import named_columns, split_rows
from tomgql.builtin.processors.readings import (
    choose_options,
    derived,
    empty_reading,
    numbers,
    options_schema,
    read_columns,
)
from tomgql.builtin.processors.text_files import head_text, read_text, says_encoding
from tomgql.domain.cells import Column
from tomgql.domain.measurements import Note, Reading, rows_text
from tomgql.domain.options import ColumnOptions, check_options
from tomgql.errors import UnreadableFile
from tomgql.plugins.contracts import SourceFile

_HEADER = re.compile(r"^\s*#?\s*Date\s*,\s*JD\s*\(TCB\)\s*,\s*averagemag\.?[^\n]*\n?", re.IGNORECASE | re.MULTILINE)
_JD, _MAGNITUDE = "JD(TCB)", "averagemag"
_NAMES = ("Date", _JD, _MAGNITUDE)
_UNTRUSTED = "untrusted"

_BRIGHT_G, _FAINT_G = 13.5, 17.0
"""Between these the error grows as 0.2 G, below it is constant, and beyond it grows as 0.26 G."""

_OPTIONS = choose_options("source_name")


class GaiaAlertsProcessor:
    """Reads the light curve of one Gaia alert."""

    name: ClassVar[str] = "gaia_alerts"
    title: ClassVar[str] = "Gaia Science Alerts"
    version: ClassVar[str] = "1"
    data_types: ClassVar[tuple[str, ...]] = ("photometry",)
    options_schema: ClassVar[Mapping[str, Any]] = options_schema(_OPTIONS)

    def confidence(self, file: SourceFile) -> int:
        """100 when the line of column names is there."""
        text = head_text(file)
        return 100 * (text is not None and _HEADER.search(text[:2000]) is not None)

    @says_encoding
    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read the whole file; rows without any magnitude are an empty light curve, not a fault."""
        check_options(_OPTIONS, {name: value for name, value in options.items() if value is not None})
        text = read_text(file)
        header = _HEADER.search(text)
        if header is None:
            raise UnreadableFile(f"{file.name}: the line #Date,JD(TCB),averagemag. of Gaia's alerts is missing.")
        more = header[0].strip().split(",")[len(_NAMES) :]
        table = named_columns([*_NAMES, *more], split_rows(text[header.end() :], ",", file.name))
        untrusted = sum(str(cell).strip().lower() == _UNTRUSTED for cell in table.columns[_MAGNITUDE].cells)
        columns = table.columns | _estimated(table.columns[_MAGNITUDE])
        if not np.isfinite(numbers(columns, _MAGNITUDE)).any():
            reading = empty_reading(self.title)
        else:
            reading = table.amend(read_columns(file, columns, _facts(options), self.title))
            words = "Gaia's alerts have no errors; the usual ones of a source of this brightness are taken"
            reading.notes.append(Note("INFO", "ERROR_ESTIMATED", words))
        if untrusted:
            words = f"{rows_text(untrusted)} that Gaia calls untrusted; left out"
            reading.notes.append(Note("INFO", "QUALITY_CUT", words, count=untrusted))
        return reading


def _estimated(magnitude: Column) -> dict[str, Column]:
    return derived("estimated error", estimated_error(magnitude.numbers.values))


def estimated_error(magnitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """The usual error of one Gaia alert's magnitude in G, mag; NaN stays NaN."""
    bright = np.maximum(magnitude, _BRIGHT_G)
    slope, offset = np.where(bright <= _FAINT_G, 0.2, 0.26), np.where(bright <= _FAINT_G, 5.2, 6.26)
    error: NDArray[np.float64] = 10.0 ** (slope * bright - offset)
    return error


def _facts(options: Mapping[str, Any]) -> ColumnOptions:
    facts = {
        "mapping": {"time": _JD, "magnitude": _MAGNITUDE, "magnitude_error": "estimated error"}, "time_format": "jd",
        "time_scale": "tcb", "magnitude_system": "Vega", "band": "gaia::g", "telescope": "Gaia",
        "source_name": "Gaia alerts",
    }  # fmt: skip
    return ColumnOptions.read_over(facts, options)
