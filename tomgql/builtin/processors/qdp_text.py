"""QDP text into points: what the READ commands, the labels and the comments say of each number."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tomgql.domain.cells import clean_text
from tomgql.domain.time import mjd_from_datetime
from tomgql.errors import UnreadableFile

_READ = re.compile(r"READ\s+([TS])ERR\s+([\d\s]+)", re.IGNORECASE)
_TRIGGER = re.compile(
    r"\bT0\b.*?(\d{4})[ -]([A-Z][a-z]{2}|\d{2})[ -](\d{1,2})(?:\s+at\s+|[T ])(\d{1,2}):(\d{2}):(\d{2}(?:\.\d+)?)"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UNIT_IN_LABEL = re.compile(r"[\[(]\s*([^\])]+?)\s*[\])]")
_JANSKYS = re.compile(r"\b([munµ]?Jy)\b")
_ERGS = re.compile(r"\berg\b.*(?:cm|s)", re.IGNORECASE)
_ENERGY = re.compile(r"\b(\d+(?:\.\d+)?(?:\s*-\s*\d+(?:\.\d+)?)?)\s*keV\b", re.IGNORECASE)
_SEPARATOR = re.compile(r"(?:NO\s+)*NO", re.IGNORECASE)


@dataclass(frozen=True)
class Point:
    """One row: time and its errors, value and its errors (None where the file has none), and the data set's name."""

    time: float
    time_plus: float | None
    time_minus: float | None
    value: float
    plus: float | None
    minus: float | None
    dataset: str
    is_limit: bool


@dataclass
class QdpText:
    """The points, and what the file says of them all."""

    points: list[Point] = field(default_factory=list)
    quantity: str = "value"
    unit: str | None = None
    energy: str | None = None
    trigger_mjd: float | None = None
    times_are_mjd: bool = False
    dataset: str = ""
    errors: dict[int, int] = field(default_factory=dict)
    """How many errors follow each column, by its number."""


def parse_qdp(text: str, file_name: str) -> QdpText:
    """The points of a QDP text. Raises `UnreadableFile` when there are none or a row holds no numbers."""
    found = QdpText()
    for number, raw in enumerate(text.splitlines(), 1):
        line = clean_text(raw.strip())
        if line.startswith("!"):
            _heed_comment(found, line.lstrip("! \t"))
        elif match := _READ.match(line):
            count = 2 if match[1].upper() == "T" else 1
            found.errors |= {int(column): count for column in match[2].split()[:20]}
        elif line and not _SEPARATOR.fullmatch(line) and _is_data(line):
            found.points.append(_point(line, found, number, file_name))
    if not found.points:
        raise UnreadableFile(f"{file_name}: the QDP file holds no rows of numbers.")
    return found


def _is_data(line: str) -> bool:
    """Whether a line is no command of the plotting program, such as LABEL or LOG X ON."""
    return line[0] in "+-.0123456789" or line.split()[0].lower() in ("nan", "no")


def _heed_comment(found: QdpText, words: str) -> None:
    trigger = _TRIGGER.search(words)
    if trigger is not None:
        found.trigger_mjd = _moment(trigger)
    labels = re.split(r"\t+|\s{2,}|(?<=\])\s+", words)
    first = labels[0].strip().lower()
    if first.startswith(("time", "mjd")) and len(labels) > 1:
        found.times_are_mjd = first.startswith("mjd") or "mjd" in first
        _heed_label(found, labels)
        return
    if _JANSKYS.search(words):
        found.unit = _JANSKYS.findall(words)[0]
    elif _ERGS.search(words):
        found.unit = "erg / (s cm2)"
    energy = _ENERGY.search(words)
    if energy is not None and "band" not in words.lower():
        found.energy = f"{energy[1]} keV"
    if words and len(words) <= 60 and trigger is None and "columns" not in words.lower():
        found.dataset = words.strip()


def _heed_label(found: QdpText, labels: list[str]) -> None:
    """The label of the value stands behind the time and its errors."""
    value = labels[min(1 + found.errors.get(1, 2), len(labels) - 1)].strip()
    unit = _UNIT_IN_LABEL.search(value)
    found.quantity = _UNIT_IN_LABEL.sub("", value).strip() or "value"
    if unit is not None:
        found.unit = unit[1]
    elif found.quantity.lower() in ("rate", "count rate", "countrate"):
        found.unit = "count / s"


def _moment(match: re.Match[str]) -> float | None:
    month = _MONTHS.index(match[2]) + 1 if match[2] in _MONTHS else int(match[2]) if match[2].isdigit() else 0
    try:
        day = datetime(int(match[1]), month, int(match[3]), int(match[4]), int(match[5]), tzinfo=UTC)
    except ValueError:
        return None
    return mjd_from_datetime(day) + float(match[6]) / 86400.0


def _point(line: str, found: QdpText, number: int, file_name: str) -> Point:
    cells = line.split("!")[0].replace(",", " ").split()
    try:
        numbers = [math.nan if cell.upper() == "NO" else float(cell) for cell in cells]
    except ValueError:
        raise UnreadableFile(f'{file_name}: line {number} is no row of numbers: "{line[:60]}".') from None
    groups, at = [], 0
    for column in (1, 2):
        errors = found.errors.get(column, 0)
        groups.append((numbers[at : at + 1], numbers[at + 1 : at + 1 + errors]))
        at += 1 + errors
    (time, time_errors), (value, value_errors) = groups
    if not time or not value or not math.isfinite(time[0]):
        raise UnreadableFile(f"{file_name}: line {number} has {len(numbers)} numbers; {at} are announced by READ.")
    limit = "upper limit" in found.dataset.lower()
    return Point(time[0], *_both(time_errors), _finite(value[0]), *_both(value_errors), found.dataset, limit)


def _both(errors: list[float]) -> tuple[float | None, float | None]:
    """Upwards and downwards; one error holds for both."""
    known = [each if math.isfinite(each) else None for each in errors[:2]]
    if len(known) == 2:
        return known[0], known[1]
    return (known[0], -known[0] if known[0] is not None else None) if known else (None, None)


def _finite(value: float) -> float:
    return value if math.isfinite(value) else math.nan
