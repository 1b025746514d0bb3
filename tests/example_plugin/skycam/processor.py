"""Files of the all-sky camera SKYCAM.

Header lines begin with ``#``; the first is ``# SKYCAM 1``, the others are ``# key: value`` with the keys ``object``,
``filter`` and ``exposure_s``. Then one line an exposure, columns separated by blanks: start of the exposure (ISO 8601,
UTC), magnitude (Vega), its error (1 sigma, mag) and the sky's brightness (mag/arcsec2; ``-`` where not measured)::

    # SKYCAM 1
    # object: AT 2026cam
    # filter: V
    # exposure_s: 30
    2026-01-01T01:00:00 14.21 0.03 21.3
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from tomgql.domain.columns import interpret_photometry
from tomgql.domain.measurements import GenericData, Note, Photometry, Reading
from tomgql.domain.options import ColumnOptions
from tomgql.errors import InvalidInput, UnreadableFile
from tomgql.plugins.contracts import SourceFile

SIGNATURE = b"# SKYCAM 1\n"
COLUMNS = ("time", "magnitude", "error", "sky")
OPTIONS = {
    "max_error": {
        "type": "number",
        "exclusiveMinimum": 0,
        "description": "Magnitudes with a larger error (1 sigma, mag) are left out; default none.",
    },
    "sky": {"type": "boolean", "description": "Whether the sky's brightness is recorded too (default true)."},
}


class SkyCamProcessor:
    """Reads the magnitudes of one object, and the brightness of the sky beside it."""

    name: ClassVar[str] = "skycam"
    title: ClassVar[str] = "SKYCAM all-sky camera"
    version: ClassVar[str] = "1.0"
    data_types: ClassVar[tuple[str, ...]] = ("photometry", "sky_brightness")
    options_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "properties": OPTIONS,
        "additionalProperties": False,
    }

    def confidence(self, file: SourceFile) -> int:
        """100 when the camera's own first line is there."""
        return 100 if file.head.startswith(SIGNATURE) else 0

    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read the whole file; raises `UnreadableFile` and `InvalidInput` as the contract says."""
        largest, with_sky = _said(options)
        header, rows = _parse(file)
        reading = _photometry(file, header, rows)
        if with_sky and reading.photometry is not None:
            reading.generic = _sky(reading.photometry, rows)
        if largest is not None:
            _leave_out(reading, largest)
        reading.format_name = self.title
        return reading


def _said(options: Mapping[str, Any]) -> tuple[float | None, bool]:
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise InvalidInput(f'There is no option "{unknown[0]}". Known: {", ".join(OPTIONS)}.', path=["options"])
    largest, with_sky = options.get("max_error"), options.get("sky", True)
    if largest is not None and not (isinstance(largest, (int, float)) and largest > 0):
        raise InvalidInput("max_error must be a number above 0.", path=["options", "max_error"])
    return largest, with_sky is not False


def _parse(file: SourceFile) -> tuple[dict[str, str], list[list[str]]]:
    """The header by key, and the cells of each row. Raises `UnreadableFile`, which names the row."""
    lines = file.path.read_text(encoding="utf-8", errors="replace").splitlines()
    header = dict(line[1:].split(":", 1) for line in lines if line.startswith("#") and ":" in line)
    rows = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    for number, cells in enumerate(rows, 1):
        if len(cells) != len(COLUMNS):
            raise UnreadableFile(f"{file.name}, row {number}: {len(cells)} columns; expected {', '.join(COLUMNS)}.")
    if not rows:
        raise UnreadableFile(f"{file.name}: there is no exposure below the header.")
    return {key.strip(): value.strip() for key, value in header.items()}, rows


def _photometry(file: SourceFile, header: Mapping[str, str], rows: Sequence[Sequence[str]]) -> Reading:
    """tomgql's own reader of columns does the rest: middle of the exposure, units, bad rows, names of the target."""
    columns = {name: [cells[place] for cells in rows] for place, name in enumerate(COLUMNS[:3])}
    columns["object"] = [header.get("object", "")] * len(rows)
    said = ColumnOptions(
        band=header.get("filter"),
        exposure_s=float(header.get("exposure_s", "0")) or None,
        time_format="iso",
        time_scale="utc",
        time_reference="start",
        magnitude_system="Vega",
        telescope="SKYCAM",
        source_name="SKYCAM",
    )
    return interpret_photometry(columns, said, file_name=file.name, target_names=file.target_names)


def _sky(found: Photometry, rows: Sequence[Sequence[str]]) -> GenericData | None:
    """The sky's brightness at the times of the exposures that were taken."""
    measured = found.take(np.array([rows[row - 1][3] != "-" for row in found.row]))
    if not len(measured):
        return None
    return GenericData(
        data_type="sky_brightness",
        mjd_utc=measured.mjd_utc,
        source_name=measured.source_name,
        telescope=measured.telescope,
        instrument=measured.instrument,
        external_id=measured.external_id,
        reported=[json.dumps({"sky_mag_arcsec2": float(rows[row - 1][3])}) for row in measured.row],
        row=measured.row,
    )


def _leave_out(reading: Reading, largest: float) -> None:
    found = reading.photometry
    if found is None:
        return
    bad = found.reported_magnitude_error > largest
    count = int(bad.sum())
    if count:
        first = int(found.row[bad][0])
        reading.notes.append(Note("INFO", "LARGE_ERROR", f"{count} with an error above {largest:g} mag", first, count))
        reading.photometry = found.take(~bad) if count < len(found) else None
