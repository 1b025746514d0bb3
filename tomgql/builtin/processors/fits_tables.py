"""Light curves in FITS tables: Kepler, K2 and TESS, and any other binary or ASCII table with times and a brightness.

Formats: Kepler Archive Manual (KDMC-10008) and TESS Science Data Products Description (EXP-TESS-ARC-ICD-0014): TIME is
BJD (TDB) less 2454833 or 2457000, the middle of the cadence; fluxes are electrons a second without a zero point;
cadences without data are NaN; bits of QUALITY or SAP_QUALITY tell what was odd. Others: FITS time coordinates (Rots
et al. 2015). Spectra and images are not read here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from tomgql.builtin.processors.fits_files import FITS_MAGIC, opened_fits
from tomgql.builtin.processors.readings import Cut, apply_cuts, derived, options_schema, read_columns, warn_of_rows
from tomgql.builtin.processors.text_files import head_content
from tomgql.builtin.processors.time_frames import MJD_ORIGIN, in_days, time_facts
from tomgql.domain.cells import Column
from tomgql.domain.measurements import Reading
from tomgql.domain.options import OPTIONS_PROPERTIES, ColumnOptions, check_options
from tomgql.domain.synonyms import assign_roles, counted_from, normalise, time_name
from tomgql.errors import UnreadableFile
from tomgql.plugins.contracts import SourceFile

_NAME_CARD = re.compile(rb"TTYPE\d+\s*=\s*'([^']*)'")
_LIGHT_CURVE = re.compile(rb"EXTNAME\s*=\s*'LIGHTCURVE")
_SPECTRAL = {"wave", "wavelength", "lambda", "loglam", "freq", "frequency"}
_BEST_FLUXES = ("PDCSAP_FLUX", "SAP_FLUX", "KSPSAP_FLUX", "DET_FLUX", "FLUX", "RATE")
_QUALITIES = ("quality", "sapquality")
_MISSIONS = {"TESS": "tess", "KEPLER": "kepler", "K2": "kepler"}
_OPTIONS = OPTIONS_PROPERTIES | {
    "extension": {"type": "number",
                  "description": "Number of the extension to read; the first light curve by default."},
    "quality_mask": {"type": "number",
                     "description": "Rows with any of these bits of QUALITY are left out; default 0, none."},
}  # fmt: skip


class FitsTableProcessor:
    """Reads a table of a FITS file as a light curve."""

    name: ClassVar[str] = "fits_table"
    title: ClassVar[str] = "FITS light curve"
    version: ClassVar[str] = "1"
    data_types: ClassVar[tuple[str, ...]] = ("photometry",)
    options_schema: ClassVar[Mapping[str, Any]] = options_schema(_OPTIONS)

    def confidence(self, file: SourceFile) -> int:
        """95 for a LIGHTCURVE extension, 80 for columns of times and brightness, 20 for a FITS file said to be one."""
        head = head_content(file)
        if not head.startswith(FITS_MAGIC):
            return 0
        if _LIGHT_CURVE.search(head):
            return 95
        names = [match.decode("ascii", "replace").strip() for match in _NAME_CARD.findall(head)]
        return 80 if _is_light_curve(names) else 20 * ("photometry" in file.data_product_type)

    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read the table. Raises `UnreadableFile` for damaged files and for those without a light curve."""
        given = {name: value for name, value in options.items() if value is not None}
        check_options(_OPTIONS, given)
        own = {name: given.pop(name) for name in ("extension", "quality_mask") if name in given}
        header, columns = _load(file, own.get("extension"), given.get("mapping") or {})
        facts, more = _facts(header, columns, given, file.name)
        reading = read_columns(file, columns | more, ColumnOptions.read_over(facts, given), self.title)
        _judge_quality(columns, int(own.get("quality_mask", 0)), reading)
        return reading


def _is_light_curve(names: list[str]) -> bool:
    plain = {normalise(name) for name in names}
    best = plain & {normalise(name) for name in _BEST_FLUXES}
    bright = best or {"magnitude", "flux"} & assign_roles(names, {}).keys()
    return bool(bright) and any(time_name(name) for name in names) and not plain & _SPECTRAL


def _load(file: SourceFile, extension: Any, mapping: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Column]]:
    """The header, with the primary one behind it, and the columns of the table."""
    with opened_fits(file) as document:
        table = _choose(document, extension, mapping, file.name)
        header = {**_values(document[0].header), **_values(table.header)}
        return header, _columns(table)


def _values(header: Any) -> dict[str, Any]:
    return {card.keyword: card.value for card in header.cards if card.keyword and card.value is not None}


def _choose(document: Any, extension: Any, mapping: Mapping[str, str], file_name: str) -> Any:
    tables = [(number, hdu) for number, hdu in enumerate(document) if getattr(hdu, "columns", None) is not None]
    if extension is not None:
        tables = [(number, hdu) for number, hdu in tables if number == extension]
    good = [hdu for _, hdu in tables if _is_light_curve(hdu.columns.names)]
    if good:
        return good[0]
    if tables and (extension is not None or mapping.get("time")):
        return tables[0][1]
    listed = "; ".join(f"extension {number}: {', '.join(hdu.columns.names[:8])}" for number, hdu in tables[:3])
    raise UnreadableFile(
        f"{file_name}: no table with times and a brightness. Tables found: {listed or 'none'}. Name the columns with "
        "the column mapping, or the extension with option extension."
    )


def _columns(table: Any) -> dict[str, Column]:
    """Columns with one value a row."""
    found = {}
    for item in table.columns:
        cells = table.data[item.name]
        if cells.ndim != 1 or cells.dtype.kind not in "fiubSU":
            continue
        missing = item.null if cells.dtype.kind in "iu" else None
        unit = str(item.unit).strip() if item.unit else None
        found[item.name] = Column(item.name, _cells(cells, missing), unit=unit or None)
    return found


