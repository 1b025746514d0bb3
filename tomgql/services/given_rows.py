"""Rows or columns that a client sends, read by the same rules as files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from tomgql.domain.columns import interpret_photometry
from tomgql.domain.json_values import storable, why_refused
from tomgql.domain.listing import listed
from tomgql.domain.measurements import GenericData, Reading, RejectedRow
from tomgql.domain.names import UNPRINTABLE_WORDS, is_printable_name
from tomgql.domain.options import ColumnOptions
from tomgql.domain.position_rows import interpret_astrometry
from tomgql.domain.row_checks import LONGEST_TEXTS
from tomgql.domain.spectrum_rows import array_columns, interpret_spectra
from tomgql.domain.time import in_range, parse_iso
from tomgql.errors import InvalidInput, TomError, UnreadableFile
from tomgql.services.given_columns import given_columns

if TYPE_CHECKING:
    from tomgql.services.reduction import NewData

_INTERPRETERS: dict[str, Callable[..., Reading]] = {
    "photometry": interpret_photometry, "spectroscopy": interpret_spectra, "astrometry": interpret_astrometry,
}  # fmt: skip

TIME_NAMES = ("mjd", "jd", "timestamp", "time", "date")
"""Where a generic row's time is looked for, in this order."""


def read_given(new: NewData, position: Any) -> Reading:
    """The rows or columns of a call as measured facts. Raises InvalidInput, UnreadableFile, QueryTooCostly.

    What is kept as reported is each row as it was sent, whatever columns other rows of the call have. A call of which
    no row can be taken is a reading of rejected rows alone.
    """
    _check_texts(new)
    _check_kind(new.data_type)
    columns = given_columns(new)
    refused = _refused(new, columns)
    if refused:
        columns = {name: _without(cells, refused) for name, cells in columns.items()}
    said = _as_sent(new, columns, refused)
    interpret = _INTERPRETERS.get(new.data_type)
    if interpret is None:
        reading = _generic(new, columns, said)
    else:
        reading = _interpreted(interpret, new, columns, position)
        _keep_as_sent(reading, said)
    _reject(reading, refused)
    return reading


def _interpreted(
    interpret: Callable[..., Reading], new: NewData, columns: Mapping[str, list[Any]], position: Any
) -> Reading:
    place = None if position is None or position["ra_deg"] is None else tuple(position)
    options = ColumnOptions.read(new.options)
    if options.source_name is None:
        options = replace(options, source_name=new.source_name or None)
    try:
        return interpret(columns, options, file_name="rows", target_position=place)
    except UnreadableFile as error:
        if isinstance(reading := error.details.get("reading"), Reading):
            return reading
        raise


def _as_sent(new: NewData, columns: Mapping[str, list[Any]], refused: Collection[int]) -> Callable[[int], str]:
    """What a row, counted from 1, says as JSON text, without the arrays of spectra."""
    left_out = set(array_columns(list(columns))) if new.data_type == "spectroscopy" else set()
    names = [name for name in columns if name not in left_out]

    def of_row(row: int) -> str:
        if row in refused:
            return "{}"  # nothing is taken of it
        if new.rows is not None:
            sent = new.rows[row - 1]
            return _json({name: sent[name] for name in names if name in sent})
        return _json({name: cell for name in names if (cell := columns[name][row - 1]) is not None})

    return of_row


def _json(row: Mapping[str, Any]) -> str:
    try:
        text = orjson.dumps(row).decode()
        if "\\u0000" not in text:
            return text
    except TypeError:
        pass  # whole numbers beyond 64 bits, or halves of surrogate pairs
    return orjson.dumps(storable(row)).decode()


def _keep_as_sent(reading: Reading, said: Callable[[int], str]) -> None:
    for data in (reading.photometry, reading.astrometry):
        if data is not None:
            data.reported = [said(row) for row in data.row.tolist()]
    for spectrum in reading.spectra:
        spectrum.reported = said(spectrum.row)


