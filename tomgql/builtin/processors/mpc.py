"""The Minor Planet Center's 80-column records: one observation a line, perhaps below a header.

Format: https://www.minorplanetcenter.net/iau/info/OpticalObs.html, SatelliteObs.html, RovingObs.html, RadarObs.html
and ObsDetails.html (headers). Columns are fixed, so that times of extra precision touch the right ascension. Times are
UTC, the middle of the exposure; positions are J2000, errors are not given. Satellites (S, s) and roving observers
(V, v) take two lines, the second of which says where the observer was; radar (R, r) measures no position.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from tomgql.builtin.processors.position_files import POSITION_OPTIONS, Records, note_magnitudes, read_positions, taken
from tomgql.builtin.processors.readings import options_schema
from tomgql.builtin.processors.text_files import head_text, read_text, says_encoding
from tomgql.domain.designations import unpack_number, unpack_provisional
from tomgql.domain.measurements import Note, Reading, rows_text
from tomgql.domain.time import mjd_from_datetime
from tomgql.errors import UnreadableFile
from tomgql.plugins.contracts import SourceFile

_WIDTH = 80
_RECORD = re.compile(r".{14}.\d{4} [ \d]\d (?:[ \d]\d\.\d{0,6} *| ?\d{1,2} +).{45,}[0-9A-Za-z]{3}", re.ASCII)
"""The date at column 16 and an observatory code at the end tell a record from any other line."""

_HEADER = re.compile(r"(COD|CON|OBS|MEA|TEL|NET|BND|COM|NUM|ACK|AC2|TYP)(?: (.*))?", re.ASCII)
_FIRST_HEADER = re.compile(r"COD [0-9A-Za-z]{3}\s*", re.ASCII)
_KEPT_HEADERS = {"OBS": "observers", "MEA": "measurers", "TEL": "telescope", "NET": "net"}
"""What of a header is kept with each of its records, and under which name."""

_RULE = re.compile(r"-+(?:\s*end\s*-+)?", re.IGNORECASE)
_FIELDS = {
    "designation": (0, 12), "discovery": (12, 13), "note1": (13, 14), "note2": (14, 15), "date": (15, 32),
    "ra": (32, 44), "dec": (44, 56), "mag": (65, 70), "band": (70, 71), "catalog": (71, 72), "reference": (72, 77),
    "observatory": (77, 80),
}  # fmt: skip
_SECOND_LINES = {"s": "S", "v": "V", "r": "R"}
"""Note 2 of a second line, and of the first line that it belongs to."""

_REPLACED = "Xx"
_DATE = re.compile(r"(\d{4}) +(\d{1,2}) +(\d{1,2}(?:\.\d*)?)", re.ASCII)
_ANGLE = re.compile(r"([+-]?)\s*(\d{1,2})(?:\s+(\d{1,2}(?:\.\d*)?)(?:\s+(\d{1,2}(?:\.\d*)?))?|(\.\d+))?", re.ASCII)


class MpcProcessor:
    """Reads the Minor Planet Center's 80-column records."""

    name: ClassVar[str] = "mpc"
    title: ClassVar[str] = "Minor Planet Center 80-column records"
    version: ClassVar[str] = "1"
    data_types: ClassVar[tuple[str, ...]] = ("astrometry",)
    options_schema: ClassVar[Mapping[str, Any]] = options_schema(POSITION_OPTIONS)

    def confidence(self, file: SourceFile) -> int:
        """95 when the first line below any header is a record, 90 for a header that begins with COD."""
        text = head_text(file)
        lines = [line for line in (text or "").splitlines() if line.strip()]
        first = next((line for line in lines if _RECORD.fullmatch(line.rstrip()) or not _HEADER.fullmatch(line)), "")
        if _is_record(first):
            return 95
        return 90 if lines and _FIRST_HEADER.fullmatch(lines[0]) else 0

    @says_encoding
    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read all records. Raises `UnreadableFile` when none is a position of the target."""
        records = _parse(read_text(file))
        if not any(records.said):
            listed = "; ".join(row.message for row in records.rejected[:3])
            raise UnreadableFile(
                f"{file.name}: there is no 80-column record with a position" + (f": {listed}." if listed else ".")
            )
        roles = {"observatory_code": "observatory"}
        facts = {"time_format": "mjd", "time_scale": "utc", "time_reference": "middle", "source_name": "MPC"}
        reading = read_positions(file, records, roles, facts, options, self.title)
        note_magnitudes(records, reading)
        _note_observers(records, reading)
        return reading


def _note_observers(records: Records, reading: Reading) -> None:
    """Warn of positions seen from nobody knows where: those whose second line is missing."""
    moving = [said for said in taken(records, reading) if said["note2"] in ("S", "V") and not said.get("observer")]
    if moving:
        words = f"{rows_text(len(moving))} of satellites or roving observers without the second line that says where"
        reading.notes.append(Note("WARNING", "OBSERVER_UNKNOWN", f"{words} they were; kept", count=len(moving)))


def _is_record(line: str) -> bool:
    plain = line.rstrip()
    return len(plain) == _WIDTH and _RECORD.fullmatch(plain) is not None


def _parse(text: str) -> Records:
    records, header = Records(), dict[str, str]()
    lines = [line.rstrip() for line in text.splitlines()]
    for line, following in _pairs(lines):
        keyword = None if _is_record(line) else _HEADER.fullmatch(line)
        if keyword is not None:
            _read_header(header, keyword[1], (keyword[2] or "").strip())
        elif _is_record(line):
            _add(records, line, following, header)
        elif not _RULE.fullmatch(line.strip()):
            words = f'"{line[:40]}" has {len(line)} characters; a record has {_WIDTH}, with its date at column 16'
            records.reject("NOT_A_RECORD", words)
    return records


def _pairs(lines: list[str]) -> Iterator[tuple[str, str | None]]:
    """Every line that is not blank, a first line of two together with its second."""
    rest = iter([line for line in lines if line.strip()])
    ahead = next(rest, None)
    while ahead is not None:
        line, ahead = ahead, next(rest, None)
        if ahead is not None and _belongs(line, ahead):
            second, ahead = ahead, next(rest, None)
            yield line, second
        else:
            yield line, None


def _belongs(line: str, following: str) -> bool:
    both = _is_record(line) and len(following) >= 15 and following[14] in _SECOND_LINES
    return both and _SECOND_LINES[following[14]] == line[14] and following[15:32] == line[15:32]


def _read_header(header: dict[str, str], keyword: str, text: str) -> None:
    """Keep what the header says; its first line, COD, begins a new one."""
    if keyword == "COD":
        header.clear()
    elif keyword in _KEPT_HEADERS:
        header[keyword] = "; ".join(filter(None, [header.get(keyword), text]))


def _add(records: Records, line: str, second: str | None, header: Mapping[str, str]) -> None:
    said = {name: line[start:end].strip() or None for name, (start, end) in _FIELDS.items()}
    fault = _fault(line[14])
    if fault is not None:
        records.reject(*fault)
        return
    time, ra, dec = _mjd(line[15:32]), _degrees(line[32:44], 15.0), _degrees(line[44:56], 1.0)
    unread = next((name for name, value in (("date", time), ("ra", ra), ("dec", dec)) if value is None), None)
    if unread is not None:
        records.reject(f"UNREADABLE_{unread.upper()}", f'cannot read the {unread} "{said[unread] or ""}"')
        return
    kept: dict[str, Any] = {name: header.get(keyword) for keyword, name in _KEPT_HEADERS.items()}
    observer = {"observer": " ".join(second[32:77].split())} if second is not None else {}
    records.add(said | kept | observer, time, ra, dec, _names(line))


def _fault(kind: str) -> tuple[str, str] | None:
    """Why a record of this note 2 holds no position, as a code and words."""
    if kind in "Rr":
        return "NO_POSITION", "a radar record (R) has a delay or Doppler shift, and no position"
    if kind in _SECOND_LINES:
        return "NO_POSITION", f"a second line ({kind}) without its first ({_SECOND_LINES[kind]}) before it"
    if kind in _REPLACED:
        return "REPLACED", "the observation was replaced by a better one (note X)"
    return None


def _names(line: str) -> tuple[str, ...]:
    """The designations of columns 1 to 12, unpacked where they are packed."""
    number, rest = line[:5].strip(), line[5:12].strip()
    if len(number) == 1:
        provisional = unpack_provisional(rest, number)
        return (provisional or f"{number}/{rest}",) if rest else (number,)
    fragment = f"-{rest.upper()}" if re.fullmatch("[a-z]{1,2}", rest) else ""
    permanent = (unpack_number(number) or number) + fragment if number else ""
    temporary = "" if fragment or not rest else unpack_provisional(rest, "") or rest
    return tuple(filter(None, (permanent, temporary)))


def _mjd(text: str) -> float | None:
    found = _DATE.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day = int(found[1]), int(found[2]), float(found[3])
    try:
        midnight = datetime(year, month, int(day), tzinfo=UTC)
    except ValueError:
        return None
    return mjd_from_datetime(midnight) + day % 1.0


def _degrees(text: str, scale: float) -> float | None:
    """Degrees of hours or degrees, minutes and seconds, of which the last may have decimals; None for others."""
    found = _ANGLE.fullmatch(text.strip())
    if found is None:
        return None
    minutes, seconds = float(found[3] or 0.0), float(found[4] or 0.0)
    if minutes >= 60.0 or seconds >= 60.0 or (found[4] and "." in found[3]):
        return None
    size = int(found[2]) + float(found[5] or 0.0) + minutes / 60.0 + seconds / 3600.0
    return scale * (-size if found[1] == "-" else size)
