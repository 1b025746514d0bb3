"""ADES's PSV form as observations: values between bars below lines of names, and header lines of ``#`` and ``!``."""

from __future__ import annotations

import re
from collections.abc import Iterator

_VERSION = re.compile(r"#\s*version\s*=\s*20\d\d\b", re.IGNORECASE)
_HEADING = re.compile(r"#\s*(\w+)")
_VALUE = re.compile(r"!\s*(\w+)\s+(.*\S)\s*")
_NEEDED = {"obsTime", "stn"}
"""Names that every line of names holds."""

_HEADER_LINES = 500
"""Lines looked at for detection: a header has a few dozens, and as many as there are observers."""


def psv_confidence(text: str) -> int:
    """95 for a version and a line of names, 90 for such a line alone, 70 for a version and an ADES heading."""
    lines = [line.strip() for line in text.splitlines()[:_HEADER_LINES] if line.strip()]
    version = bool(lines) and _VERSION.match(lines[0]) is not None
    first = next((line for line in lines if line[0] not in "#!"), "")
    if _names(first) >= _NEEDED:
        return 95 if version else 90
    return 70 if version and any(line.startswith("!") for line in lines) else 0


def parse_psv(text: str) -> Iterator[dict[str, str] | str]:
    """Each observation by name, without what is empty; a text for a line that is none, which says why."""
    names: list[str] = []
    header: dict[str, str] = {}
    group, in_header = "", False
    for line in filter(None, map(str.strip, text.splitlines())):
        if line[0] in "#!":
            header = header if in_header else {}
            in_header = True
            group = _read_header(header, group, line)
        elif _names(line) >= _NEEDED:
            names, in_header = _cells(line), False
        else:
            in_header = False
            yield _observation(line, names, header)


def _names(line: str) -> set[str]:
    return set(_cells(line))


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")]


def _read_header(header: dict[str, str], group: str, line: str) -> str:
    """Keep the values of a header line under ``group name``; returns the group that later lines belong to."""
    heading, value = _HEADING.match(line), _VALUE.match(line)
    if heading is not None:
        return heading[1]
    if value is not None:
        name = f"{group} {value[1]}"
        header[name] = f"{header[name]}; {value[2]}" if name in header else value[2]
    return group


def _observation(line: str, names: list[str], header: dict[str, str]) -> dict[str, str] | str:
    cells = _cells(line)
    if not names:
        return f'"{line[:40]}" stands before any line of names such as permID|stn|obsTime|ra|dec'
    surplus = cells[len(names) :]
    if len(cells) < len(names) - (names[-1] == "") or any(surplus):
        return f"{len(cells)} values below {len(names)} names"
    said = {name: cell for name, cell in zip(names, cells, strict=False) if name and cell}
    return with_header(said, header)


def with_header(said: dict[str, str], header: dict[str, str]) -> dict[str, str]:
    """The observation with what its header says of the observatory and the telescope, and the observatory's code."""
    kept = {name: value for name, value in header.items() if name.split()[0] in ("observatory", "telescope")}
    code = header.get("observatory mpcCode")
    return ({"stn": code} if code and "stn" not in said else {}) | said | kept
