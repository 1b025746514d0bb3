"""Light curves of the Swift XRT in QDP, the text format of its plotting program.

Format (QDP/PLT User's Guide; https://www.swift.ac.uk/xrt_curves/docs.php; Evans et al. 2007, A&A 469, 379): ``!``
begins a comment, ``READ TERR``/``READ SERR`` say which columns have two errors or one, ``NO NO NO`` parts data sets,
and times are seconds since a trigger that a comment tells. X-ray fluxes and count rates are no optical photometry: they
are kept as data of their own kind, but flux densities in Jy become photometry.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import orjson

from tomgql.builtin.processors.qdp_text import Point, QdpText, parse_qdp
from tomgql.builtin.processors.readings import choose_options, options_schema, read_columns
from tomgql.builtin.processors.text_files import head_text, read_text, says_encoding
from tomgql.domain.cells import Column
from tomgql.domain.measurements import GenericData, Note, Reading, RejectedRow
from tomgql.domain.options import ColumnOptions, check_options
from tomgql.domain.photometry import FLUX_UNITS_UJY
from tomgql.domain.time import SECONDS_PER_DAY, in_range, parse_iso
from tomgql.errors import UnreadableFile
from tomgql.plugins.contracts import SourceFile

_SIGNATURE = re.compile(r"^[ \t]*READ[ \t]+[TS]ERR\b", re.IGNORECASE | re.MULTILINE)
_DATA_TYPE = "x_ray_light_curve"
_OPTIONS = choose_options(
    "band", "source_name",
    trigger_time={"type": "string", "description": "UTC (ISO 8601) from which times count, where no comment tells."},
    value_unit={"type": "string", "description": "Unit of the fluxes, where the file does not say it."},
)  # fmt: skip


class QdpProcessor:
    """Reads QDP files of the Swift XRT's light curves."""

    name: ClassVar[str] = "qdp"
    title: ClassVar[str] = "Swift XRT light curve (QDP)"
    version: ClassVar[str] = "1"
    data_types: ClassVar[tuple[str, ...]] = ("photometry", _DATA_TYPE)
    options_schema: ClassVar[Mapping[str, Any]] = options_schema(_OPTIONS)

    def confidence(self, file: SourceFile) -> int:
        """95 when READ TERR or READ SERR is there."""
        text = head_text(file)
        return 95 if text is not None and _SIGNATURE.search(text) else 0

    @says_encoding
    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read the whole file. Raises `UnreadableFile` without data, or when nobody says when the trigger was."""
        given = {name: value for name, value in options.items() if value is not None}
        check_options(_OPTIONS, given)
        found = parse_qdp(read_text(file), file.name)
        mjd = _mjd(found, given, file.name)
        unit = given.get("value_unit") or found.unit
        if unit is not None and unit.upper() in FLUX_UNITS_UJY:
            return _photometry(file, found, mjd, unit, given)
        return _generic(found, mjd, unit, given, file)


def _mjd(found: QdpText, given: Mapping[str, Any], file_name: str) -> np.ndarray:
    times = np.array([point.time for point in found.points], dtype=np.float64)
    if found.times_are_mjd:
        return times
    trigger = parse_iso(given["trigger_time"])[0] if "trigger_time" in given else found.trigger_mjd
    if trigger is None:
        raise UnreadableFile(
            f"{file_name}: times are seconds since a trigger, and no comment says when it was: say it with option "
            "trigger_time."
        )
    return trigger + times / SECONDS_PER_DAY


def _photometry(
    file: SourceFile, found: QdpText, mjd: np.ndarray, unit: str, given: Mapping[str, Any]
) -> Reading:
    points = found.points
    columns = {
        "mjd": Column("mjd", mjd.tolist()), "flux": Column("flux", [point.value for point in points], unit=unit),
        "flux_err": Column("flux_err", [_error(point) for point in points], unit=unit),
        "dataset": Column("dataset", [point.dataset for point in points]),
    }  # fmt: skip
    facts = {
        "time_format": "mjd", "time_scale": "utc", "time_reference": "middle", "band": found.energy or "X-ray",
        "telescope": "Swift", "instrument": "XRT", "source_name": "Swift XRT",
    }  # fmt: skip
    said = {name: given[name] for name in ("band", "source_name") if name in given}
    return read_columns(file, columns, ColumnOptions.read_over(facts, said), "QDP, flux density")


def _error(point: Point) -> float | None:
    """One error of two: their mean."""
    known = [abs(each) for each in (point.plus, point.minus) if each is not None and each == each]
    return sum(known) / len(known) if known else None


def _generic(
    found: QdpText, mjd: np.ndarray, unit: str | None, given: Mapping[str, Any], file: SourceFile
) -> Reading:
    reading = Reading(format_name="QDP")
    good = in_range(mjd) & np.array([point.value == point.value for point in found.points])
    for at in np.flatnonzero(~good).tolist():
        words = f"row {at + 1}: no value, or a time outside 1850 to now"
        reading.rejected.append(RejectedRow(at + 1, "NO_MEASUREMENT", words))
    if not good.any():
        raise UnreadableFile(f"{file.name}: no row can be taken: {reading.rejected[0].message}.")
    rows, source = np.flatnonzero(good), given.get("source_name") or "Swift XRT"
    points = [found.points[row] for row in rows]
    reading.generic = GenericData(
        data_type=_DATA_TYPE, mjd_utc=mjd[rows], source_name=np.full(len(rows), source, dtype=object),
        telescope=np.full(len(rows), "Swift", dtype=object),
        instrument=np.array([*(_instrument(point) for point in points), None], dtype=object)[:-1],
        external_id=np.full(len(rows), None, dtype=object),
        reported=[_value(point, found, unit) for point in points], row=rows + 1,
    )  # fmt: skip
    words = f"{found.quantity} of X-rays ({unit or 'unit not said'}); kept as {_DATA_TYPE}, not as photometry"
    reading.notes.append(Note("INFO" if unit else "WARNING", "NOT_PHOTOMETRY", words, count=len(rows)))
    return reading


def _instrument(point: Point) -> str:
    return f"XRT {point.dataset}"[:255] if point.dataset else "XRT"


def _value(point: Point, found: QdpText, unit: str | None) -> str:
    said = {
        "time": point.time, "time_plus": point.time_plus, "time_minus": point.time_minus,
        "time_unit": "d" if found.times_are_mjd else "s", "quantity": found.quantity, "value": point.value,
        "error_plus": point.plus, "error_minus": point.minus, "unit": unit, "dataset": point.dataset or None,
        "upper_limit": point.is_limit,
    }  # fmt: skip
    return orjson.dumps(said).decode()
