"""Rows or columns that a client sends, read by the same rules as files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from tomgql.domain.columns import interpret_photometry
from tomgql.domain.measurements import GenericData, Reading, RejectedRow
from tomgql.domain.options import ColumnOptions
from tomgql.domain.position_rows import interpret_astrometry
from tomgql.domain.row_checks import LONGEST_TEXTS
from tomgql.domain.spectrum_rows import interpret_spectra
from tomgql.domain.time import in_range, parse_iso
from tomgql.errors import InvalidInput, TomError
from tomgql.services.given_columns import given_columns

if TYPE_CHECKING:
    from tomgql.services.reduction import NewData

_INTERPRETERS: dict[str, Callable[..., Reading]] = {
    "photometry": interpret_photometry, "spectroscopy": interpret_spectra, "astrometry": interpret_astrometry,
}  # fmt: skip

TIME_NAMES = ("mjd", "jd", "timestamp", "time", "date")
"""Where a generic row's time is looked for, in this order."""


def read_given(new: NewData, position: Any) -> Reading:
    """The rows or columns of a call as measured facts. Raises InvalidInput, UnreadableFile, QueryTooCostly."""
    _check_texts(new)
    columns = given_columns(new)
    interpret = _INTERPRETERS.get(new.data_type)
    if interpret is None:
        return _generic(new, columns)
    place = None if position is None or position["ra_deg"] is None else tuple(position)
    options = ColumnOptions(source_name=new.source_name or None)
    return interpret(columns, options, file_name="rows", target_position=place)


def _check_texts(new: NewData) -> None:
    for name, text, longest in (("dataType", new.data_type, 100), ("sourceLocation", new.source_location, 200)):
        if len(text) > longest or "\x00" in text or (name == "dataType" and not text.strip()):
            raise InvalidInput(f"`{name}` may have {longest} characters.", path=["input", name])
    if len(new.source_name) > LONGEST_TEXTS["source_name"]:
        raise InvalidInput(f"`sourceName` may have {LONGEST_TEXTS['source_name']} characters.", path=["input"])


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
