"""Pan-STARRS DR1 and DR2 catalogues of MAST: single detections and mean objects, as CSV or JSON.

Format (https://outerspace.stsci.edu/display/PANSTARRS/): ``obsTime`` is MJD in TAI, the middle of the exposure;
``psfFlux`` in Jy (AB); ``filterID`` 1 to 5 are g, r, i, z, y; -999 is no value. Mean magnitudes are averages over years
and no points of a light curve: an object's row is kept as a fact of the catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import orjson
from numpy.typing import NDArray

from tomgql.builtin.processors.delimited import header_names, read_delimited
from tomgql.builtin.processors.json_tables import find_tables, load_json
from tomgql.builtin.processors.readings import (
    Cut,
    apply_cuts,
    choose_options,
    empty_reading,
    numbers,
    options_schema,
    position,
    read_columns,
    size_of,
    split_options,
)
from tomgql.builtin.processors.records import columns_of
from tomgql.builtin.processors.text_files import decode, head_content, read_any_text, says_encoding
from tomgql.domain.cells import Column
from tomgql.domain.measurements import GenericData, Note, Reading, rows_text
from tomgql.domain.names import simplify_name
from tomgql.domain.options import ColumnOptions, check_options
from tomgql.domain.positions import separation_arcsec
from tomgql.domain.synonyms import normalise
from tomgql.errors import UnreadableFile
from tomgql.plugins.contracts import SourceFile

_DETECTION = {"obstime", "psfflux"}
_MEAN_WORDS = ("meanpsfmag", "meankronmag", "meanapmag")
_MOST_SEPARATED_ARCSEC = 2.0
"""Of several objects the nearest is taken when it lies within twice the seeing."""

_SURVEY_MIDDLE_MJD = 55866.0
"""Between 2009-06-02 and 2014-03-31, the 3-pi survey (Chambers et al. 2016, arXiv:1612.05560)."""

_NONE = -998.0
_OPTIONS = choose_options(
    "source_name",
    min_psf_qf={"type": "number", "exclusiveMinimum": -1,
                "description": "Detections whose psfQfPerfect is not above this are left out; default 0.9."},
)  # fmt: skip
_ROLES = {"time": "obstime", "flux": "psfflux", "flux_error": "psffluxerr", "external_id": "detectid", "ra": "ra",
          "dec": "dec", "exposure": "exptime", "magnitude": "", "magnitude_error": ""}  # fmt: skip


class PanStarrsProcessor:
    """Reads detections and mean objects of the Pan-STARRS catalogues."""

    name: ClassVar[str] = "panstarrs"
    title: ClassVar[str] = "Pan-STARRS catalogue"
    version: ClassVar[str] = "1"
    data_types: ClassVar[tuple[str, ...]] = ("photometry", "catalogue")
    options_schema: ClassVar[Mapping[str, Any]] = options_schema(_OPTIONS)

    def confidence(self, file: SourceFile) -> int:
        """95 when the catalogue's own names of columns are there."""
        text = decode(head_content(file), strict=False)
        if text.lstrip()[:1] in ("{", "["):
            plain = normalise(text.replace('"', " "))
            return 95 * ("objid" in plain and (all(name in plain for name in _DETECTION) or _has_means(plain)))
        return 95 * (_kind(header_names(text)) is not None)

    @says_encoding
    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read the whole file. Raises `UnreadableFile` when it holds other objects than the target only."""
        check_options(_OPTIONS, {name: value for name, value in options.items() if value is not None})
        own, shared = split_options(_OPTIONS, options)
        columns = _columns(file)
        kind = _kind(list(columns))
        if kind is None:
            raise UnreadableFile(f"{file.name}: neither obsTime and psfFlux nor mean magnitudes of objects are there.")
        if not size_of(columns):
            return empty_reading(self.title)
        ours, notes = _rows_of_target(columns, file)
        if kind == "mean":
            reading = _catalogue_reading(columns, ours, shared)
        else:
            reading = _detections(file, columns, ours, own, shared)
        reading.notes[:0] = notes
        return reading


def _has_means(plain: str) -> bool:
    return any(word in plain for word in _MEAN_WORDS)


def _kind(names: list[str]) -> str | None:
    plain = {normalise(name) for name in names}
    if plain >= _DETECTION:
        return "detections"
    return "mean" if "objid" in plain and _has_means(" ".join(plain)) else None


def _columns(file: SourceFile) -> dict[str, Column]:
    text = read_any_text(file)
    if text.lstrip()[:1] in ("{", "["):
        tables = find_tables(load_json(text, file.name))
        return columns_of(tables[0][1], file.name) if tables else {}
    if len([line for line in text.splitlines() if line.strip()]) == 1:
        return {name: Column(name, []) for name in header_names(text)}
    return read_delimited(text, ColumnOptions(), file.name).columns


def _named(columns: Mapping[str, Column]) -> dict[str, str]:
    return {normalise(name): name for name in columns}


def _rows_of_target(columns: Mapping[str, Column], file: SourceFile) -> tuple[NDArray[np.bool_], list[Note]]:
    """The rows, (n,), of the one object that is the target, by name, else by position."""
    names = _named(columns)
    if "objid" not in names:
        return np.ones(size_of(columns), dtype=np.bool_), []
    ids = np.array(columns[names["objid"]].texts, dtype=object)
    distinct = list(dict.fromkeys(ids.tolist()))
    wanted = {simplify_name(name) for name in file.target_names}
    called = [columns[names[key]].texts for key in ("objid", "objname") if key in names]
    ours = np.array([any(simplify_name(text or "") in wanted for text in row) for row in zip(*called, strict=True)])
    if len(distinct) == 1:
        return np.ones(len(ids), dtype=np.bool_), []
    if not ours.any():
        ours = ids == _nearest(columns, names, ids, distinct, file)
    others = int(np.count_nonzero(~ours))
    return ours, [Note("INFO", "OTHER_OBJECTS", f"{rows_text(others)} of other objects skipped", count=others)]


def _nearest(
    columns: Mapping[str, Column], names: Mapping[str, str], ids: NDArray[np.object_], distinct: list[Any],
    file: SourceFile,
) -> Any:  # fmt: skip
    target = position(file)
    axes = next(((ra, dec) for ra, dec in (("ramean", "decmean"), ("ra", "dec")) if {ra, dec} <= names.keys()), None)
    if target is not None and axes is not None:
        ra, dec = (columns[names[axis]].numbers.values for axis in axes)
        at = np.array([[_middle(axis[ids == each]) for axis in (ra, dec)] for each in distinct[:1000]])
        distances = np.nan_to_num(separation_arcsec(at[:, 0], at[:, 1], *target), nan=np.inf)
        if distances.min() <= _MOST_SEPARATED_ARCSEC:
            return distinct[int(distances.argmin())]
    listed = ", ".join(str(each) for each in distinct[:5]) + (", ..." if len(distinct) > 5 else "")
    raise UnreadableFile(
        f"{file.name}: {len(distinct)} objects in column {names['objid']}; none is a name or alias of this target or "
        f"lies within 2 arcsec of it: {listed}"
    )


def _middle(values: NDArray[np.float64]) -> float:
    """The median of what could be read of one object's values, (n,); NaN where nothing could."""
    read = values[np.isfinite(values)]
    return float(np.median(read)) if len(read) else np.nan


