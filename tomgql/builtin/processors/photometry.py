"""Light curves in tables of text: CSV, TSV, semicolons, bars, blanks, ECSV; with or without gzip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from tomgql.builtin.processors import ecsv
from tomgql.builtin.processors.delimited import Delimited, read_delimited
from tomgql.builtin.processors.readings import read_columns
from tomgql.builtin.processors.text_files import head_text, read_text, says_encoding
from tomgql.domain.measurements import Reading
from tomgql.domain.options import OPTIONS_SCHEMA, ColumnOptions
from tomgql.domain.synonyms import time_name
from tomgql.plugins.contracts import SourceFile

_ECSV_CONFIDENCE = 60
_NAMED_CONFIDENCE = 50
"""Some line of the beginning names a time column."""

_TEXT_CONFIDENCE = 30
"""Said to be photometry, and text; what it is shows in the reading."""

_LEAST_CONFIDENCE = 1
"""Nobody else's file: it is read only to say in words what it is instead of a table."""


class PhotometryProcessor:
    """Reads tables of magnitudes or fluxes by the names of their columns."""

    name: ClassVar[str] = "photometry"
    title: ClassVar[str] = "Photometry table (CSV, TSV, ECSV)"
    version: ClassVar[str] = "1"
    data_types: ClassVar[tuple[str, ...]] = ("photometry",)
    options_schema: ClassVar[Mapping[str, Any]] = OPTIONS_SCHEMA

    def confidence(self, file: SourceFile) -> int:
        """How surely the file is a table of photometry, by its first lines."""
        text = head_text(file)
        if text is None or text.lstrip()[:1] in ("<", "{", "["):
            return _LEAST_CONFIDENCE
        if ecsv.SIGNATURE.match(text):
            return _ECSV_CONFIDENCE if "photometry" in file.data_product_type else _TEXT_CONFIDENCE
        if any(_names_time(line) for line in text.splitlines()[:40]):
            return _NAMED_CONFIDENCE
        return _TEXT_CONFIDENCE if "photometry" in file.data_product_type else _LEAST_CONFIDENCE

    @says_encoding
    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read the whole file. Raises `UnreadableFile` and `InvalidInput` as the contract says."""
        said = ColumnOptions.read(options)
        text = read_text(file)
        is_ecsv = ecsv.SIGNATURE.match(text) is not None
        table = Delimited(ecsv.read_ecsv(text, file.name)) if is_ecsv else read_delimited(text, said, file.name)
        title = "ECSV" if is_ecsv else "delimited text"
        return table.amend(read_columns(file, table.columns, said, title))


def _names_time(line: str) -> bool:
    plain = line.strip().lstrip("#")
    return any(
        len(plain.split(mark)) > 1 and any(map(time_name, plain.split(mark))) for mark in (",", "\t", ";", "|", None)
    )