def _cells(cells: Any, missing: Any) -> Any:
    if cells.dtype.kind in "SU":
        return [str(cell).strip() for cell in cells.tolist()]
    native = cells.astype(cells.dtype.newbyteorder("="))
    if missing is None or missing == "":
        return native
    return [None if cell == missing else cell for cell in native.tolist()]


def _facts(
    header: Mapping[str, Any], columns: Mapping[str, Column], given: Mapping[str, Any], file_name: str
) -> tuple[dict[str, Any], dict[str, Column]]:
    """What the header says of the columns, and the columns that follow from it."""
    _refuse_snana(columns, file_name)
    mapping = _fluxes(columns, dict(given.get("mapping") or {}))
    telescope = str(header.get("TELESCOP") or "").strip()
    facts: dict[str, Any] = {"mapping": mapping}
    facts |= {"telescope": telescope, "source_name": telescope} if telescope else {}
    facts |= {"instrument": str(header["INSTRUME"]).strip()} if header.get("INSTRUME") else {}
    band = _MISSIONS.get(telescope.upper()) or str(header.get("FILTER") or "").strip()
    facts |= {"band": band} if band else {}
    exposure = _number(header.get("INT_TIME")) * _number(header.get("NUM_FRM"))
    if telescope.upper() in _MISSIONS and exposure > 0:
        facts |= {"exposure_s": exposure, "time_reference": "middle"}
    times, more = _times(header, columns, mapping, file_name)
    return facts | times, more | _about_object(header, columns, mapping)


def _fluxes(columns: Mapping[str, Column], mapping: dict[str, str]) -> dict[str, str]:
    """The flux of a light curve: the one cleaned of the instrument's trends first, with its own error."""
    flux = mapping.get("flux") or next((name for name in _BEST_FLUXES if name in columns), "")
    if flux and "magnitude" not in mapping:
        mapping["flux"] = flux
        error = next((name for name in (f"{flux}_ERR", "ERROR", "FLUX_ERR") if name in columns), None)
        if error is not None:
            mapping.setdefault("flux_error", error)
    return mapping


def _times(
    header: Mapping[str, Any], columns: Mapping[str, Column], mapping: dict[str, str], file_name: str
) -> tuple[dict[str, Any], dict[str, Column]]:
    names = list(columns)
    at = assign_roles(names, {"time": mapping["time"]} if mapping.get("time") else {}).get("time")
    if at is None:
        return {}, {}
    column = columns[names[at]]
    said = time_name(column.name)
    place = str(header.get("TREFPOS") or header.get("TIMEREF") or "")
    scale = str(header.get("TIMESYS") or "")
    own_form = (said is not None and said.format is not None) or counted_from(column.unit or "") is not None
    day = None if own_form else _reference_day(header)
    facts = time_facts(day, scale, place, file_name)
    if day is None:
        return facts, {}
    unit = column.unit if (column.unit or "").strip().lower() in ("s", "d", "h", "min") else header.get("TIMEUNIT")
    more = in_days(column, str(unit or "d"), _number(header.get("TIMEZERO"), 0.0))
    mapping["time"] = next(iter(more), column.name)
    return facts, more


def _reference_day(header: Mapping[str, Any]) -> float | None:
    """The Julian date from which the table counts, in the keywords of Rots et al. and of Kepler."""
    for name, origin in (("BJDREF", 0.0), ("JDREF", 0.0), ("MJDREF", MJD_ORIGIN)):
        whole, part = header.get(f"{name}I"), header.get(f"{name}F")
        days = _number(header.get(name) if whole is None else whole) + _number(part, 0.0)
        if np.isfinite(days):
            return days + origin
    return None


def _number(value: Any, otherwise: float = np.nan) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else otherwise


def _about_object(
    header: Mapping[str, Any], columns: Mapping[str, Column], mapping: dict[str, str]
) -> dict[str, Column]:
    """The object's name and place from the header, to be compared with the target's."""
    size = len(next(iter(columns.values())).cells) if columns else 0
    more: dict[str, Column] = {}
    name, ra, dec = header.get("OBJECT"), _number(header.get("RA_OBJ")), _number(header.get("DEC_OBJ"))
    if isinstance(name, str) and name.strip():
        more |= derived("OBJECT", [name.strip()] * size)
        mapping.setdefault("object", "OBJECT")
    if np.isfinite(ra) and np.isfinite(dec):
        more |= derived("RA_OBJ", np.full(size, ra)) | derived("DEC_OBJ", np.full(size, dec))
        mapping.setdefault("ra", "RA_OBJ")
        mapping.setdefault("dec", "DEC_OBJ")
    return more


def _refuse_snana(columns: Mapping[str, Column], file_name: str) -> None:
    """SNANA's PHOT tables hold many supernovae, parted by rows of MJD -777, whose names are in another file."""
    if "FLUXCAL" in columns and "MJD" in columns:
        parts = int(np.count_nonzero(columns["MJD"].numbers.values == -777.0))
        if parts:
            raise UnreadableFile(
                f"{file_name}: {parts} light curves of SNANA without names, which are in its HEAD file; send each "
                "as text."
            )


def _judge_quality(columns: Mapping[str, Column], mask: int, reading: Reading) -> None:
    column = next((column for name, column in columns.items() if normalise(name) in _QUALITIES), None)
    if column is None:
        return
    bits = np.nan_to_num(column.numbers.values).astype(np.int64)
    apply_cuts(reading, [Cut(f"bits {mask} of {column.name}", (bits & mask) != 0)] if mask else [])
    warn_of_rows(reading, bits != 0, "FLAGGED", f"{column.name} not 0")
