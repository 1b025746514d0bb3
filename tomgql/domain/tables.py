"""The columns of one table by position and by meaning, whatever kind of data they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tomgql.domain.cells import Column
from tomgql.domain.listing import listed
from tomgql.domain.measurements import FloatColumn, Note, TextColumn
from tomgql.domain.options import TIME_SCALES, ColumnOptions
from tomgql.domain.synonyms import EXPECTED_TIME_NAMES, SYNONYMS, assign_roles, normalise
from tomgql.domain.times_of_day import combine_times
from tomgql.errors import UnreadableFile

_SCALE_NAMES = frozenset({"timescale", "timesys", "timesystem"})
"""Normalised names of columns that say in which scale the times are."""

Cells = Sequence[Any] | NDArray[Any] | Column


class Table:
    """Named columns of ``size`` cells each; ``synonyms`` tell which means what."""

    def __init__(
        self, columns: Mapping[str, Cells], options: ColumnOptions, file_name: str,
        synonyms: Mapping[str, tuple[str, ...]] = SYNONYMS,
    ) -> None:  # fmt: skip
        self.options = options
        self.file_name = file_name
        self.columns = [
            cells if isinstance(cells, Column) else Column(name, cells, decimal_comma=options.decimal_comma)
            for name, cells in columns.items()
        ]
        self.size = len(self.columns[0].cells) if self.columns else 0
        self.roles = assign_roles([column.name for column in self.columns], options.mapping, synonyms)

    def find(self, role: str) -> Column | None:
        """The column of this meaning, if there is one."""
        return self.columns[self.roles[role]] if role in self.roles else None

    def require(self, role: str, expected: str) -> Column:
        """The column of this meaning; raises `UnreadableFile`, which lists what is there, when there is none."""
        column = self.find(role)
        if column is None:
            raise UnreadableFile(
                f"{self.file_name}: no {role} column. Columns found: {self.names()}. Expected one of {expected}; "
                "name it with the column mapping."
            )
        return column

    def times(self) -> tuple[Column, list[Note]]:
        """The column of times, completed by a column of times of day, and what to tell of it."""
        self._read_scale()
        mapped = bool(self.options.mapping.get("time"))
        chosen = self.require("time", EXPECTED_TIME_NAMES)
        return combine_times(chosen, self.columns, list(self.roles.values()), self.file_name, mapped=mapped)

    def _read_scale(self) -> None:
        """A column that says the same time scale in every row says what the option of that name would."""
        column = next((each for each in self.columns if normalise(each.name) in _SCALE_NAMES), None)
        said = {text.lower() for text in column.texts if text} if column is not None else set()
        if column is None or not said or self.options.time_scale is not None:
            return
        if len(said) > 1 or None in column.texts or not said <= set(TIME_SCALES):
            listed = ", ".join(sorted(said)[:5]) + (" and nothing" if None in column.texts else "")
            raise UnreadableFile(
                f"{self.file_name}: column {column.name} says {listed}; all rows need one time scale, of "
                f"{', '.join(TIME_SCALES)}. Convert them, or name the scale with option time_scale."
            )
        self.options = replace(self.options, time_scale=said.pop())

    def names(self) -> str:
        """The names of the columns, for messages."""
        return listed([column.name for column in self.columns])

    def texts(self, role: str, otherwise: str | None) -> list[str | None]:
        """The text of a role in every row; ``otherwise`` where the column or its cell is missing."""
        column = self.find(role)
        if column is None:
            return [otherwise] * self.size
        return [text if text is not None else otherwise for text in column.texts] if otherwise else column.texts

    def text_columns(self, default_source: str) -> dict[str, Any]:
        """Source, telescope, instrument and the producer's id, as all kinds of data have them."""
        options = self.options
        return {
            "source_name": objects(self.texts("source", options.source_name or default_source or None)),
            "telescope": objects(self.texts("telescope", options.telescope)),
            "instrument": objects(self.texts("instrument", options.instrument)),
            "external_id": objects(self.texts("external_id", None)),
        }

    def exposure(self) -> FloatColumn:
        """Exposure times in seconds, NaN where nobody states them."""
        column, constant = self.find("exposure"), self.options.exposure_s
        values = column.numbers.values if column is not None else np.full(self.size, np.nan)
        filled = np.where(values > 0, values, np.nan if constant is None else constant)
        return filled.astype(np.float64)


def objects(texts: Sequence[str | None]) -> TextColumn:
    """Texts as a column."""
    return np.array([*texts, None], dtype=object)[:-1]
