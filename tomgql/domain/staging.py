"""Measured facts as the rows that PostgreSQL's COPY takes, in its binary format (`tomgql.domain.copy_format`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np

from tomgql.domain import copy_format
from tomgql.domain.astrometry import Astrometry
from tomgql.domain.identity import (
    astrometry_contents,
    astrometry_identities,
    content_digests,
    generic_contents,
    generic_identities,
    identities,
    identity_digests,
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
"""Spectra written together: the bytes of all of a large file at once would stand in memory twice."""


def write_reading(reading: Reading, stream: BinaryIO, *, source_location: str | None = None) -> int:
    """Write all that a reading holds, whatever its kinds; returns how many data.

    Spectra and positions that repeat one of the same reading are settled on the way, with notes.
    """
    size = 0
    stream.write(copy_format.HEADER)
    if reading.photometry is not None:
        size += _write_photometry(reading.photometry, stream, source_location)
    if reading.spectra:
        reading.spectra, notes = settle_spectra(reading.spectra)
        reading.notes.extend(notes)
        size += _write_spectra(reading.spectra, stream, source_location)
    if reading.astrometry is not None:
        reading.astrometry, notes = settle_positions(reading.astrometry)
        reading.notes.extend(notes)
        size += _write_astrometry(reading.astrometry, stream, source_location)
    if reading.generic is not None:
        reading.generic, notes = settle_generic(reading.generic)
        reading.notes.extend(notes)
        size += _write_generic(reading.generic, stream, source_location)
    stream.write(copy_format.TRAILER)
    return size


def _write_photometry(photometry: Photometry, stream: BinaryIO, source_location: str | None) -> int:
    columns = _shared(photometry, "photometry", source_location) | {
        "identity": identity_digests(photometry),
        "beside": firsts(photometry, identities),
        "content": content_digests(photometry),
    }
    for name in ("band", "reported_system", "time_quality", "forced", "difference", "flux_ujy", "flux_error_ujy",
                 "limit_flux_ujy", "limit_nsigma", "exposure_s", "reported_magnitude", "reported_magnitude_error",
                 "reported_limit"):  # fmt: skip
        columns[name] = getattr(photometry, name)
    return _write(columns, len(photometry), stream)


def _write_generic(data: GenericData, stream: BinaryIO, source_location: str | None) -> int:
    columns = _shared(data, data.data_type, source_location)
    columns |= {"identity": generic_identities(data), "content": generic_contents(data)}
    columns["beside"] = firsts(data, generic_identities)
    return _write(columns, len(data), stream)


def _write_astrometry(data: Astrometry, stream: BinaryIO, source_location: str | None) -> int:
    columns = _shared(data, "astrometry", source_location)
    columns |= {"identity": astrometry_identities(data), "content": astrometry_contents(data)}
    columns["beside"] = firsts(data, astrometry_identities)
    for name in ("ra_deg", "dec_deg", "ra_error_arcsec", "dec_error_arcsec", "observatory_code", "time_quality"):
        columns[name] = getattr(data, name)
    return _write(columns, len(data), stream)


def _write_spectra(spectra: Sequence[Spectrum], stream: BinaryIO, source_location: str | None) -> int:
    for start in range(0, len(spectra), _SPECTRA_AT_ONCE):
        some = spectra[start : start + _SPECTRA_AT_ONCE]
        columns: dict[str, Any] = {
            "row": [each.row for each in some], "identity": spectrum_identities(some),
            "content": spectrum_contents(some), "beside": firsts_of_spectra(some),
            "data_type": "spectroscopy", "source_location": source_location,
            "reported": [each.reported for each in some],
            "mjd": np.array([each.mjd_utc for each in some]),
            "exposure_s": np.array([each.exposure_s for each in some]),
        }  # fmt: skip
        for name in ("telescope", "instrument", "source_name", "external_id", "flux_unit", "medium", "time_quality"):
            columns[name] = [getattr(each, name) for each in some]
        for name in ("wavelength_angstrom", "flux_values", "flux_error_values"):
            columns[name] = [getattr(each, name) for each in some]
        _write(columns, len(some), stream)
    return len(spectra)


def _shared(data: Photometry | Astrometry | GenericData, data_type: str, source_location: str | None) -> dict[str, Any]:
    return {
        "row": data.row, "data_type": data_type, "mjd": data.mjd_utc, "source_name": data.source_name,
        "source_location": source_location, "telescope": data.telescope, "instrument": data.instrument,
        "reported": data.reported, "external_id": data.external_id,
    }  # fmt: skip


_FIELDS: Mapping[str, Callable[[Any], copy_format.Field]] = {
    "bigint": copy_format.integer_fields, "uuid": copy_format.uuid_fields, "text": copy_format.text_fields,
    "float8": copy_format.float_fields, "jsonb": copy_format.json_fields, "boolean": copy_format.boolean_fields,
    "float8[]": copy_format.array_fields,
}  # fmt: skip
"""How a column of each type is written."""


def _write(columns: Mapping[str, Any], size: int, stream: BinaryIO) -> int:
    given = ((kind, columns.get(name)) for name, kind in STAGED_COLUMNS)
    fields = [None if values is None else _FIELDS[kind](values) for kind, values in given]
    copy_format.write_rows(fields, size, stream)
    return size


def read_staged(stream: BinaryIO) -> Iterator[dict[str, Any]]:
    """The rows that `write_reading` wrote, by column name; null is None, a UUID is its text.

    Raises ValueError for anything else.
    """
    names = [name for name, _ in STAGED_COLUMNS]
    for cells in copy_format.read_rows(stream, [kind for _, kind in STAGED_COLUMNS]):
        yield dict(zip(names, cells, strict=True))
