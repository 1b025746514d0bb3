"""Tables of text: commas, semicolons, tabs, bars or blanks; with a header, one in a comment, or names from options.

Python's csv module reads and numpy interprets: astropy's readers take ten times as long on large files, and name the
columns of a headerless file ``col1``, which hides that nobody said what they are.
"""

from __future__ import annotations

import csv
import io
import itertools
from dataclasses import dataclass, field

from tomgql.domain.cells import Column
from tomgql.domain.measurements import Note, Reading, RejectedRow, rows_text
from tomgql.domain.options import ColumnOptions
from tomgql.domain.reported import unique_names
from tomgql.domain.synonyms import assign_roles
from tomgql.domain.time_columns import truncated_jd
from tomgql.errors import UnreadableFile

_DELIMITERS = ("\t", ";", "|", ",")
"""Tried in this order: with semicolons between cells, commas may be decimal."""

_SAMPLE_LINES = 20
_TRUNCATED_JD = (15_000.0, 100_000.0)
"""Where MJD and JD - 2400000 of the times of astronomy's CCDs and photographs both lie."""


@dataclass
class Delimited:
    """Columns by name, in order; what was odd about single rows."""

    columns: dict[str, Column]
    rejected: list[RejectedRow] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def amend(self, reading: Reading) -> Reading:
        """Put what was found while splitting before what was found while interpreting."""
        ragged = {row.row for row in self.rejected}
        others = [row for row in reading.rejected if row.row not in ragged]
        reading.rejected = sorted([*self.rejected, *others], key=lambda row: row.row)
        reading.notes[:0] = self.notes
        return reading


def read_delimited(text: str, options: ColumnOptions, file_name: str) -> Delimited:
    """Split a text into named columns.

    Raises `UnreadableFile` for tables without rows, without column names, or that csv cannot split.
    """
    comments, body = _leading_comments(text)
    sample = [line for line in itertools.islice(io.StringIO(body), _SAMPLE_LINES) if line.strip()]
    if not sample:
        raise UnreadableFile(f"{file_name}: there are no rows, only a header or comments.")
    delimiter = _delimiter(sample)
    rows = split_rows(body, delimiter, file_name)
    names, rows = _names(rows, comments, delimiter, options, file_name)
    if not rows:
        raise UnreadableFile(f"{file_name}: there are no rows below the header.")
    return named_columns(names, rows, options.decimal_comma or _uses_decimal_comma(rows, delimiter))


def read_commas(text: str, file_name: str) -> Delimited:
    """Split a text that is known to be CSV with names in its first line; without rows the columns are empty.

    Raises `UnreadableFile` for tables that csv cannot split.
    """
    names, *rows = split_rows(text, ",", file_name) or [[]]
    return named_columns([name.strip() for name in names], rows)


def header_names(text: str) -> list[str]:
    """The cells of the first line that is neither empty nor a comment, as names; for detection."""
    line = next((line for line in io.StringIO(text) if line.strip() and not line.lstrip().startswith("#")), "")
    mark = next((mark for mark in _DELIMITERS if mark in line), None)
    return [cell.strip().strip('"') for cell in line.strip().split(mark)]


def _leading_comments(text: str) -> tuple[list[str], str]:
    comments: list[str] = []
    at = 0
    for line in io.StringIO(text):
        if line.strip() and not line.lstrip().startswith("#"):
            break
        at += len(line)
        comments.append(line.strip().lstrip("#").strip())
    return [line for line in comments if line], text[at:]


def _delimiter(sample: list[str]) -> str | None:
    """The mark between cells; None for blanks."""
    lines = [line for line in sample if not line.lstrip().startswith("#")]
    return next((mark for mark in _DELIMITERS if all(mark in line for line in lines)), None)


def split_rows(body: str, delimiter: str | None, file_name: str) -> list[list[str]]:
    """The cells of every line that is no comment; None for the delimiter means blanks. Raises `UnreadableFile`."""
    if delimiter is None:
        rows = [line.split() for line in body.splitlines()]
    else:
        try:
            rows = list(csv.reader(io.StringIO(body, newline=""), delimiter=delimiter, skipinitialspace=True))
        except csv.Error as fault:
            raise UnreadableFile(f"{file_name}: the table cannot be split into cells: {fault}.") from fault
    return [row for row in rows if row and not row[0].startswith("#") and (len(row) > 1 or row[0].strip())]


