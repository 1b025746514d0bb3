"""Measured facts as CSV for PostgreSQL's COPY: UTF-8, no header, an unquoted empty field is NULL.

Columns are formatted whole: orjson writes 100,000 doubles in a few milliseconds (shortest text that reads back
equal, NaN as null), and what is the same in every row is written into the row's template once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
import orjson

from tomgql.domain.astrometry import Astrometry
from tomgql.domain.cells import clean_text
from tomgql.domain.identity import (
    astrometry_contents,
    astrometry_identities,
    contents,
    generic_contents,
    generic_identities,
    identities,
    spectrum_contents,
    spectrum_identities,
)
from tomgql.domain.measurements import GenericData, Photometry, Reading
from tomgql.domain.repeats import firsts, firsts_of_spectra, settle_generic, settle_positions, settle_spectra
from tomgql.domain.spectra import Spectrum

STAGED_COLUMNS: tuple[tuple[str, str], ...] = (
    ("row", "bigint"), ("identity", "uuid"), ("content", "uuid"), ("data_type", "text"), ("mjd", "float8"),
    ("source_name", "text"), ("source_location", "text"), ("telescope", "text"), ("instrument", "text"),
    ("reported", "jsonb"), ("external_id", "text"), ("band", "text"), ("flux_ujy", "float8"),
    ("flux_error_ujy", "float8"), ("limit_flux_ujy", "float8"), ("limit_nsigma", "float8"), ("exposure_s", "float8"),
    ("forced", "boolean"), ("difference", "boolean"), ("reported_magnitude", "float8"),
    ("reported_magnitude_error", "float8"), ("reported_system", "text"), ("reported_limit", "float8"),
    ("time_quality", "text"),
    ("wavelength_angstrom", "float8[]"), ("flux_values", "float8[]"), ("flux_error_values", "float8[]"),
    ("flux_unit", "text"), ("medium", "text"), ("ra_deg", "float8"), ("dec_deg", "float8"),
    ("ra_error_arcsec", "float8"), ("dec_error_arcsec", "float8"), ("observatory_code", "text"), ("beside", "uuid"),
    ("apart_for", "bigint"),
)  # fmt: skip
"""Name and PostgreSQL type of every staged column, in order."""

_SPECTRA_AT_ONCE = 100
"""Spectra formatted together: the text of all of a large file at once would take three times its memory."""

_SPECIAL = ('"', ",", "\n", "\r", "\\")


def write_reading(reading: Reading, stream: BinaryIO, *, source_location: str | None = None) -> int:
    """Write all that a reading holds, whatever its kinds; returns how many data.

    Spectra and positions that repeat one of the same reading are settled on the way, with notes.
    """
    size = 0
    if reading.photometry is not None:
        size += write_staged_csv(reading.photometry, stream, source_location=source_location)
    if reading.spectra:
        reading.spectra, notes = settle_spectra(reading.spectra)
        reading.notes.extend(notes)
        size += write_spectra_csv(reading.spectra, stream, source_location=source_location)
    if reading.astrometry is not None:
        reading.astrometry, notes = settle_positions(reading.astrometry)
        reading.notes.extend(notes)
        size += write_astrometry_csv(reading.astrometry, stream, source_location=source_location)
    if reading.generic is not None:
        reading.generic, notes = settle_generic(reading.generic)
        reading.notes.extend(notes)
        size += write_generic_csv(reading.generic, stream, source_location=source_location)
    return size


def write_staged_csv(photometry: Photometry, stream: BinaryIO, *, source_location: str | None = None) -> int:
    """Write one line a row, in the order of `STAGED_COLUMNS`; returns how many."""
    columns = _shared(photometry, "photometry", source_location) | {
        "identity": identities(photometry),
        "beside": firsts(photometry, identities),
        "content": contents(photometry),
        "band": photometry.band,
        "reported_system": photometry.reported_system,
        "time_quality": photometry.time_quality,
        "forced": _booleans(photometry.forced),
        "difference": _booleans(photometry.difference),
    }
    for name in ("flux_ujy", "flux_error_ujy", "limit_flux_ujy", "limit_nsigma", "exposure_s", "reported_magnitude",
                 "reported_magnitude_error", "reported_limit"):  # fmt: skip
        columns[name] = getattr(photometry, name)
    return _write(columns, len(photometry), stream)


def write_generic_csv(data: GenericData, stream: BinaryIO, *, source_location: str | None = None) -> int:
    """Write data of any other kind: a time and a JSON value a row; returns how many."""
    columns = _shared(data, data.data_type, source_location)
    columns |= {"identity": generic_identities(data), "content": generic_contents(data)}
    columns["beside"] = firsts(data, generic_identities)
    return _write(columns, len(data), stream)


def write_astrometry_csv(data: Astrometry, stream: BinaryIO, *, source_location: str | None = None) -> int:
    """Write measured positions, a line each; returns how many."""
    columns = _shared(data, "astrometry", source_location)
    columns |= {"identity": astrometry_identities(data), "content": astrometry_contents(data)}
    columns["beside"] = firsts(data, astrometry_identities)
    for name in ("ra_deg", "dec_deg", "ra_error_arcsec", "dec_error_arcsec", "observatory_code", "time_quality"):
        columns[name] = getattr(data, name)
    return _write(columns, len(data), stream)


def write_spectra_csv(spectra: Sequence[Spectrum], stream: BinaryIO, *, source_location: str | None = None) -> int:
    """Write spectra, a line each, with their arrays as PostgreSQL's array literals; returns how many."""
    for start in range(0, len(spectra), _SPECTRA_AT_ONCE):
        some = spectra[start : start + _SPECTRA_AT_ONCE]
        columns: dict[str, Any] = {
            "row": [each.row for each in some], "identity": spectrum_identities(some),
            "content": spectrum_contents(some), "beside": firsts_of_spectra(some),
            "data_type": "spectroscopy", "source_location": source_location,
            "reported": _quoted([each.reported for each in some]),
            "mjd": np.array([each.mjd_utc for each in some]),
            "exposure_s": np.array([each.exposure_s for each in some]),
        }  # fmt: skip
        for name in ("telescope", "instrument", "source_name", "external_id", "flux_unit", "medium", "time_quality"):
            columns[name] = np.array([*(getattr(each, name) for each in some), None], dtype=object)[:-1]
        for name in ("wavelength_angstrom", "flux_values", "flux_error_values"):
            columns[name] = [_array(getattr(each, name)) for each in some]
        _write(columns, len(some), stream)
    return len(spectra)


