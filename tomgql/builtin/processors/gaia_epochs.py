"""Epoch photometry of Gaia DR3, as DataLink gives it for one source.

Format (Gaia DR3 documentation, structure INDIVIDUAL, as CSV): until 2024 one row a transit and band (G, BP, RP); since
then one row a transit, with ``g_transit_time``, ``bp_obs_time``... side by side, which is turned into the former here,
so that messages count measurements. Times are BJD(TCB) - 2455197.5 days; fluxes electrons a second, signed; magnitudes
Vega, and not used: fluxes become AB by the zero points of Riello et al. (2021, A&A 649, A3). Measurements that the
photometric or the variability pipeline has rejected are left out and counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tomgql.builtin.processors.delimited import header_names, named_columns, read_commas
from tomgql.builtin.processors.readings import (
    Cut,
    apply_cuts,
    choose_options,
    derived,
    empty_reading,
    options_schema,
    read_columns,
    size_of,
    split_options,
)
from tomgql.builtin.processors.text_files import head_text, read_text, says_encoding
from tomgql.domain.cells import Column
from tomgql.domain.measurements import Reading
from tomgql.domain.options import ColumnOptions, check_options
from tomgql.errors import UnreadableFile
from tomgql.plugins.contracts import SourceFile

_ROWS_BY_BAND = {"transit_id", "band", "time", "flux", "flux_error"}
_ROWS_BY_TRANSIT = {"transit_id", "g_transit_time", "g_transit_flux", "g_transit_flux_error", "bp_flux", "rp_flux"}
_SHARED = ("source_id", "transit_id", "rejected_by_photometry")
_BANDS = {
    "G": ("g_transit_time", "g_transit_flux", "g_transit_flux_error", "g_transit_mag", "variability_flag_g_reject"),
    "BP": ("bp_obs_time", "bp_flux", "bp_flux_error", "bp_mag", "variability_flag_bp_reject"),
    "RP": ("rp_obs_time", "rp_flux", "rp_flux_error", "rp_mag", "variability_flag_rp_reject"),
}
_OF_BAND = ("time", "flux", "flux_error", "mag", "rejected_by_variability")
"""The names that the columns of each band have in the older form."""

_ZERO_POINTS = {"G": 25.8010, "BP": 25.3540, "RP": 25.1040}
"""AB magnitude of one electron a second in DR3."""

_FLAGS = ("rejected_by_photometry", "rejected_by_variability")
_OPTIONS = choose_options(
    "source_name",
    keep_rejected={"type": "boolean", "description": "Keep rows that Gaia's pipelines have rejected."},
)  # fmt: skip
_MAPPING = {"time": "time", "flux": "flux", "flux_error": "flux_error", "band": "band", "zero_point": "AB zero point",
            "external_id": "transit and band", "magnitude": "", "magnitude_error": ""}  # fmt: skip


class GaiaEpochsProcessor:
    """Reads Gaia's epoch photometry of one source."""

    name: ClassVar[str] = "gaia_epochs"
    title: ClassVar[str] = "Gaia epoch photometry"
    version: ClassVar[str] = "1"
    data_types: ClassVar[tuple[str, ...]] = ("photometry",)
    options_schema: ClassVar[Mapping[str, Any]] = options_schema(_OPTIONS)

    def confidence(self, file: SourceFile) -> int:
        """95 when the archive's own names of columns are there."""
        text = head_text(file)
        return 95 * (text is not None and _is_known(header_names(text)))

    @says_encoding
    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read the whole file. Raises `UnreadableFile` for files of several sources."""
        check_options(_OPTIONS, {name: value for name, value in options.items() if value is not None})
        own, shared = split_options(_OPTIONS, options)
        table = read_commas(read_text(file), file.name)
        if not _is_known(list(table.columns)):
            raise UnreadableFile(f"{file.name}: the columns of Gaia's epoch photometry (transit_id...) are missing.")
        if not size_of(table.columns):
            return empty_reading(self.title)
        _require_one_source(table.columns, file.name)
        measured = table.columns if "band" in table.columns else _by_band(table.columns)
        if not size_of(measured):
            return empty_reading(self.title)
        columns = measured | _zero_points(measured) | _ids(measured)
        reading = table.amend(read_columns(file, columns, _facts(shared), self.title))
        if not own.get("keep_rejected"):
            apply_cuts(reading, [Cut(name, _is_true(measured[name])) for name in _FLAGS if name in measured])
        return reading


def _is_known(names: list[str]) -> bool:
    return set(names) >= _ROWS_BY_BAND or set(names) >= _ROWS_BY_TRANSIT


def _by_band(columns: Mapping[str, Column]) -> dict[str, Column]:
    """One row for each band of a transit that was measured, of columns with one row a transit."""
    missing: list[str | None] = [None] * size_of(columns)
    shared = [name for name in _SHARED if name in columns]
    common = list(zip(*(columns[name].texts for name in shared), strict=True))
    rows = []
    for band, names in _BANDS.items():
        own = zip(*(columns[name].texts if name in columns else missing for name in names), strict=True)
        rows += [[*of_transit, band, *of_band] for of_transit, of_band in zip(common, own, strict=True) if of_band[1]]
    return named_columns([*shared, "band", *_OF_BAND], [[cell or "" for cell in row] for row in rows]).columns


def _require_one_source(columns: Mapping[str, Column], file_name: str) -> None:
    sources = sorted({text for text in columns["source_id"].texts if text}) if "source_id" in columns else []
    if len(sources) > 1:
        listed = ", ".join(sources[:5])
        raise UnreadableFile(f"{file_name}: {len(sources)} sources ({listed}); ask for one source a file.")


def _zero_points(columns: Mapping[str, Column]) -> dict[str, Column]:
    known = [_ZERO_POINTS.get((text or "").strip().upper(), np.nan) for text in columns["band"].texts]
    return derived("AB zero point", np.array(known, dtype=np.float64))


def _ids(columns: Mapping[str, Column]) -> dict[str, Column]:
    """A transit has a row in each band."""
    pairs = zip(columns["transit_id"].texts, columns["band"].texts, strict=True)
    return derived("transit and band", [f"{transit} {band}" if transit and band else None for transit, band in pairs])


def _is_true(column: Column) -> NDArray[np.bool_]:
    return np.array([(text or "").strip().lower() in ("true", "t", "1") for text in column.texts], dtype=np.bool_)


def _facts(options: Mapping[str, Any]) -> ColumnOptions:
    facts = {
        "mapping": _MAPPING, "time_format": "bjd-2455197.5", "time_scale": "tcb", "magnitude_system": "AB",
        "telescope": "Gaia", "source_name": "Gaia DR3",
    }  # fmt: skip
    return ColumnOptions.read_over(facts, options)