def _refused(new: NewData, columns: Mapping[str, list[Any]]) -> dict[int, RejectedRow]:
    """Rows that are not read at all: no objects, and those with values that JSON cannot say."""
    rows = new.rows or ()
    refused = {
        number: RejectedRow(number, "NOT_AN_OBJECT", f"row {number} is not an object with column names", None)
        for number, row in enumerate(rows, 1)
        if not isinstance(row, Mapping)
    }
    arrays = set(array_columns(list(columns))) if new.data_type == "spectroscopy" else set()  # have checks of their own
    for name in columns.keys() - arrays:
        for number, why in _faults(columns[name]):
            words = f"row {number}, column {name} {why[1]}"
            refused.setdefault(number, RejectedRow(number, why[0], words, name))
    return refused


def _faults(cells: Sequence[Any]) -> Iterator[tuple[int, tuple[str, str]]]:
    last: Any = None
    why: tuple[str, str] | None = None
    for number, cell in enumerate(cells, 1):
        if cell is not last:  # a value for all is looked at once
            last, why = cell, why_refused(cell)
        if why is not None:
            yield number, why


def _without(cells: Sequence[Any], refused: Collection[int]) -> list[Any]:
    """The cells without those of refused rows, except texts: a time scale, for one, is said in every row."""
    return [None if row in refused and not isinstance(cell, str) else cell for row, cell in enumerate(cells, 1)]


def _reject(reading: Reading, refused: Mapping[int, RejectedRow]) -> None:
    """Say of these rows why they are refused, instead of what they lack, and take nothing of them."""
    if not refused:
        return
    for kind in ("photometry", "astrometry", "generic"):
        data = getattr(reading, kind)
        if data is not None:
            kept = data.take(~np.isin(data.row, list(refused)))
            setattr(reading, kind, kept if len(kept) else None)
    reading.spectra = [each for each in reading.spectra if each.row not in refused]
    others = [each for each in reading.rejected if each.row not in refused]
    reading.rejected = sorted([*others, *refused.values()], key=lambda rejected: rejected.row)


def _check_texts(new: NewData) -> None:
    for name, text, shortest, longest in (
        ("dataType", new.data_type.strip(), 1, 100),
        ("sourceLocation", new.source_location, 0, 200),
        ("sourceName", new.source_name, 0, LONGEST_TEXTS["source_name"]),
    ):
        if not shortest <= len(text) <= longest or "\x00" in text:
            raise InvalidInput(
                f"`{name}` has {shortest} to {longest} characters, none of them NUL.", path=["input", name]
            )
        if not is_printable_name(text):
            raise InvalidInput(f"`{name}`: {UNPRINTABLE_WORDS}.", path=["input", name])


def _check_kind(data_type: str) -> None:
    """Refuse what is a kind of data but for its case: as generic data it would be in no light curve."""
    kind = data_type.strip().lower()
    if kind in _INTERPRETERS and kind != data_type:
        raise InvalidInput(f'Write `dataType` as "{kind}", not "{data_type}".', path=["input", "dataType"])


def _generic(new: NewData, columns: Mapping[str, list[Any]], said: Callable[[int], str]) -> Reading:
    if new.options:
        raise InvalidInput(
            f'Options say how photometry, spectra or positions are read; "{new.data_type}" is kept as it is sent.',
            path=["input", "options"],
        )
    name = next((each for each in TIME_NAMES if each in columns), None)
    if name is None:
        raise InvalidInput(
            f"There is no time column. Columns found: {listed(list(columns))}. Expected one of"
            f" {', '.join(TIME_NAMES)}.",
            path=["input"],
        )
    reading = Reading(format_name="rows")
    times = np.array([_time(name, cell, row, reading) for row, cell in enumerate(columns[name], 1)], dtype=float)
    keep = np.flatnonzero(~np.isnan(times))
    reading.generic = GenericData(
        data_type=new.data_type,
        mjd_utc=times[keep],
        source_name=_texts("source_name", [new.source_name] * len(times), keep),
        telescope=_texts("telescope", columns.get("telescope"), keep),
        instrument=_texts("instrument", columns.get("instrument"), keep),
        external_id=_texts("external_id", columns.get("id"), keep),
        reported=[said(index + 1) for index in keep.tolist()],
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