def _names(
    rows: list[list[str]], comments: list[str], delimiter: str | None, options: ColumnOptions, file_name: str
) -> tuple[list[str], list[list[str]]]:
    """The columns' names, and the rows below them."""
    first = rows[0]
    headed = not any(_is_number(cell) for cell in first)
    if options.columns is not None:
        if len(options.columns) != len(first):
            raise UnreadableFile(
                f"{file_name}: option columns names {len(options.columns)} columns; the table has {len(first)}."
            )
        return list(options.columns), rows[1:] if headed else rows
    if headed:
        return [cell.strip() for cell in first], rows[1:]
    named = _names_in_comments(comments, delimiter, len(first))
    if named is None:
        raise _headerless(rows, file_name)
    return named, rows


def _names_in_comments(comments: list[str], delimiter: str | None, width: int) -> list[str] | None:
    """The last comment line that has a name for every column, a time and a brightness among them."""
    for line in reversed(comments):
        for cells in (line.split(delimiter), line.split()):
            names = [cell.strip() for cell in cells]
            if (
                len(names) == width
                and {"magnitude", "flux"} & (roles := assign_roles(names, {})).keys()
                and "time" in roles
            ):
                return names
    return None


def _headerless(rows: list[list[str]], file_name: str) -> UnreadableFile:
    values = [float(_plain(row[0])) for row in rows if _is_number(row[0])]
    low, high = _TRUNCATED_JD
    if values and low <= min(values) and max(values) < high:
        fault = truncated_jd(values, f"column 1 of {file_name}, which has no name", file_name)
        return UnreadableFile(f"{fault.message} Name the {len(rows[0])} columns with option columns.")
    return UnreadableFile(
        f"{file_name}: the table has no header. Name its {len(rows[0])} columns with option columns, "
        f'such as ["mjd", "mag"]; the first row is {", ".join(rows[0][:6])}.'
    )


def _plain(cell: str) -> str:
    return cell.strip().lstrip("<>").replace(",", ".")


def _is_number(cell: str) -> bool:
    try:
        float(_plain(cell))
    except ValueError:
        return False
    return cell.strip().lower() not in ("nan", "inf", "infinity")


def _uses_decimal_comma(rows: list[list[str]], delimiter: str | None) -> bool:
    """Only between semicolons, and only where cells such as 12,5 are there and none such as 12.5."""
    if delimiter != ";":
        return False
    cells = [cell for row in rows[:_SAMPLE_LINES] for cell in row if _is_number(cell)]
    return any("," in cell for cell in cells) and not any("." in cell for cell in cells)


def named_columns(names: list[str], rows: list[list[str]], decimal_comma: bool = False) -> Delimited:
    """Rows of cells as columns; what is odd about rows of another length is told."""
    width = len(names)
    found = Delimited({})
    distinct = unique_names(names)
    if not rows:
        found.columns = {key: Column(name, []) for key, name in zip(distinct, names, strict=True)}
        return found
    if set(map(len, rows)) != {width}:
        rows = _evened(rows, width, found)
    found.columns = {
        key: Column(name, list(cells), decimal_comma=decimal_comma)
        for key, name, cells in zip(distinct, names, zip(*rows, strict=True), strict=True)
    }
    return found


def _evened(rows: list[list[str]], width: int, found: Delimited) -> list[list[str]]:
    """Rows of equal length: missing cells at the end are empty; a row with too many cells is not taken."""
    even = []
    short = 0
    for number, row in enumerate(rows, 1):
        extra = row[width:]
        if any(cell.strip() for cell in extra):
            message = f"row {number} has {len(row)} cells, the header has {width}"
            found.rejected.append(RejectedRow(number, "RAGGED_ROW", message))
            row = []
        elif len(row) < width:
            short += 1
        even.append([*row[:width], *[""] * (width - len(row))])
    if short:
        message = f"{rows_text(short)} with fewer cells than the header"
        found.notes.append(Note("WARNING", "SHORT_ROWS", message, count=short))
    return even
