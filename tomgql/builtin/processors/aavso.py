"""AAVSO's formats: reports for upload (extended and visual), and downloads of its International Database.

Formats (https://www.aavso.org/aavso-extended-file-format and -visual-file-format; https://www.aavso.org/format-data-file
for downloads): reports have ``#KEY=value`` parameters, which also change within a file, and other comments beside
them; columns are known by place. ``<`` means fainter than, without a sigma; ``na`` no value. Downloads come with a
line of names or without, 18 to 24 columns. Dates are JD or HJD in UTC. Magnitudes of MTYPE DIF are differences from a
comparison star and stay uncalibrated. Who observed is part of the source: two people may see the same at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from tomgql.builtin.processors.aavso_dates import excel_date
from tomgql.builtin.processors.delimited import Delimited, named_columns, read_delimited, split_rows
from tomgql.builtin.processors.readings import (
    choose_options,
    derived,
    options_schema,
    read_columns,
    size_of,
    warn_of_rows,
)
from tomgql.builtin.processors.text_files import head_text, read_text, says_encoding
from tomgql.domain.cells import Column
from tomgql.domain.measurements import Reading
from tomgql.domain.options import ColumnOptions
from tomgql.domain.synonyms import normalise
from tomgql.errors import UnreadableFile
from tomgql.plugins.contracts import SourceFile

_TYPE = re.compile(r"^[ \t]*#[ \t]*TYPE[ \t]*=[ \t]*(EXTENDED|VISUAL)\b", re.IGNORECASE | re.MULTILINE)
_PARAMETER = re.compile(r"#\s*(TYPE|OBSCODE|DELIM|DATE|OBSTYPE|SOFTWARE)\s*=(.*)", re.IGNORECASE)
_COLUMNS = {
    "EXTENDED": ("NAME", "DATE", "MAG", "MERR", "FILT", "TRANS", "MTYPE", "CNAME", "CMAG", "KNAME", "KMAG", "AMASS",
                 "GROUP", "CHART", "NOTES"),
    "VISUAL": ("NAME", "DATE", "MAG", "COMMENTCODE", "COMP1", "COMP2", "CHART", "NOTES"),
}  # fmt: skip
_DOWNLOAD = (
    "JD", "Magnitude", "Uncertainty", "HQuncertainty", "Band", "Observer Code", "Comment Code(s)", "Comp Star 1",
    "Comp Star 2", "Charts", "Comments", "Transformed", "Airmass", "Validation Flag", "Cmag", "Kmag", "HJD",
    "Star Name", "Observer Affiliation", "Measurement Method", "Grouping Method", "ADS Reference", "Digitizer",
    "Credit",
)  # fmt: skip
_FEWEST_COLUMNS = 18
_DOWNLOAD_NAMES = {"jd", "magnitude", "band", "observercode", "starname"}
_HEADERLESS = re.compile(
    r'"?\d{7}(?:\.\d+)?"?[,\t]\s*"?<?\d{1,2}(?:\.\d+)?"?[,\t](?:[^,\t]*[,\t]){2}'
    r"[^,\t\d][^,\t]*[,\t]\s*[A-Za-z0-9]{1,5}\s*[,\t]"
)
"""Date, magnitude, two errors, a band and an observer's code."""

_DELIMITERS = {"comma": ",", "tab": "\t", "semicolon": ";", "semi-colon": ";", "space": " ", "": ","}
_DISCREPANT = frozenset({"D", "T", "N"})
"""Validation flags of observations that AAVSO's staff holds for wrong."""

_OPTIONS = choose_options("object", "source_name", "time_format", "decimal_comma", "mapping", "band")
_SHARED_FACTS = {"time_scale": "utc", "source_name": "AAVSO"}


class AavsoProcessor:
    """Reads AAVSO's report and download formats."""

    name: ClassVar[str] = "aavso"
    title: ClassVar[str] = "AAVSO report or download"
    version: ClassVar[str] = "1"
    data_types: ClassVar[tuple[str, ...]] = ("photometry",)
    options_schema: ClassVar[Mapping[str, Any]] = options_schema(_OPTIONS)

    def confidence(self, file: SourceFile) -> int:
        """100 for a report's own parameters, 90 for the columns of a download."""
        text = head_text(file)
        if text is None:
            return 0
        return 100 if _TYPE.search(text) else 90 * _is_download(text)

    @says_encoding
    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read the whole file. Raises `UnreadableFile` when no row is one of the target's."""
        text = read_text(file)
        kind = _TYPE.search(text)
        if kind is not None:
            return _read_report(file, text, kind[1].upper(), options)
        if not _is_download(text):
            raise UnreadableFile(f"{file.name}: neither #TYPE=EXTENDED nor the columns of an AAVSO download are there.")
        return _read_download(file, text, options)


def _is_download(text: str) -> bool:
    line = next((line for line in text.splitlines() if line.strip()), "")
    names = {normalise(name) for name in re.split(r"[,\t;]", line)}
    return names >= _DOWNLOAD_NAMES or (_HEADERLESS.match(line) is not None and _width(line) >= _FEWEST_COLUMNS)


def _width(line: str) -> int:
    return max(line.count(mark) for mark in ",\t") + 1


