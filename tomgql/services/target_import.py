"""Targets from a CSV file in the columns of TOM Toolkit's export (`tomgql.domain.target_files`).

Tolerant of what spreadsheets do to files: a byte order mark, either line ending, semicolons or tabs, blank lines and
cells, other encodings than UTF-8. Good lines are kept, bad ones reported by their number in the file.
"""

from __future__ import annotations

import asyncio
import csv
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from typing import Any

import orjson

from tomgql.access import guard
from tomgql.access.principal import Principal
from tomgql.domain.positions import parse_declination, parse_right_ascension
from tomgql.domain.target_files import ALIAS, ELEMENTS, NUMBERS, RESERVED, read_extra, read_words
from tomgql.errors import InvalidCoordinates, InvalidInput, QueryTooCostly, TomError, TooLarge, UnreadableFile
from tomgql.runtime import Runtime
from tomgql.services.bulk import BulkOutcome
from tomgql.services.bulk_targets import MOST_PLACES, MOST_TARGETS, ManyTargets, create_targets
from tomgql.services.names import given_name
from tomgql.services.target_checks import ACCESSES, LARGEST_EXTRAS_BYTES, TYPES, NewTarget, field_name
from tomgql.services.target_plan import GivenTarget

MOST_COLUMNS = 2_000
"""Columns of a file: an export has at most 500 aliases and 500 extras."""

LONGEST_HEADINGS = 100_000
"""Characters of the first line that are looked at for what separates cells."""

DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
"""A number as files write it."""

OUR_NAMES = {
    **{ours: theirs for theirs, ours in (*NUMBERS.items(), *ELEMENTS.items())},
    **{field_name(ours): theirs for theirs, ours in (*NUMBERS.items(), *ELEMENTS.items())},
    "raDeg": "ra",
    "raHms": "ra",
    "decDeg": "dec",
    "decDms": "dec",
    "aliases": "name2",
    "orbit": "scheme",
    "access": "permissions",
}
"""What stands in our messages and what the column is called in the file."""

_OURS = re.compile(rf"\b({'|'.join(sorted(OUR_NAMES, key=len, reverse=True))})\b")

# The csv module keeps one limit for the process; its own would refuse what the export writes.
csv.field_size_limit(2 * LARGEST_EXTRAS_BYTES)


async def import_targets(rt: Runtime, actor: Principal, content: AsyncIterator[bytes], *, dry_run: bool) -> BulkOutcome:
    """Create a target of every line of a CSV file; a line whose name is taken is rejected.

    Lists named in the column ``groups`` are the actor's own of that name, or made. Permission: any signed-in user.
    Raises UnreadableFile, TooLarge, QueryTooCostly. Emits target events.
    """
    guard.require_writer(actor)
    body = await _whole(content, rt.settings.max_upload_bytes)
    rows = await asyncio.to_thread(read_targets, body)
    if len({name for row in rows for name in row.list_names}) > MOST_PLACES:
        raise QueryTooCostly(f"A file may name {MOST_PLACES} different target lists in `groups`.", path=["file"])
    outcome = await create_targets(rt, actor, ManyTargets(rows, dry_run=dry_run, operation="importTargets"))
    return replace(outcome, rows=[_in_columns(row) for row in outcome.rows])


