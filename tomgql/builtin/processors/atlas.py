"""Results of the ATLAS forced-photometry service.

Format (service's own documentation and server source, https://fallingstar-data.com/forcedphot): columns separated
by blanks under a header that begins with ``###MJD``, to be read by name because they changed over the years. MJD is
UTC at the start of a 30 s exposure; uJy and duJy are signed flux and error, AB; m is meaningless for faint and
negative fluxes and never used; F is the filter; err is the code of the fit, 0 for good; mag5sig the image's 5-sigma
limit; Obs the exposure's id. Fluxes are of difference images unless the request said ``use_reduced``, which the text
does not tell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tomgql.builtin.processors.delimited import Delimited, read_delimited
from tomgql.builtin.processors.readings import (
    Cut,
    apply_cuts,
    choose_options,
    empty_reading,
    numbers,
    options_schema,
    read_columns,
    warn_of_rows,
)
from tomgql.builtin.processors.text_files import head_text, read_text, says_encoding
from tomgql.domain.measurements import Note, Reading, rows_text
from tomgql.domain.options import ColumnOptions, check_options
from tomgql.errors import UnreadableFile
from tomgql.plugins.contracts import SourceFile

_HEADER = re.compile(r"\s*#*\s*MJD\s+m\s+dm\s+uJy\s+duJy\s+F\s")
_EXPOSURE_S = 30.0
"""Every ATLAS exposure (Tonry et al. 2018, PASP 130, 064505)."""

_LIMIT_NSIGMA = 5.0
_BANDS = ("atlasc", "atlaso")
_OWN_OPTIONS = choose_options(
    "source_name",
    difference={"type": "boolean",
                "description": "The fluxes are of difference images (default); false where use_reduced was asked for."},
    good_fits_only={"type": "boolean", "description": "Leave out rows whose fit is flagged (err not 0)."},
    max_chi_n={"type": "number", "exclusiveMinimum": 0,
               "description": "Rows with a larger chi/N are left out; default none."},
    max_flux_error_ujy={"type": "number", "exclusiveMinimum": 0,
                        "description": "Rows with a larger duJy (uJy) are left out; default none."},
)  # fmt: skip
_ROLES = {"time": "MJD", "flux": "uJy", "flux_error": "duJy", "band": "F", "magnitude": "", "magnitude_error": "",
          "zero_point": ""}  # fmt: skip


class AtlasProcessor:
    """Reads the text that ATLAS forced photometry returns."""

    name: ClassVar[str] = "atlas"
    title: ClassVar[str] = "ATLAS forced photometry"
    version: ClassVar[str] = "2"
    data_types: ClassVar[tuple[str, ...]] = ("photometry",)
    options_schema: ClassVar[Mapping[str, Any]] = options_schema(_OWN_OPTIONS)

    def confidence(self, file: SourceFile) -> int:
        """100 when the service's own header is there."""
        text = head_text(file)
        return 100 if text is not None and _HEADER.match(text) else 0

    @says_encoding
    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read the whole file; a header without rows is an empty light curve, not a fault."""
        check_options(_OWN_OPTIONS, options)
        text = read_text(file)
        if not _HEADER.match(text):
            raise UnreadableFile(
                f"{file.name}: the header of ATLAS forced photometry (###MJD m dm uJy ...) is missing."
            )
        header, _, body = text.strip().lstrip("#").partition("\n")
        if not body.strip():
            return empty_reading(self.title)
        table = read_delimited(f"{header.strip()}\n{body}", ColumnOptions(), file.name)
        return table.amend(_interpret(table, file, options, self.title))


def _interpret(table: Delimited, file: SourceFile, options: Mapping[str, Any], title: str) -> Reading:
    mapping = _ROLES | ({"external_id": "Obs"} if "Obs" in table.columns else {})
    said = ColumnOptions(
        mapping=mapping, time_format="mjd", time_scale="utc", time_reference="start", exposure_s=_EXPOSURE_S,
        flux_unit="uJy", magnitude_system="AB", telescope="ATLAS", limit_nsigma=_LIMIT_NSIGMA, forced=True,
        difference=options.get("difference") is not False, source_name=options.get("source_name") or "ATLAS",
    )  # fmt: skip
    reading = read_columns(file, table.columns, said, title)
    if options.get("difference") is None:
        words = "fluxes are taken as those of difference images; say difference: false if use_reduced was asked for"
        reading.notes.append(Note("INFO", "DIFFERENCE_ASSUMED", words))
    _keep_own_bands(reading, file.name)
    flagged = np.nan_to_num(numbers(table.columns, "err")) != 0
    apply_cuts(reading, _cuts(table, flagged, options))
    warn_of_rows(reading, flagged, "FLAGGED", "a flagged fit (err not 0)")
    return reading


def _cuts(table: Delimited, flagged: NDArray[np.bool_], options: Mapping[str, Any]) -> list[Cut]:
    cuts = [Cut("a flagged fit (err not 0)", flagged)] if options.get("good_fits_only") else []
    for name, option in (("chi/N", "max_chi_n"), ("duJy", "max_flux_error_ujy")):
        limit = options.get(option)
        if limit is not None:
            cuts.append(Cut(f"{name} above {limit:g}", numbers(table.columns, name) > limit))
    return cuts


def _keep_own_bands(reading: Reading, file_name: str) -> None:
    """Leave out the rows of test filters, with a count."""
    found = reading.photometry
    if found is None:
        return
    ours = np.isin(found.band.astype(str), _BANDS)
    reading.notes = [note for note in reading.notes if note.code != "UNKNOWN_BAND"]
    others = int(np.count_nonzero(~ours))
    if not others:
        return
    letters = ", ".join(sorted(set(found.band[~ours].astype(str))))
    if others == len(found):
        raise UnreadableFile(f"{file_name}: all rows are in other filters than c and o ({letters}).")
    message = f"{rows_text(others)} in other filters than c and o ({letters}); skipped"
    reading.notes.append(Note("INFO", "OTHER_FILTERS", message, count=others))
    reading.photometry = found.take(ours)
