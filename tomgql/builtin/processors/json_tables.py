"""Tables within JSON documents, in the forms that services and people write them.

Lists of objects; ``{"columns"|"info"|"metadata": [names], "data": [[...]]}`` (pandas, MAST, TAP); objects of lists of
equal length; objects by number (pandas); any of them under other keys; one object a line. Bare NaN and Infinity are
read, because services write them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tomgql.errors import UnreadableFile

Record = Mapping[str, Any]
Found = tuple[str, Sequence[Record]]
"""Where in the document, as ``data.photometry``, and the records there."""

_DEEPEST = 6
_MOST_TABLES = 200
_HEADERS = ("columns", "info", "metadata", "fields", "names")


def load_json(text: str, file_name: str) -> Any:
    """The document; one object a line is read as their list. Raises `UnreadableFile` with line and column."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as fault:
        lines = _load_lines(text)
        if lines is not None:
            return lines
        place = f"line {fault.lineno}, column {fault.colno}"
        raise UnreadableFile(f"{file_name}: the JSON is broken at {place}: {fault.msg}.") from fault
    except (RecursionError, ValueError) as fault:
        raise UnreadableFile(f"{file_name}: the JSON is nested too deeply or holds an absurd number.") from fault


def _load_lines(text: str) -> list[Any] | None:
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 2:
        return None
    try:
        return [json.loads(line) for line in lines]
    except (RecursionError, ValueError):
        return None


def mappings(value: Any) -> list[Record]:
    """The objects of a list; none of anything else."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def find_tables(document: Any) -> list[Found]:
    """Every table of the document with a place, the outermost first."""
    return [found for found, _ in zip(_walk(document, "", 0), range(_MOST_TABLES), strict=False)]


def _walk(value: Any, place: str, depth: int) -> Iterator[Found]:
    records = _records(value)
    if records:
        yield place, records
    if depth >= _DEEPEST:
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(inner, (Mapping, list)):
                yield from _walk(inner, f"{place}.{key}" if place else str(key), depth + 1)
    elif isinstance(value, list) and len(value) <= _MOST_TABLES:
        for inner in value:
            if isinstance(inner, Mapping):
                yield from _inner(inner, place, depth)


def _inner(value: Record, place: str, depth: int) -> Iterator[Found]:
    """Tables within the objects of a list."""
    for key, inner in value.items():
        if isinstance(inner, (Mapping, list)):
            yield from _walk(inner, f"{place}.{key}" if place else str(key), depth + 1)


def _records(value: Any) -> list[Record]:
    if isinstance(value, list):
        return [item for item in value if isinstance(item, Mapping)]
    if not isinstance(value, Mapping):
        return []
    return _from_rows(value) or _from_lists(value) or _from_numbered(value)


def _from_rows(value: Record) -> list[Record]:
    """Names beside rows of cells."""
    rows = value.get("data")
    header = next((value[key] for key in _HEADERS if isinstance(value.get(key), list)), None)
    if not isinstance(rows, list) or header is None or not rows or not all(isinstance(row, list) for row in rows):
        return []
    names = [str(item.get("name", "")) if isinstance(item, Mapping) else str(item) for item in header]
    return [dict(zip(names, row, strict=False)) for row in rows]


def _from_lists(value: Record) -> list[Record]:
    """Columns by name."""
    lists = {str(key): cells for key, cells in value.items() if isinstance(cells, list)}
    lengths = {len(cells) for cells in lists.values()}
    nested = any(isinstance(cell, (Mapping, list)) for cells in lists.values() for cell in cells)
    if len(lists) < 2 or len(lengths) != 1 or nested:
        return []
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def _from_numbered(value: Record) -> list[Record]:
    """Columns by name, with cells by row number, as pandas writes them by default."""
    inner = {str(key): cells for key, cells in value.items() if isinstance(cells, Mapping)}
    if len(inner) < 2 or len(inner) != len(value):
        return []
    rows = list(next(iter(inner.values())))
    if not rows or not all(str(row).isdigit() for row in rows) or any(list(each) != rows for each in inner.values()):
        return []
    return [{name: cells[row] for name, cells in inner.items()} for row in rows]
