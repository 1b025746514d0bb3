"""Light curves in VOTables: VizieR, Gaia's epoch photometry and any other, read by astropy.

Format: IVOA VOTable 1.1 to 1.5. Columns are known by name, then by UCD; TIMESYS says from which day, in which scale
and where times are counted. Entities are refused, and so are streams with an address: nothing is fetched.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, ClassVar

import numpy as np

from tomgql.builtin.processors.readings import options_schema, read_columns
from tomgql.builtin.processors.text_files import DAMAGED, decode, head_text, read_content, says_encoding, xml_root
from tomgql.builtin.processors.time_frames import JD_ORIGIN, MJD_ORIGIN, in_days, time_facts
from tomgql.builtin.processors.votable_filters import filter_facts
from tomgql.domain.cells import Column
from tomgql.domain.measurements import Note, Reading
from tomgql.domain.options import OPTIONS_PROPERTIES, ColumnOptions, check_options
from tomgql.domain.synonyms import assign_roles, counted_from
from tomgql.errors import UnreadableFile
from tomgql.plugins.contracts import SourceFile

_ROOT = "VOTABLE"
_ENTITY = re.compile(r"<!ENTITY\b", re.IGNORECASE)
_FETCH = re.compile(r"<(?:\w+:)?STREAM\b[^>]*\bhref\s*=", re.IGNORECASE)
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_FAULTS = (*DAMAGED, SyntaxError, AssertionError, Warning)
"""What astropy raises on damaged VOTables; its own errors are SyntaxErrors or warnings that it raises."""

_UCDS = {
    "time": re.compile(r"time\.epoch"), "magnitude": re.compile(r"phot\.mag(?!\.)"),
    "magnitude_error": re.compile(r"stat\.error;phot\.mag"), "flux": re.compile(r"phot\.flux"),
    "flux_error": re.compile(r"stat\.error;phot\.flux"),
    "band": re.compile(r"(?:meta\.id;)?instr\.(?:filter|bandpass)"),
}  # fmt: skip
_BAND_IN_NAME = re.compile(r"(?P<band>[A-Za-z][A-Za-z0-9']{0,3}?)_?mag", re.ASCII)
_OPTIONS = OPTIONS_PROPERTIES | {
    "table": {"type": "string", "description": "Name or ID of the table to read, where a file has several."},
}  # fmt: skip


@dataclass
class _Table:
    """One TABLE: its columns, what is said of them beside their units, and the time system of the one that has one."""

    name: str
    columns: dict[str, Column] = field(default_factory=dict)
    ucds: dict[str, str] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    time_systems: dict[str, Any] = field(default_factory=dict)
    filters: dict[str, dict[str, Any]] = field(default_factory=dict)
    vectors: list[str] = field(default_factory=list)


class VoTableProcessor:
    """Reads the first table of a VOTable file that is a light curve."""

    name: ClassVar[str] = "votable"
    title: ClassVar[str] = "VOTable"
    version: ClassVar[str] = "1"
    data_types: ClassVar[tuple[str, ...]] = ("photometry",)
    options_schema: ClassVar[Mapping[str, Any]] = options_schema(_OPTIONS)

    def confidence(self, file: SourceFile) -> int:
        """80 when VOTABLE is the root element."""
        text = head_text(file)
        return 80 if text is not None and xml_root(text) == _ROOT else 0

    @says_encoding
    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read the table. Raises `UnreadableFile` for damaged files, errors of services, and tables of other things."""
        given = {name: value for name, value in options.items() if value is not None}
        check_options(_OPTIONS, given)
        wanted = given.pop("table", None)
        said = ColumnOptions.read(given)
        tables = _tables(file)
        table, roles = _choose(tables, wanted, said, file.name)
        facts, columns = _facts(table, roles, file.name)
        reading = read_columns(file, columns, ColumnOptions.read_over(facts, given), self.title)
        if len(tables) > 1:
            words = f"table {table.name} of {len(tables)} was read (option table)"
            reading.notes.insert(0, Note("INFO", "TABLE_CHOSEN", words))
        if table.vectors:
            words = f"columns with several values a row are not read: {', '.join(table.vectors[:5])}"
            reading.notes.append(Note("INFO", "VECTORS_SKIPPED", words, count=len(table.vectors)))
        return reading