def _detections(
    file: SourceFile, columns: Mapping[str, Column], ours: NDArray[np.bool_], own: Mapping[str, Any],
    options: Mapping[str, Any],
) -> Reading:  # fmt: skip
    names = _named(columns)
    mapping = {role: names.get(word, "") for role, word in _ROLES.items()}
    mapping["band"] = next((names[key] for key in ("filterid", "filter", "filtertype") if key in names), "")
    facts = {
        "mapping": mapping, "time_format": "mjd", "time_scale": "tai", "time_reference": "middle", "flux_unit": "Jy",
        "telescope": "Pan-STARRS 1", "instrument": "GPC1", "source_name": "Pan-STARRS",
    }  # fmt: skip
    reading = read_columns(file, columns, ColumnOptions.read_over(facts, options), "Pan-STARRS detections")
    if reading.photometry is not None:
        kept = reading.photometry.take(ours[reading.photometry.row - 1])
        reading.photometry = kept if len(kept) else None
    if "psfqfperfect" in names:
        least = float(own.get("min_psf_qf", 0.9))
        poor = ~(numbers(columns, names["psfqfperfect"]) > least)
        apply_cuts(reading, [Cut(f"psfQfPerfect not above {least:g}", poor)])
    return reading


def _catalogue_reading(
    columns: Mapping[str, Column], ours: NDArray[np.bool_], options: Mapping[str, Any]
) -> Reading:
    found = _catalogue(columns, ours, options)
    words = "mean magnitudes are kept as facts of the catalogue, not as points of a light curve"
    notes = [Note("INFO", "CATALOGUE", words, count=len(found))]
    if (found.mjd_utc == _SURVEY_MIDDLE_MJD).any():
        words = f"no epochMean; filed under the middle of the survey, MJD {_SURVEY_MIDDLE_MJD:.0f}"
        notes.append(Note("INFO", "TIME_ASSUMED", words))
    return Reading(generic=found, notes=notes, format_name="Pan-STARRS mean objects")


def _catalogue(columns: Mapping[str, Column], ours: NDArray[np.bool_], options: Mapping[str, Any]) -> GenericData:
    names, rows = _named(columns), np.flatnonzero(ours)
    epochs = numbers(columns, names.get("epochmean", ""))[rows]
    source = options.get("source_name") or "Pan-STARRS"
    ids = columns[names["objid"]].texts
    return GenericData(
        data_type="catalogue", mjd_utc=np.where(epochs > 0, epochs, _SURVEY_MIDDLE_MJD),
        source_name=_repeated(source, rows), telescope=_repeated("Pan-STARRS 1", rows),
        instrument=_repeated("GPC1", rows),
        external_id=np.array([*(ids[row] for row in rows), None], dtype=object)[:-1],
        reported=[_value(columns, int(row)) for row in rows], row=rows + 1,
    )  # fmt: skip


def _repeated(text: str, rows: NDArray[Any]) -> NDArray[np.object_]:
    return np.full(len(rows), text, dtype=object)


def _value(columns: Mapping[str, Column], row: int) -> str:
    """One object's facts as JSON, null where the catalogue says -999."""
    cells = {name: None if column.numbers.values[row] < _NONE else column for name, column in columns.items()}
    texts = {name: column.json[row] if column is not None else "null" for name, column in cells.items()}
    return "{" + ",".join(f"{orjson.dumps(name).decode()}:{text}" for name, text in texts.items()) + "}"
