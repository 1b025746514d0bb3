"""Text that holds one spectrum: what stands above the numbers, and the numbers.

Whatever comes before the first line that begins with a number is the header, with or without a comment mark: keywords
as ``KEY = value`` or ``KEY: value`` (FITS cards among them), a line of names, a line of units in brackets.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tomgql.builtin.processors.delimited import split_rows
from tomgql.builtin.processors.spectrum_layouts import TABLE_SYNONYMS
from tomgql.domain.cells import Column
from tomgql.domain.synonyms import assign_roles, split_unit, time_name
from tomgql.errors import UnreadableFile

_MARKS = "#%;!/"
_NUMBER = re.compile(r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eEdD][+-]?\d+)?")
_KEYWORD = re.compile(r"(?P<key>[A-Za-z][\w .-]{0,39}?)\s*[=:]\s*(?P<value>.*)")
_TEXT_VALUE = re.compile(r"'((?:[^']|'')*)'")
_BRACKETED = re.compile(r"\[[^\]]*\]|\([^)]*\)")
_DELIMITERS = ("\t", ";", "|", ",")
_MOST_HEADER_LINES = 10_000
_SAMPLE_ROWS = 200


@dataclass
class SpectrumText:
    """The keywords, upper-case; names and units of the columns where the header has them; lines of numbers."""

    header: dict[str, str] = field(default_factory=dict)
    names: list[str] | None = None
    units: list[str] | None = None
    lines: list[str] = field(default_factory=list)
    delimiter: str | None = None
    width: int = 0
    names_time: bool = False
    """Whether a line of the header names a column of times: no table of a spectrum has one."""

    def roles(self) -> dict[str, int]:
        """Which column means what, by the names; empty where there are none."""
        return {} if self.names is None else assign_roles(self.names, {}, TABLE_SYNONYMS)

    @property
    def is_named_spectral(self) -> bool:
        """Whether the names are those of a wavelength and a flux."""
        return {"wavelength", "flux"} <= self.roles().keys()


def split_text(lines: Iterable[str], most_rows: int | None = None) -> SpectrumText:
    """Header and numbers of a text; at most ``most_rows`` of them, for detection."""
    found = SpectrumText()
    heads: list[str] = []
    stream = iter(lines)
    for line in stream:
        plain = line.strip()
        if _begins_with_number(plain):
            stream = itertools.chain([line], stream)
            break
        if plain and len(heads) < _MOST_HEADER_LINES:
            heads.append(plain.lstrip(_MARKS).strip())
    body = (line for line in stream if line.strip() and line.lstrip()[0] not in _MARKS)
    found.lines = list(body if most_rows is None else itertools.islice(body, most_rows))
    if found.lines:
        sample = found.lines[:_SAMPLE_ROWS]
        found.delimiter = next((mark for mark in _DELIMITERS if all(mark in line for line in sample)), None)
        found.width = len(_cells(found.lines[0], found.delimiter))
    _read_header(found, heads)
    return found


def columns_of(found: SpectrumText, names: Sequence[str], file_name: str) -> list[Column]:
    """The numbers as columns.

    Raises `UnreadableFile` for lines with more or fewer cells than the first.
    """
    rows = split_rows("\n".join(found.lines), found.delimiter, file_name)
    width = len(names)
    for number, row in enumerate(rows, 1):
        while len(row) > width and not row[-1].strip():
            row.pop()
        if len(row) != width:
            raise UnreadableFile(f"{file_name}: row {number} has {len(row)} cells, the first has {width}.")
    comma = found.delimiter == ";" and "," in found.lines[0]
    cells = zip(*rows, strict=True)
    return [Column(name, list(column), decimal_comma=comma) for name, column in zip(names, cells, strict=True)]


def first_numbers(found: SpectrumText) -> Any:
    """The first column of a sample as numbers, (n,), NaN where a cell is none; for detection."""
    cells = [_cells(line, found.delimiter)[0] for line in found.lines]
    return Column("", cells, decimal_comma=found.delimiter == ";").numbers.values if cells else np.array([])


def _begins_with_number(line: str) -> bool:
    first = re.split(r"[\s,;|]", line, maxsplit=1)[0] if line else ""
    return _NUMBER.fullmatch(first) is not None


def _cells(line: str, delimiter: str | None) -> list[str]:
    cells = [cell.strip() for cell in line.strip().split(delimiter)]
    while cells and not cells[-1]:
        cells.pop()
    return cells or [""]


def _read_header(found: SpectrumText, heads: list[str]) -> None:
    for at, line in enumerate(heads):
        named = _names(line, found)
        if named is not None:
            found.names = named
            found.units = _units(heads[at + 1 : at + 2], found.width) or [split_unit(name)[1] or "" for name in named]
            continue
        match = _KEYWORD.fullmatch(line)
        if match:
            found.header[match["key"].strip().upper()] = _value(match["value"])
            continue
        cells = _cells(line, found.delimiter)
        found.names_time |= len(cells) == found.width and any(time_name(cell) for cell in cells)


def _names(line: str, found: SpectrumText) -> list[str] | None:
    """The names of the columns, if the line has one for each and a wavelength and a flux are among them."""
    for delimiter in (found.delimiter, ",", "\t", None):
        cells = [cell.strip('"') for cell in _cells(line, delimiter)]
        if len(cells) == found.width and {"wavelength", "flux"} <= assign_roles(cells, {}, TABLE_SYNONYMS).keys():
            return cells
    return None


def _units(lines: Sequence[str], width: int) -> list[str] | None:
    for line in lines:
        units = _BRACKETED.findall(line)
        if 2 <= len(units) <= width and not _BRACKETED.sub("", line).strip(" ,;|\t"):
            return [unit[1:-1].strip() for unit in units] + [""] * (width - len(units))
    return None


def _value(text: str) -> str:
    """A value without the quotes and the comment of a FITS card."""
    quoted = _TEXT_VALUE.match(text.strip())
    if quoted:
        return quoted[1].replace("''", "'").strip()
    return text.split(" / ")[0].strip().strip('"')