def _tables(file: SourceFile) -> list[_Table]:
    from astropy.io.votable import parse

    text = decode(read_content(file))
    if xml_root(text) != _ROOT:
        raise UnreadableFile(f"{file.name}: the file is no VOTable; its root element must be VOTABLE.")
    if _ENTITY.search(text) or _FETCH.search(text):
        raise UnreadableFile(f"{file.name}: the VOTable has entities or data elsewhere; write the data into it.")
    plain = '<?xml version="1.0" encoding="UTF-8"?>' + _DECLARATION.sub("", text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            document = parse(BytesIO(plain.encode()), verify="ignore")
            _refuse_errors(document, file.name)
            found = [_table(table, number, document) for number, table in enumerate(document.iter_tables(), 1)]
    except _FAULTS as fault:
        words = (str(fault).strip().splitlines() or [type(fault).__name__])[0][:200]
        raise UnreadableFile(f"{file.name}: the VOTable cannot be read: {words}.") from fault
    if not found:
        raise UnreadableFile(f"{file.name}: the VOTable holds no table.")
    return found


def _refuse_errors(document: Any, file_name: str) -> None:
    """Services answer faults with a VOTable, too (DALI 1.1, section 4.4)."""
    infos = [*document.infos, *(info for resource in document.resources for info in resource.infos)]
    for info in infos:
        if info.name == "QUERY_STATUS" and str(info.value).upper() == "ERROR":
            words = " ".join(str(info.content or "").split())[:300] or "no reason given"
            raise UnreadableFile(f"{file_name}: the service answered with an error: {words}")


def _table(table: Any, number: int, document: Any) -> _Table:
    found = _Table(table.name or table.ID or str(number))
    systems = {system.ID: system for resource in document.resources for system in _time_systems(resource)}
    systems |= {system.ID: system for system in document.time_systems}
    for item, key in zip(table.fields, table.array.dtype.names or (), strict=True):
        cells, name = table.array[key], str(item.name or key)
        if np.ndim(cells) != 1 or any(isinstance(cell, np.ndarray) for cell in cells[:50].tolist()):
            found.vectors.append(name)
            continue
        unit = str(item.unit) if item.unit is not None else None
        found.columns[name] = Column(name, _cells(cells), unit=unit or None)
        found.ucds[name] = str(item.ucd or "").lower()
        found.descriptions[name] = str(item.description or "")
        found.filters[name] = filter_facts(table, document.resources, item)
        if item.ref in systems:
            found.time_systems[name] = systems[item.ref]
    return found


def _time_systems(resource: Any) -> list[Any]:
    return [*resource.time_systems, *(system for inner in resource.resources for system in _time_systems(inner))]


def _cells(column: Any) -> list[Any]:
    cells = column.tolist() if not np.ma.is_masked(column) else np.ma.asarray(column).tolist()
    return [cell.decode("utf-8", "replace") if isinstance(cell, bytes) else cell for cell in cells]


def _choose(
    tables: Sequence[_Table], wanted: str | None, said: ColumnOptions, file_name: str
) -> tuple[_Table, dict[str, str]]:
    """The table that is asked for, else the first that has times and a brightness, else the first."""
    if wanted is not None:
        tables = [table for table in tables if table.name == wanted]
        if not tables:
            raise UnreadableFile(f'{file_name}: there is no table named "{wanted}".')
    chosen = [(table, _roles(table, said if len(tables) == 1 else ColumnOptions())) for table in tables]
    good = (item for item in chosen if "time" in item[1] and {"magnitude", "flux", "limit"} & item[1].keys())
    return next(good, chosen[0])


def _roles(table: _Table, said: ColumnOptions) -> dict[str, str]:
    """Columns by meaning: by time system, by name, by UCD."""
    names = list(table.columns)
    roles = {role: names[at] for role, at in assign_roles(names, said.mapping).items()}
    if table.time_systems:
        roles["time"] = next(iter(table.time_systems))
    for role, pattern in _UCDS.items():
        named = [name for name in names if pattern.match(table.ucds[name]) and name not in roles.values()]
        if role not in roles and len(named) == 1:
            roles[role] = named[0]
    return roles


def _facts(table: _Table, roles: Mapping[str, str], file_name: str) -> tuple[dict[str, Any], dict[str, Column]]:
    """What the file says of its columns, and the columns with times in days."""
    columns = dict(table.columns)
    facts: dict[str, Any] = {"mapping": dict(roles)}
    time = roles.get("time")
    system = table.time_systems.get(time or "")
    if time is not None and system is not None:
        facts |= time_facts(_origin(system), str(system.timescale or ""), str(system.refposition or ""), file_name)
        days = in_days(columns[time], columns[time].unit)
        columns |= days
        facts["mapping"] |= {"time": next(iter(days), time)}
    elif time is not None and (counted := counted_from(table.descriptions[time])) is not None:
        facts["time_format"] = counted
    brightness = roles.get("magnitude") or roles.get("flux") or ""
    match = _BAND_IN_NAME.fullmatch(brightness)
    if match is not None:
        facts["band"] = match["band"]
    facts |= table.filters.get(brightness, {})
    if "band" in roles:
        facts.pop("band", None)
    return facts, columns


def _origin(system: Any) -> float | None:
    """The Julian date that times count from."""
    text = str(system.timeorigin if system.timeorigin is not None else "").strip()
    if text in ("MJD-origin", "JD-origin"):
        return MJD_ORIGIN if text == "MJD-origin" else JD_ORIGIN
    try:
        return float(text) if text else None
    except ValueError:
        return None