def _array(values: Any) -> str:
    """A quoted array literal such as ``"{1.5,null}"``; None is NULL."""
    if values is None:
        return ""
    text = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY).decode()
    return f'"{{{text[1:-1]}}}"'


def _shared(data: Photometry | Astrometry | GenericData, data_type: str, source_location: str | None) -> dict[str, Any]:
    return {
        "row": data.row.tolist(), "data_type": data_type, "mjd": data.mjd_utc, "source_name": data.source_name,
        "source_location": source_location, "telescope": data.telescope, "instrument": data.instrument,
        "reported": _quoted(data.reported), "external_id": data.external_id,
    }  # fmt: skip


def _booleans(flags: Any) -> Any:
    return np.where(flags, "t", "f").astype(object)


def _quoted(reported: Sequence[str]) -> list[str]:
    # JSON never holds a bare NUL: one replacement over all texts is three times as fast as one each.
    return ['"' + text + '"' for text in "\0".join(reported).replace('"', '""').split("\0")] if reported else []


def _write(columns: dict[str, Any], size: int, stream: BinaryIO) -> int:
    parts, varying = [], []
    for name, _ in STAGED_COLUMNS:
        constant, cells = _column(columns.get(name))
        parts.append(constant.replace("%", "%%") if cells is None else "%s")
        if cells is not None:
            varying.append(cells)
    template = ",".join(parts) + "\n"
    stream.writelines(_encoded(map(template.__mod__, zip(*varying, strict=True))))
    return size


def _column(values: Any) -> tuple[str, Sequence[str] | None]:
    """The field of all rows where they agree, else one field a row."""
    if values is None or isinstance(values, str):
        return _field(values), None
    if isinstance(values, list):
        return "", values
    if values.dtype == np.float64:
        return ("", None) if np.isnan(values).all() else ("", _floats(values))
    cells = values.tolist()
    known = {cell: _field(cell) for cell in set(cells)}
    if len(known) == 1:
        return next(iter(known.values())), None
    return "", [known[cell] for cell in cells]


def _floats(values: Any) -> list[str]:
    text = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)
    return text[1:-1].decode().replace("null", "").split(",")


def _field(text: str | None) -> str:
    """A CSV field; None and the empty text are NULL."""
    if not text:
        return ""
    clean = clean_text(text)
    quote = any(mark in clean for mark in _SPECIAL) or clean != clean.strip()
    return '"' + clean.replace('"', '""') + '"' if quote else clean


def _encoded(lines: Iterator[str], block: int = 4096) -> Iterator[bytes]:
    """Lines as bytes, in blocks, so that neither a call a line nor the whole text is paid for."""
    while text := "".join(itertools.islice(lines, block)):
        yield text.encode()
