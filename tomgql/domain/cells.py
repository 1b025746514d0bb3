"""Columns as they come, of text, numbers or None, read as numbers, as text and as JSON.

All three are made at most once a column, and by C code where the cells are clean: joined with commas, a column of
JSON numbers is a JSON array, which orjson reads 20 times faster than Python reads cell by cell.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import NoneType
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

MISSING_WORDS = frozenset(
    {"", "null", "none", "nan", "na", "n/a", "--", "-", "untrusted", "inf", "+inf", "-inf", "infinity"}
)
"""Lower-case cells that stand for "no value" in real files."""

_JSON_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.\d{1,40})?(?:[eE][+-]?\d{1,2})?", re.ASCII)
"""A JSON number that PostgreSQL can hold as well; longer ones are kept as text."""

_NUMBER = re.compile(r"([<>]?)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?)", re.ASCII)
"""A number as people write it, perhaps with the ``<`` or ``>`` of a limit, or with FORTRAN's exponent D."""


LARGEST_NUMBER = 1e300
"""Beyond this nothing is a number: a whole number of a thousand digits has no float at all."""


@dataclass(frozen=True)
class Numbers:
    """``values`` (n,), NaN where missing or unreadable; ``is_limit`` (n,) where the cell began with ``<`` or ``>``."""

    values: NDArray[np.float64]
    is_limit: NDArray[np.bool_]
    unreadable: NDArray[np.bool_]


class Column:
    """One named column of ``n`` cells: ``str``, ``int``, ``float``, ``bool``, ``None`` or anything JSON can say.

    ``decimal_comma``: ``12,5`` is a number. ``unit`` as the file states it, if it does. ``derived``: a processor
    worked it out, so it does not belong to what the file said.
    """

    def __init__(
        self, name: str, cells: Sequence[Any] | NDArray[Any], *, unit: str | None = None, decimal_comma: bool = False,
        derived: bool = False,
    ) -> None:  # fmt: skip
        self.name = name
        self.unit = unit
        self.derived = derived
        self.cleaned = 0
        self._array = cells if isinstance(cells, np.ndarray) and cells.dtype.kind in "fiu" else None
        self.cells: list[Any] = cells.tolist() if isinstance(cells, np.ndarray) else list(cells)
        self._decimal_comma = decimal_comma
        self._clean()

    def _clean(self) -> None:
        """Drop what PostgreSQL cannot store: NUL characters, and surrogates without their partner."""
        if self._array is not None or self._plain_numbers is not None:
            return
        if self._types == {str}:
            joined = "".join(self.cells)
            if joined.isascii() and "\x00" not in joined:
                return
        for index, cell in enumerate(self.cells):
            if isinstance(cell, str) and (not cell.isascii() or "\x00" in cell):
                clean = clean_text(cell)
                self.cleaned += clean != cell
                self.cells[index] = clean

    @cached_property
    def _types(self) -> set[type]:
        return set(map(type, self.cells))

    @property
    def is_boolean(self) -> bool:
        """Whether the cells say true or false, and nothing else."""
        return bool in self._types and self._types <= {bool, NoneType}

    @cached_property
    def _plain_numbers(self) -> NDArray[np.float64] | None:
        """Shape (n,) when every cell is a number, None, or the text of a JSON number or empty; else None."""
        if self._types <= {int, float, NoneType}:
            return None if self._too_big else np.array(self.cells, dtype=np.float64)
        if self._types != {str}:
            return None
        try:
            values = orjson.loads("[" + ",".join([cell or "null" for cell in self.cells]) + "]")
        except (ValueError, UnicodeEncodeError):
            return None
        if len(values) != len(self.cells) or not set(map(type, values)) <= {int, float, NoneType}:
            return None
        return np.array(values, dtype=np.float64)

    @cached_property
    def numbers(self) -> Numbers:
        """The cells as numbers."""
        values = self._array if self._array is not None else self._plain_numbers
        if values is not None:
            nothing = np.zeros(len(self.cells), dtype=np.bool_)
            return Numbers(np.where(np.isfinite(values), values, np.nan).astype(np.float64), nothing, nothing)
        known = {cell: self._number(cell) for cell in set(self._hashable)}
        read = np.array([known[cell] for cell in self._hashable], dtype=np.float64).reshape(-1, 3)
        return Numbers(read[:, 0], read[:, 1] > 0, read[:, 2] > 0)

    def _number(self, cell: Any) -> tuple[float, bool, bool]:
        """Value, whether a limit, whether unreadable."""
        if isinstance(cell, bool):
            return math.nan, False, True
        if isinstance(cell, (int, float)):
            return (float(cell) if abs(cell) < LARGEST_NUMBER else math.nan), False, False
        text = "" if cell is None else cell.strip()
        if text.lower() in MISSING_WORDS:
            return math.nan, False, False
        match = _NUMBER.fullmatch(text.replace(",", ".") if self._decimal_comma else text)
        if match is None:
            return math.nan, False, True
        value = float(match[2].lower().replace("d", "e"))
        return (value if math.isfinite(value) else math.nan), bool(match[1]), False

    @property
    def _too_big(self) -> bool:
        """Whether an integer exceeds the 64 bits of orjson."""
        return int in self._types and any(type(cell) is int and abs(cell) >= 2**63 for cell in self.cells)

    @cached_property
    def _hashable(self) -> list[str | int | float | None]:
        """Cells without lists and truth values: those as their text."""
        if self._types <= {str, int, float, NoneType}:
            return self.cells
        return [cell if type(cell) in (str, int, float, NoneType) else str(cell) for cell in self.cells]

    @cached_property
    def texts(self) -> list[str | None]:
        """The cells as stripped text, None where missing."""
        known = {cell: _text(cell) for cell in set(self._hashable)}
        return [known[cell] for cell in self._hashable]

    @cached_property
    def json(self) -> list[str]:
        """The cells as JSON texts: numbers stay as they were written, missing ones are ``null``, never NaN."""
        if not self.cells:
            return []
        if self._types <= {float, int, NoneType} and not self._too_big:
            return orjson.dumps(self.cells)[1:-1].decode().split(",")
        if self._types == {str} and self._plain_numbers is not None:
            return [cell or "null" for cell in self.cells] if "" in self.cells else self.cells
        if self._types == {str}:
            known = {cell: _json(cell) for cell in set(self.cells)}
            return [known[cell] for cell in self.cells]
        return [_json(cell) for cell in self.cells]


