"""What a client sends, as rows or as columns, brought into columns of equal length, within limits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tomgql.domain.cells import clean_text
from tomgql.domain.spectrum_rows import array_columns
from tomgql.errors import InvalidInput, QueryTooCostly

if TYPE_CHECKING:
    from tomgql.services.reduction import NewData

MOST_ROWS = 100_000
"""Most rows of one call; more go into several calls or a file."""

MOST_COLUMNS = 100
"""Most different column names of one call; ATLAS has 19, ZTF's forced photometry 40."""

LONGEST_NAME = 200
"""Characters of a column's name."""

MOST_VALUES = 5_000_000
"""Most values in the arrays of one call, such as 1,600 spectra of 1,000 samples with errors."""

MOST_REPEATED_BYTES = 64 * 1024 * 1024
"""Most bytes of JSON that values for all may come to in all rows."""


def given_columns(new: NewData) -> dict[str, list[Any]]:
    """The columns of a call; raises InvalidInput and QueryTooCostly."""
    if (new.rows is None) == (new.columns is None):
        raise InvalidInput("Give either `rows` or `columns`.", path=["input", "rows"])
    if new.rows is not None:
        columns = _from_rows(new.rows)
    else:
        columns = _from_columns(new.columns or {}, spectra=new.data_type == "spectroscopy")
    if not next(iter(columns.values()), []):
        raise InvalidInput("There are no rows.", path=["input", "rows" if new.rows is not None else "columns"])
    _check_names(columns)
    _check_values(columns)
    return columns


def _check_names(columns: Mapping[str, Any]) -> None:
    """Reports name columns: their names must be short, and text that can be sent back."""
    for name in columns:
        if len(name) > LONGEST_NAME or clean_text(name) != name:
            shown = clean_text(name[:60])
            words = (
                f'Column "{shown}": names have at most {LONGEST_NAME} characters, no NUL and no half surrogate pair.'
            )
            raise InvalidInput(words, path=["input"])


def _check_size(rows: int, names: int) -> None:
    """Refuse before anything is multiplied out: rows with a name each would fill the memory."""
    if rows > MOST_ROWS:
        raise QueryTooCostly(f"One call takes {MOST_ROWS} rows, not {rows}; send several calls.", path=["input"])
    if names > MOST_COLUMNS:
        raise QueryTooCostly(f"One call takes {MOST_COLUMNS} different columns, not {names}.", path=["input"])


def _check_values(columns: Mapping[str, Sequence[Any]]) -> None:
    count = sum(len(cell) for cells in columns.values() for cell in cells if isinstance(cell, list))
    if count > MOST_VALUES:
        raise QueryTooCostly(f"One call takes {MOST_VALUES} values in arrays, not {count}.", path=["input"])


def _from_rows(rows: Sequence[Any]) -> dict[str, list[Any]]:
    _check_size(len(rows), 0)
    objects = [row if isinstance(row, Mapping) else {} for row in rows]  # others are rejected one by one
    names = dict.fromkeys(name for row in objects for name in row)
    if rows and not names:
        raise InvalidInput("Row 1 is not an object with column names.", path=["input", "rows"])
    _check_size(len(rows), len(names))
    return {name: [row.get(name) for row in objects] for name in names}


def _from_columns(given: Any, *, spectra: bool) -> dict[str, list[Any]]:
    if not isinstance(given, Mapping):
        raise InvalidInput("`columns` is an object of arrays.", path=["input", "columns"])
    lists, constants = _told_apart(given, spectra=spectra)
    lengths = {name: len(cells) for name, cells in lists.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise InvalidInput(f"Columns must be of equal length: {listed}.", path=["input", "columns"])
    size = next(iter(lengths.values()), 1)
    _check_size(size, len(given))
    _check_repeated(constants, size)
    return {name: lists[name] if name in lists else [constants[name]] * size for name in given}


def _told_apart(given: Mapping[str, Any], *, spectra: bool) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """Columns with a value a row, and values for all.

    The arrays of spectra hold an array a row; one that holds numbers is itself a value for all, and where all of them
    do they are one spectrum.
    """
    lists = {name: cells for name, cells in given.items() if isinstance(cells, list)}
    constants = {name: value for name, value in given.items() if name not in lists}
    arrays = [name for name in array_columns(list(given)) if name in lists] if spectra else []
    nested = [name for name in arrays if any(isinstance(cell, list) for cell in lists[name])]
    for name in arrays:
        if not nested:
            lists[name] = [lists[name]]
        elif name not in nested and any(cell is not None for cell in lists[name]):
            constants[name] = lists.pop(name)
    return lists, constants


def _check_repeated(constants: Mapping[str, Any], size: int) -> None:
    """Refuse values for all that would fill the memory once they stand in every row."""
    plain = [value for value in constants.values() if not isinstance(value, list)]  # arrays are counted as values
    try:
        total = sum(len(json.dumps(value)) for value in plain) * (size - 1)
    except (RecursionError, ValueError) as error:
        raise InvalidInput("A value for all rows is nested too deep, or a number too long.", path=["input"]) from error
    if total > MOST_REPEATED_BYTES:
        raise QueryTooCostly(
            f"Values for all rows come to {total} bytes in {size} rows; at most {MOST_REPEATED_BYTES} are taken.",
            path=["input", "columns"],
        )
