"""Rows or columns that a client sends, read by the same rules as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from tomgql.domain.columns import interpret_photometry
from tomgql.domain.measurements import GenericData, Reading, RejectedRow
from tomgql.domain.options import ColumnOptions
from tomgql.domain.row_checks import LONGEST_TEXTS
from tomgql.domain.time import in_range, parse_iso
from tomgql.errors import InvalidInput, QueryTooCostly, TomError

if TYPE_CHECKING:
    from tomgql.services.reduction import NewData

MOST_ROWS = 100_000
"""Most rows of one call; more go into several calls or a file."""

MOST_COLUMNS = 100
"""Most different column names of one call; ATLAS has 19, ZTF's forced photometry 40."""

TIME_NAMES = ("mjd", "jd", "timestamp", "time", "date")
"""Where a generic row's time is looked for, in this order."""


def read_given(new: NewData, position: Any) -> Reading:
    """The rows or columns of a call as measured facts. Raises InvalidInput, UnreadableFile, QueryTooCostly."""
    _check_texts(new)
    columns = _columns(new)
    if new.data_type == "photometry":
        place = None if position is None or position["ra_deg"] is None else tuple(position)
        options = ColumnOptions(source_name=new.source_name or None)
        return interpret_photometry(columns, options, file_name="rows", target_position=place)
    if new.data_type in ("spectroscopy", "astrometry"):
        raise InvalidInput(
            f'createReducedData takes "photometry" and words of your own as dataType, not yet "{new.data_type}".',
            path=["input", "dataType"],
        )
    return _generic(new, columns)


def _check_texts(new: NewData) -> None:
    for name, text, longest in (("dataType", new.data_type, 100), ("sourceLocation", new.source_location, 200)):
        if len(text) > longest or "\x00" in text or (name == "dataType" and not text.strip()):
            raise InvalidInput(f"`{name}` may have {longest} characters.", path=["input", name])
    if len(new.source_name) > LONGEST_TEXTS["source_name"]:
        raise InvalidInput(f"`sourceName` may have {LONGEST_TEXTS['source_name']} characters.", path=["input"])


def _columns(new: NewData) -> dict[str, list[Any]]:
    if (new.rows is None) == (new.columns is None):
        raise InvalidInput("Give either `rows` or `columns`.", path=["input", "rows"])
    columns = _from_rows(new.rows) if new.rows is not None else _from_columns(new.columns or {})
    size = len(next(iter(columns.values()), []))
    if size == 0:
        raise InvalidInput("There are no rows.", path=["input", "rows" if new.rows is not None else "columns"])
    return columns


def _check_size(rows: int, names: int) -> None:
    """Refuse before anything is multiplied out: rows with a name each would fill the memory."""
    if rows > MOST_ROWS:
        raise QueryTooCostly(f"One call takes {MOST_ROWS} rows, not {rows}; send several calls.", path=["input"])
    if names > MOST_COLUMNS:
        raise QueryTooCostly(f"One call takes {MOST_COLUMNS} different columns, not {names}.", path=["input"])


def _from_rows(rows: Sequence[Any]) -> dict[str, list[Any]]:
    _check_size(len(rows), 0)
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            raise InvalidInput(f"Row {number} is not an object with column names.", path=["input", "rows"])
    names = dict.fromkeys(name for row in rows for name in row)
    _check_size(len(rows), len(names))
    return {name: [row.get(name) for row in rows] for name in names}


def _from_columns(given: Any) -> dict[str, list[Any]]:
    if not isinstance(given, Mapping):
        raise InvalidInput("`columns` is an object of arrays.", path=["input", "columns"])
    lengths = {name: len(cells) for name, cells in given.items() if isinstance(cells, list)}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise InvalidInput(f"Columns must be of equal length: {listed}.", path=["input", "columns"])
    size = next(iter(lengths.values()), 1)
    _check_size(size, len(given))
    return {name: cells if isinstance(cells, list) else [cells] * size for name, cells in given.items()}


def _generic(new: NewData, columns: Mapping[str, list[Any]]) -> Reading:
    name = next((each for each in TIME_NAMES if each in columns), None)
    if name is None:
        raise InvalidInput(
            f"There is no time column. Columns found: {', '.join(columns)}. Expected one of {', '.join(TIME_NAMES)}.",
            path=["input"],
        )
    reading = Reading(format_name="rows")
    times = np.array([_time(name, cell, row, reading) for row, cell in enumerate(columns[name], 1)], dtype=float)
    keep = np.flatnonzero(~np.isnan(times))
    rows = [{column: cells[index] for column, cells in columns.items()} for index in keep]
    reading.generic = GenericData(
        data_type=new.data_type,
        mjd_utc=times[keep],
        source_name=_texts("source_name", [new.source_name] * len(times), keep),
        telescope=_texts("telescope", columns.get("telescope"), keep),
        instrument=_texts("instrument", columns.get("instrument"), keep),
        external_id=_texts("external_id", columns.get("id"), keep),
        reported=[orjson.dumps(row).decode() for row in rows],
        row=keep + 1,
    )
    return reading


def _texts(name: str, cells: Sequence[Any] | None, keep: Any) -> Any:
    texts = np.full(len(keep), None, dtype=object)
    if cells is not None:
        texts[:] = [None if cells[index] in (None, "") else str(cells[index]) for index in keep]
    longest = LONGEST_TEXTS[name]
    if any(len(text) > longest for text in texts if text is not None):
        raise InvalidInput(f"A {name.replace('_', ' ')} has more than {longest} characters.", path=["input"])
    return texts


def _time(name: str, cell: Any, row: int, reading: Reading) -> float:
    """MJD in UTC of one cell; NaN, and a rejected row, when it is none."""
    try:
        if isinstance(cell, str):
            mjd = parse_iso(cell)[0]
        elif isinstance(cell, (int, float)) and not isinstance(cell, bool):
            mjd = float(cell) - (2400000.5 if name == "jd" else 0.0)
        else:
            raise InvalidInput("a time is a number (MJD or JD) or an ISO 8601 text")
    except TomError as error:
        reading.rejected.append(RejectedRow(row, "INVALID_TIME", error.message, name))
        return float("nan")
    if not in_range(mjd):
        reading.rejected.append(RejectedRow(row, "TIME_OUT_OF_RANGE", f"time {cell} lies before 1850 or ahead", name))
        return float("nan")
    return mjd