def clean_text(text: str) -> str:
    """The text without NUL characters, and with U+FFFD for lone surrogates."""
    return text.replace("\x00", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _text(cell: str | int | float | None) -> str | None:
    if cell is None or cell != cell:
        return None
    text = str(cell).strip()
    return None if text.lower() in MISSING_WORDS else text


def _json(cell: Any) -> str:
    if cell is None or cell == "":
        return "null"
    if isinstance(cell, str) and _JSON_NUMBER.fullmatch(cell):
        return cell
    try:
        text = orjson.dumps(cell).decode()
        return text if "\\u0000" not in text else orjson.dumps(_cleaned(cell)).decode()
    except TypeError:
        return orjson.dumps(clean_text(str(cell))).decode()


def _cleaned(value: Any) -> Any:
    """A JSON value whose texts PostgreSQL can store."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Mapping):
        return {clean_text(str(key)): _cleaned(item) for key, item in value.items()}
    return [_cleaned(item) for item in value] if isinstance(value, (list, tuple)) else value


def factorise(values: Iterable[Any]) -> tuple[list[Any], NDArray[np.int64]]:
    """Distinct values in order of appearance, and for every value the index of its own; sorts nothing."""
    cells = list(values)
    distinct = list(dict.fromkeys(cells))
    index = {value: at for at, value in enumerate(distinct)}
    codes = np.fromiter(map(index.__getitem__, cells), dtype=np.int64, count=len(cells))
    return distinct, codes


def factorise_rows(columns: Sequence[list[Any]]) -> tuple[list[tuple[Any, ...]], NDArray[np.int64]]:
    """Distinct rows of columns of equal length, as `factorise` tells them.

    Only columns that vary are looked at row by row: of a file's texts that is often the band alone.
    """
    varying = [column for column in columns if column.count(column[0]) != len(column)] if columns[0] else []
    keys = varying[0] if len(varying) == 1 else zip(*(varying or columns), strict=True)
    distinct, codes = factorise(keys)
    first = np.zeros(len(distinct), dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]  # of several, numpy keeps the last
    return [tuple(column[row] for column in columns) for row in first.tolist()], codes
