"""ZTF's alerts as brokers hand them on: one row an alert, in ZTF's own names.

Each broker renames, adds and rounds in its own way. What is kept of a row is what all of them have, written in one
way, so that an alert which came from one broker is the same datum from another: the producer is ZTF and its id is the
``candid``. Times are UTC at the start of the exposure; ``magpsf`` (AB) is the difference from the reference image,
whose sign is ``isdiffpos``; ``diffmaglim`` is the 5-sigma limit of an image without a detection.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tomgql.builtin.processors.readings import derived, empty_reading, read_columns
from tomgql.domain.cells import Column
from tomgql.domain.measurements import Note, Reading, rows_text
from tomgql.domain.options import ColumnOptions
from tomgql.plugins.contracts import SourceFile

JD_OF_MJD_0 = 2_400_000.5

_EXPOSURE_S = 30.0
"""ZTF's standard exposure (Bellm et al. 2019, PASP 131, 018002); most alerts leave it out."""

_POSITIVE = ("1", "1.0", "t", "true")
DIFFERENCE = ("magpsf", "sigmapsf")
"""Names of the magnitude of the difference image, and of its error."""

_FORCED = ("forcediffimflux", "forcediffimfluxunc", "magzpsci")
_MAPPING = {
    "time": "jd", "sign": "isdiffpos", "limit": "diffmaglim",
    "band": "fid", "external_id": "candid", "object": "object", "ra": "ra of the alert", "dec": "dec of the alert",
    "exposure": "exposure", "flux": "forcediffimflux", "flux_error": "forcediffimfluxunc", "zero_point": "magzpsci",
    "forced": "forced flux",
}  # fmt: skip

Row = Mapping[str, Any]


def read_rows(
    file: SourceFile, rows: Iterable[Row], title: str, options: Mapping[str, Any], names: tuple[str, str] = DIFFERENCE
) -> Reading:
    """Rows in ZTF's own names, with ``jd`` or ``mjd``, as photometry; no rows are an empty light curve.

    ``names`` are those of the magnitude, which is a difference only under its usual name, and of its error. Raises
    `UnreadableFile` when no row can be taken.
    """
    found = [dict(row) for row in rows]
    if not found:
        return empty_reading(title)
    columns = _reported_columns(found, names) | _columns_beside(found)
    known = {name for name, column in columns.items() if any(cell is not None for cell in column.cells)}
    roles = _MAPPING | dict(zip(("magnitude", "magnitude_error"), names, strict=True))
    mapping = {role: name if name in known else "" for role, name in roles.items()}
    said = {
        "mapping": mapping, "time_format": "jd", "time_scale": "utc", "time_reference": "start",
        "exposure_s": _EXPOSURE_S, "magnitude_system": "AB", "limit_nsigma": 5.0, "telescope": "P48",
        "instrument": "ZTF", "source_name": "ZTF", "difference": names == DIFFERENCE,
    }  # fmt: skip
    reading = read_columns(file, columns, ColumnOptions.read_over(said, options), title)
    unknown = sum(row.get("exptime") is None for row in found)
    if unknown and options.get("exposure_s") is None:
        words = f"{rows_text(unknown)} without an exposure time; taken as {_EXPOSURE_S:g} s, ZTF's standard"
        reading.notes.append(Note("INFO", "EXPOSURE_ASSUMED", words, count=unknown))
    return reading


def note_skipped(reading: Reading, code: str, count: int, words: str) -> None:
    """Tell of rows that were not read, if there are any."""
    if count:
        reading.notes.append(Note("INFO", code, f"{rows_text(count)} {words}", count=count))


def _reported_columns(rows: Sequence[Row], names: tuple[str, str]) -> dict[str, Column]:
    """The columns that are kept as reported: always the same ones, since an empty cell is part of what a row says."""
    said = [_reported(row, names) for row in rows]
    kept = ("jd", "fid", "candid", *names, "isdiffpos", "diffmaglim", *_FORCED)
    return {name: Column(name, [each.get(name) for each in said]) for name in kept}


def _columns_beside(rows: Sequence[Row]) -> dict[str, Column]:
    """What tells rows apart or places them, and not every broker hands on."""
    beside = {"object": "objectId", "ra of the alert": "ra", "dec of the alert": "dec", "exposure": "exptime",
              "forced flux": "forced"}  # fmt: skip
    columns: dict[str, Column] = {}
    for name, key in beside.items():
        columns |= derived(name, [row.get(key) for row in rows])
    return columns


def _reported(row: Row, names: tuple[str, str]) -> dict[str, Any]:
    """What the row says of the brightness, written as all brokers could."""
    said = {"jd": row.get("jd"), "fid": row.get("fid")}
    if said["jd"] is None and isinstance(row.get("mjd"), (int, float)):
        said["jd"] = row["mjd"] + JD_OF_MJD_0
    if row.get("forced"):
        return said | {name: row.get(name) for name in _FORCED}
    magnitude, error = (_single(row.get(name)) for name in names)
    if magnitude is None:
        return said | {"diffmaglim": _single(row.get("diffmaglim"))}
    said |= {names[0]: magnitude, names[1]: error}
    if row.get("isdiffpos") is not None and names == DIFFERENCE:
        said["isdiffpos"] = "t" if str(row["isdiffpos"]).lower() in _POSITIVE else "f"
    return said | {"candid": _whole(row.get("candid"))}


def _whole(value: Any) -> Any:
    """An id as the whole number that it is, where a broker writes it as text."""
    return int(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,19}", value) else value


def _single(value: Any) -> Any:
    """A number in ZTF's single precision, without the digits that some brokers write beyond; None for NaN."""
    try:
        number = np.float32(value)
    except (TypeError, ValueError):
        return value
    return float(str(number)) if np.isfinite(number) else None