def _read_download(file: SourceFile, text: str, options: Mapping[str, Any]) -> Reading:
    line = next(line for line in text.splitlines() if line.strip())
    if _HEADERLESS.match(line):
        mark = "\t" if "\t" in line else ","
        names = list(_DOWNLOAD[: max(_FEWEST_COLUMNS, min(_width(line), len(_DOWNLOAD)))])
        table = named_columns(names, split_rows(text, mark, file.name))
    else:
        table = read_delimited(text, ColumnOptions.read_over({}, options), file.name)
    columns = {normalise(name): name for name in table.columns}
    mapping = {role: columns[name] for role, name in (
        ("time", "jd"), ("magnitude", "magnitude"), ("magnitude_error", "uncertainty"), ("band", "band"),
        ("object", "starname"),
    ) if name in columns}  # fmt: skip
    observers = table.columns[columns["observercode"]].texts if "observercode" in columns else []
    said = table.columns | _sources(observers, options)
    mapping |= {"source": "observer"} if "observer" in said else {}
    facts = _SHARED_FACTS | {"mapping": mapping, "time_format": "jd"}
    reading = read_columns(file, said, ColumnOptions.read_over(facts, options), "AAVSO download")
    if "validationflag" in columns:
        flags = table.columns[columns["validationflag"]].texts
        discrepant = np.array([flag in _DISCREPANT for flag in flags])
        warn_of_rows(reading, discrepant, "FLAGGED", "a validation flag of discrepancy")
    return table.amend(reading)


def _sources(observers: list[str | None], options: Mapping[str, Any]) -> dict[str, Column]:
    """``AAVSO`` and the observer's code; a client's own word for the source goes before both."""
    if options.get("source_name") is not None or not any(observers):
        return {}
    return derived("observer", [f"AAVSO {code}" if code else "AAVSO" for code in observers])


@dataclass
class _Report:
    """Rows of a report with the parameters that hold for each."""

    rows: list[list[str]] = field(default_factory=list)
    observers: list[str | None] = field(default_factory=list)
    dates: list[str] = field(default_factory=list)


def _parse_report(text: str) -> _Report:
    report, said = _Report(), {"DELIM": ",", "DATE": "JD", "OBSCODE": ""}
    for line in text.splitlines():
        parameter = _PARAMETER.match(line.strip())
        if parameter is not None:
            name, value = parameter[1].upper(), parameter[2]
            said[name] = _mark(value) if name == "DELIM" else value.strip()
        elif line.strip() and not line.lstrip().startswith("#"):
            report.rows.append([cell.strip() for cell in line.split(said["DELIM"])])
            report.observers.append(said["OBSCODE"] or None)
            report.dates.append(said["DATE"].upper())
    return report


def _mark(value: str) -> str:
    """The mark between cells: itself, its name or its number."""
    plain = value.strip()
    if plain.isascii() and plain.isdigit() and 32 <= int(plain) <= 126:
        return chr(int(plain))
    return _DELIMITERS.get(plain.lower(), plain[:1])


def _read_report(file: SourceFile, text: str, kind: str, options: Mapping[str, Any]) -> Reading:
    report, names = _parse_report(text), _COLUMNS[kind]
    if not report.rows:
        raise UnreadableFile(f"{file.name}: there are no observations below the parameters.")
    rows = [_joined(row, len(names)) for row in report.rows]
    table = named_columns(list(names), rows, bool(options.get("decimal_comma")))
    columns = table.columns | _dates(table, report, file.name) | _sources(report.observers, options)
    mapping = {"time": "date", "magnitude": "MAG", "magnitude_error": "MERR", "object": "NAME", "band": "FILT",
               "source": "observer", "magnitude_system": "magnitude type"}  # fmt: skip
    if kind == "EXTENDED":
        columns |= _types(table)
    mapping = {role: name for role, name in mapping.items() if name in columns}
    facts = _SHARED_FACTS | {"mapping": mapping, "time_format": _date_format(report, file.name)}
    if kind == "VISUAL":
        facts["band"] = "Vis."
    reading = read_columns(file, columns, ColumnOptions.read_over(facts, options), f"AAVSO {kind.lower()} report")
    return table.amend(reading)


def _joined(row: list[str], width: int) -> list[str]:
    """Marks within the notes, which are last, belong to them."""
    return row if len(row) <= width else [*row[: width - 1], " ".join(row[width - 1 :])]


def _date_format(report: _Report, file_name: str) -> str:
    kinds = {"jd" if kind == "EXCEL" else kind.lower() for kind in report.dates}
    if len(kinds) > 1 or not kinds <= {"jd", "hjd"}:
        raise UnreadableFile(f"{file_name}: #DATE says {', '.join(sorted(kinds)).upper()}; say JD, HJD or EXCEL.")
    return kinds.pop()


def _dates(table: Delimited, report: _Report, file_name: str) -> dict[str, Column]:
    """Dates as Julian dates; what Excel writes is turned into them, and kept as written where it is no date."""
    cells = table.columns["DATE"].cells
    if "EXCEL" in report.dates:
        cells = [
            excel_date(cell) if kind == "EXCEL" else cell for cell, kind in zip(cells, report.dates, strict=True)
        ]
    return derived("date", cells)


def _types(table: Delimited) -> dict[str, Column]:
    said = [(text or "").upper() for text in table.columns["MTYPE"].texts]
    types = ["differential" if text.startswith("DIF") else None for text in said]
    return derived("magnitude type", types) if size_of(table.columns) and any(types) else {}
