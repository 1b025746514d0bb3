"""Light curves of ZTF's public data releases, as IRSA's service gives them: the star itself, not a difference image.

Format (https://irsa.ipac.caltech.edu/docs/program_interface/ztf_lightcurve_api.html): CSV; ``mjd`` UTC, of which
moment of the exposure is not said; ``mag`` AB; ``limitmag`` the image's 5-sigma limit; ``filtercode`` zg, zr, zi;
``catflags`` bits of what is odd. One star has an ``oid`` of its own in each field, quadrant and filter, so that several
are ours; where a cone holds several of one field, quadrant and filter, the one nearest to the target is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tomgql.builtin.processors.delimited import header_names, read_commas
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
from tomgql.builtin.processors.text_files import head_text, read_text, says_encoding
from tomgql.domain.cells import Column
from tomgql.domain.measurements import Note, Reading, rows_text
from tomgql.domain.options import ColumnOptions, check_options
from tomgql.domain.positions import separation_arcsec
from tomgql.errors import UnreadableFile
from tomgql.plugins.contracts import SourceFile

_SIGNATURE = {"oid", "expid", "mjd", "mag", "magerr", "catflags", "filtercode"}
_BAD_CATFLAGS = 32768
"""Bit 15: the one that means "do not use" (ZTF Science Data System Explanatory Supplement, section 13.6)."""

_ALL_CATFLAGS = 65535
"""catflags has 16 bits."""

_OPTIONS = choose_options(
    "source_name",
    bad_catflags_mask={"type": "number", "description": "Rows with any of these bits of catflags are left out; default"
                       " 32768; 65535 keeps only rows without any, 0 keeps all."},
)  # fmt: skip
_MAPPING = {
    "time": "mjd", "magnitude": "mag", "magnitude_error": "magerr", "band": "filtercode", "limit": "limitmag",
    "external_id": "expid", "exposure": "exptime", "ra": "ra", "dec": "dec", "zero_point": "", "flux": "",
}  # fmt: skip


class ZtfPublicProcessor:
    """Reads light curves of ZTF's data releases."""

    name: ClassVar[str] = "ztf_public"
    title: ClassVar[str] = "ZTF public light curve"
    version: ClassVar[str] = "1"
    data_types: ClassVar[tuple[str, ...]] = ("photometry",)
    options_schema: ClassVar[Mapping[str, Any]] = options_schema(_OPTIONS)

    def confidence(self, file: SourceFile) -> int:
        """95 when the release's own names of columns are there."""
        text = head_text(file)
        return 95 * (text is not None and set(header_names(text)) >= _SIGNATURE)

    @says_encoding
    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read the whole file; names without rows are an empty light curve, not a fault."""
        check_options(_OPTIONS, {name: value for name, value in options.items() if value is not None})
        own, shared = split_options(_OPTIONS, options)
        table = read_commas(read_text(file), file.name)
        if not table.columns.keys() >= _SIGNATURE:
            raise UnreadableFile(f"{file.name}: the columns of ZTF's light curves (oid, expid, mjd...) are missing.")
        if not size_of(table.columns):
            return empty_reading(self.title)
        reading = table.amend(read_columns(file, table.columns, _facts(table.columns, shared), self.title))
        _keep_ours(reading, table.columns, file)
        mask = int(own.get("bad_catflags_mask", _BAD_CATFLAGS))
        flags = np.clip(np.nan_to_num(numbers(table.columns, "catflags")), 0, _ALL_CATFLAGS).astype(np.int64)
        apply_cuts(reading, [Cut(f"catflags of mask {mask}", (flags & mask) != 0)])
        return reading


def _facts(columns: Mapping[str, Column], options: Mapping[str, Any]) -> ColumnOptions:
    facts = {
        "mapping": {role: name for role, name in _MAPPING.items() if not name or name in columns},
        "time_format": "mjd", "time_scale": "utc", "magnitude_system": "AB", "limit_nsigma": 5.0, "telescope": "P48",
        "instrument": "ZTF", "source_name": "ZTF public",
    }  # fmt: skip
    return ColumnOptions.read_over(facts, options)


def _keep_ours(reading: Reading, columns: Mapping[str, Column], file: SourceFile) -> None:
    """Leave out the rows of neighbours, with a count."""
    target, found = position(file), reading.photometry
    if target is None or found is None or not {"ra", "dec"} <= columns.keys():
        return
    kept = _nearest_oids(columns, target)
    ours = np.array([oid in kept for oid in columns["oid"].texts])[found.row - 1]
    others = int(np.count_nonzero(~ours))
    if others:
        words = f"{rows_text(others)} of other objects skipped"
        reading.notes.append(Note("INFO", "OTHER_OBJECTS", words, count=others))
        reading.photometry = found.take(ours)


def _nearest_oids(columns: Mapping[str, Column], target: tuple[float, float]) -> set[str | None]:
    """The nearest object of every field, quadrant and filter."""
    oids = columns["oid"].texts
    parts = [columns[name].texts for name in ("field", "ccdid", "qid", "filtercode") if name in columns]
    separations: NDArray[np.float64] = separation_arcsec(numbers(columns, "ra"), numbers(columns, "dec"), *target)
    nearest: dict[tuple[str | None, ...], tuple[float, str | None]] = {}
    for oid, place, separation in zip(oids, zip(*parts, strict=True), separations.tolist(), strict=True):
        known = nearest.get(place)
        if known is None or separation < known[0]:
            nearest[place] = separation, oid
    return {oid for _, oid in nearest.values()}