async def _whole(content: AsyncIterator[bytes], limit_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in content:
        body += chunk
        if len(body) > limit_bytes:
            raise TooLarge(f"The file is larger than {limit_bytes} bytes, the limit of this server.", path=["file"])
    return bytes(body)


def _in_columns(report: dict[str, Any]) -> dict[str, Any]:
    """A row's report in the words of the file."""
    if report["outcome"] != "REJECTED":
        return report
    field, message = in_columns(report["field"], report["message"])
    return {**report, "field": field, "message": message}


def in_columns(field: str | None, message: str) -> tuple[str | None, str]:
    """A field, perhaps with what it lies in before a dot, and what is wrong with it, in TOM Toolkit's names."""
    last = (field or "").rsplit(".", 1)[-1]
    return OUR_NAMES.get(last, last) or None, _OURS.sub(lambda match: OUR_NAMES[match[1]], message)


def read_targets(body: bytes) -> list[GivenTarget]:
    """The targets of a file by line. Raises UnreadableFile when it has no heading that tells names, QueryTooCostly."""
    records = _records(_text(body))
    heading = next(records, None)
    if heading is None:
        raise UnreadableFile("The file is empty; it needs a line of headings, with `name` among them.", path=["file"])
    columns = _columns(heading.cells)
    rows = []
    for record in records:
        rows.append(GivenTarget(record.line, *_read(record, columns)))
        if len(rows) > MOST_TARGETS:
            raise QueryTooCostly(f"A file may hold {MOST_TARGETS} targets; send several files.", path=["file"])
    return rows


@dataclass(frozen=True)
class _Record:
    """One line, or several where a quoted cell holds line breaks, by the number of the first."""

    line: int
    cells: Sequence[str]
    error: str = ""


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("latin-1")


def _records(text: str) -> Iterator[_Record]:
    """Lines that are not blank."""
    first = next((line for line in StringIO(text, newline="") if line.strip()), "")[:LONGEST_HEADINGS]
    delimiter = max(",;\t", key=lambda mark: len(next(csv.reader([first], delimiter=mark), [])))
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _Record(line, (), f"This line cannot be read: {error}.")
            continue
        if any(cell.strip() for cell in cells):
            yield _Record(line, cells)


def _columns(cells: Sequence[str]) -> list[str]:
    """The headings: known ones in lower case, those of extras as they are."""
    if len(cells) > MOST_COLUMNS:
        raise UnreadableFile(f"The file has {len(cells)} columns; at most {MOST_COLUMNS} are read.", path=["file"])
    columns = [_heading(cell.strip()) for cell in cells]
    twice = next((name for name in columns if name and columns.count(name) > 1), None)
    if twice is not None:
        raise UnreadableFile(f'The heading "{twice}" stands in the file twice.', path=["file"])
    if "name" not in columns:
        listed = ", ".join(columns)[:200]
        raise UnreadableFile(f'The first line needs the heading "name"; it holds: {listed}.', path=["file"])
    return columns


def _heading(text: str) -> str:
    return text.lower() if text.lower() in RESERVED or ALIAS.fullmatch(text.lower()) else text


def _read(record: _Record, columns: Sequence[str]) -> tuple[NewTarget | TomError, Sequence[str]]:
    """The target of a line, or why there is none, and the target lists that it names."""
    if record.error:
        return InvalidInput(record.error), ()
    if len(record.cells) != len(columns):
        counts = f"This line has {len(record.cells)} cells, the headings are {len(columns)}"
        return InvalidInput(f"{counts}; is a separator or a quote missing, or too much?"), ()
    cells = {name: cell for name, cell in zip(columns, record.cells, strict=True) if cell.strip()}
    try:
        lists = [given_name(word, field="groups") for word in read_words(cells.get("groups", ""))]
        return _target(cells), lists
    except TomError as error:
        return error, ()


def _target(cells: Mapping[str, str]) -> NewTarget:
    if "" in cells:
        raise InvalidInput(f'The cell "{cells[""][:60]}" stands in a column without a heading.')
    orbit: dict[str, Any] = {ours: _number(cells, theirs) for theirs, ours in ELEMENTS.items() if theirs in cells}
    if "scheme" in cells:
        orbit["scheme"] = cells["scheme"].strip().upper()
    ra_deg, dec_deg = _position(cells)
    kind = _word(cells, "type", TYPES, "NON_SIDEREAL" if "scheme" in cells else "SIDEREAL")
    if kind == "SIDEREAL" and orbit:
        column = next(name for name in ("scheme", *ELEMENTS) if name in cells)
        raise InvalidInput(f"`{column}` belongs to targets of type NON_SIDEREAL.", path=["input", column])
    if kind == "SIDEREAL" and ra_deg is None:
        raise InvalidCoordinates("A sidereal target needs `ra` and `dec`.", path=["input", "ra"])
    return NewTarget(
        name=cells.get("name", ""),
        type=kind,
        access=_word(cells, "permissions", ACCESSES, "PRIVATE"),
        aliases=[cell for name, cell in cells.items() if ALIAS.fullmatch(name)],
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        numbers={ours: _number(cells, theirs) for theirs, ours in NUMBERS.items() if theirs in cells},
        orbit=orbit,
        extras=_extras(cells),
    )


def _number(cells: Mapping[str, str], column: str) -> float:
    text = cells[column].strip()
    if not DECIMAL.fullmatch(text):
        raise InvalidInput(f'"{text[:60]}" is not a number such as 12.5.', path=["input", column])
    return float(text)


def _word(cells: Mapping[str, str], column: str, known: Sequence[str], default: str) -> str:
    word = cells.get(column, default).strip().upper()
    if word not in known:
        raise InvalidInput(f'"{word[:60]}" is none of {", ".join(known)}.', path=["input", column])
    return word


def _position(cells: Mapping[str, str]) -> tuple[float | None, float | None]:
    """Degrees from decimal degrees or sexagesimal text, each half in a form of its own."""
    if "ra" not in cells and "dec" not in cells:
        return None, None
    halves = []
    for column, parse in (("ra", parse_right_ascension), ("dec", parse_declination)):
        if column not in cells:
            raise InvalidCoordinates("A position needs both `ra` and `dec`.", path=["input", column])
        try:
            halves.append(parse(cells[column]))
        except InvalidInput as error:
            raise InvalidCoordinates(error.message, path=["input", column]) from error
    return halves[0], halves[1]


def _extras(cells: Mapping[str, str]) -> dict[str, Any]:
    """Every further column; and the pairs of the column ``extras``, whose keys cannot be headings."""
    own = {name: read_extra(cell) for name, cell in cells.items() if name not in RESERVED and not ALIAS.fullmatch(name)}
    try:
        further = orjson.loads(cells.get("extras", "{}"))
    except orjson.JSONDecodeError:
        further = None
    if not isinstance(further, dict):
        raise InvalidInput("`extras` holds a JSON object of pairs that have no column.", path=["input", "extras"])
    return {**own, **further}
