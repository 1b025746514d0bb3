"""SNANA's light curves as text.

Format (SNANA manual, section 4.6; Kessler et al. 2009, PASP 121, 1028): ``KEY: value`` lines, ``VARLIST:`` with the
names of the columns, one ``OBS:`` line a measurement. FLUXCAL has the zero point 27.5 (AB within a few percent); -9 is
no value. MAG repeats FLUXCAL and is only used without it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tomgql.builtin.processors.delimited import named_columns
from tomgql.builtin.processors.readings import choose_options, derived, options_schema, read_columns
from tomgql.builtin.processors.text_files import head_text, read_text, says_encoding
from tomgql.domain.cells import Column
from tomgql.domain.measurements import Note, Reading, rows_text
from tomgql.domain.names import simplify_name
from tomgql.domain.options import ColumnOptions, check_options
from tomgql.errors import UnreadableFile
from tomgql.plugins.contracts import SourceFile

_SIGNATURE = re.compile(r"^[ \t]*(?:VARLIST|VARNAMES)[ \t]*:.*\bMJD\b", re.MULTILINE)
_KEY = re.compile(r"([A-Z][A-Z0-9_]*(?:\([^)]*\))?)\s*:\s*(.*)")
_NAMES = ("IAUC", "NAME_IAUC", "NAME_TRANSIENT", "SNID", "CID")
_NONE = frozenset({"", "NULL", "NONE", "UNKNOWN", "-9", "0"})
_OPTIONS = choose_options(
    "object", "source_name", "telescope", "instrument", "time_scale", "zero_point", "magnitude_system"
)


@dataclass
class _LightCurve:
    """Rows, the names of the supernova that each belongs to, and the header of the last one."""

    names: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    owners: list[tuple[str, ...]] = field(default_factory=list)
    header: dict[str, str] = field(default_factory=dict)
    spectra: int = 0


class SnanaProcessor:
    """Reads SNANA's text format of light curves."""

    name: ClassVar[str] = "snana"
    title: ClassVar[str] = "SNANA light curve"
    version: ClassVar[str] = "1"
    data_types: ClassVar[tuple[str, ...]] = ("photometry",)
    options_schema: ClassVar[Mapping[str, Any]] = options_schema(_OPTIONS)

    def confidence(self, file: SourceFile) -> int:
        """95 when a VARLIST line names an MJD."""
        text = head_text(file)
        return 95 if text is not None and _SIGNATURE.search(text) else 0

    @says_encoding
    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read the whole file. Raises `UnreadableFile` when there are no observations or other supernovae only."""
        given = {name: value for name, value in options.items() if value is not None}
        check_options(_OPTIONS, given)
        found = _parse(read_text(file))
        if not found.rows:
            raise UnreadableFile(f"{file.name}: there are no OBS: lines below a VARLIST: line.")
        table = named_columns(found.names, found.rows)
        columns = table.columns | _about_object(found, file)
        reading = table.amend(read_columns(file, columns, _facts(columns, found, given), self.title))
        if found.spectra:
            words = f"{rows_text(found.spectra)} of spectra not read"
            reading.notes.append(Note("INFO", "SPECTRA_SKIPPED", words, count=found.spectra))
        return reading


def _parse(text: str) -> _LightCurve:
    found = _LightCurve()
    for raw in text.splitlines():
        match = _KEY.match(raw.split("#", 1)[0].strip())
        if match is None:
            continue
        key, value = match[1], match[2].strip()
        if key == "OBS":
            found.rows.append(value.split())
            found.owners.append(tuple(found.header[name] for name in _NAMES if name in found.header))
        elif key in ("VARLIST", "VARNAMES") and not found.names:
            found.names = value.split()
        elif key == "SPEC":
            found.spectra += 1
        elif key not in ("VARLIST", "VARNAMES"):
            _remember(found, key, value)
    if found.names:
        found.rows = [row[: len(found.names)] for row in found.rows]
    return found


def _remember(found: _LightCurve, key: str, value: str) -> None:
    """A new SNID begins a new supernova: the names of the one before do not hold for it."""
    if key == "SNID":
        for name in _NAMES:
            found.header.pop(name, None)
    first = value.split()[0] if value.split() else ""
    if key not in _NAMES or first.upper() not in _NONE:
        found.header[key] = first


def _about_object(found: _LightCurve, file: SourceFile) -> dict[str, Column]:
    """Whom each row belongs to, under the name by which the target knows it, and where that is."""
    wanted = {simplify_name(name) for name in file.target_names}
    known = {names: _best(names, wanted) for names in set(found.owners)}
    columns = derived("SNID", [known[names] for names in found.owners])
    for key in ("RA", "DECL"):
        if key in found.header and len(known) == 1:
            columns |= derived(key, [found.header[key]] * len(found.rows))
    return columns


def _best(names: tuple[str, ...], wanted: set[str]) -> str | None:
    return next((name for name in names if simplify_name(name) in wanted), names[0] if names else None)


def _facts(columns: Mapping[str, Column], found: _LightCurve, given: Mapping[str, Any]) -> ColumnOptions:
    mapping = {"time": "MJD", "band": "FLT" if "FLT" in columns else "BAND", "object": "SNID", "telescope": "TELESCOPE",
               "instrument": "INSTRUMENT", "flux": "FLUXCAL", "flux_error": "FLUXCALERR", "zero_point": "",
               "ra": "RA", "dec": "DECL"}  # fmt: skip
    if "FLUXCAL" in columns:
        mapping |= {"magnitude": "", "magnitude_error": ""}
    survey = found.header.get("SURVEY", "")
    facts: dict[str, Any] = {"mapping": {role: name if name in columns else "" for role, name in mapping.items()}}
    facts |= {"telescope": survey, "source_name": survey} if survey else {}
    return ColumnOptions.read_over(facts | {"time_format": "mjd"}, given)
