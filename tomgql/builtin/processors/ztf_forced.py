"""Light curves of the ZTF forced-photometry service.

Format (Masci et al. 2023, arXiv:2305.16279, and files of versions 2 to 3.7): comment lines, one line of column names
between commas without a comment mark, then rows of words between blanks; ``null`` is no value. ``jd`` is UTC at the
start of the exposure; flux and error are in counts of the difference image with the zero point ``zpdiff`` (AB);
``diffmaglim`` is the image's 5-sigma limit. ``forcediffimsnr`` is not used: errors were rescaled after it was made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from tomgql.builtin.processors.delimited import Delimited, named_columns
from tomgql.builtin.processors.readings import (
    Cut,
    apply_cuts,
    choose_options,
    derived,
    empty_reading,
    numbers,
    options_schema,
    read_columns,
    size_of,
    split_options,
)
from tomgql.builtin.processors.text_files import head_text, read_text, says_encoding
from tomgql.domain.cells import Column
from tomgql.domain.measurements import Note, Reading, rows_text
from tomgql.domain.options import ColumnOptions, check_options
from tomgql.errors import UnreadableFile
from tomgql.plugins.contracts import SourceFile

_NAMES_LINE = re.compile(r"^[ \t#]*([^\n#=]*\bforcediffimflux\s*,[^\n]*)", re.MULTILINE)
_POSITION = re.compile(r"Requested input (R\.A\.|Dec\.)\s*=\s*([+-]?\d+(?:\.\d+)?)\s*degrees")

_UNUSABLE_INFOBITS = 33554432.0
"""Bit 25 of infobitssci: the image is not fit for use (ZTF Science Data System Explanatory Supplement)."""

_USUAL_STATUS = ("0", "56", "57", "62", "63", "65")
"""procstatus of mostly usable rows: good, or near the limits of the reference's quality."""

_REFERENCE_NSIGMA = 5.0
"""A flux so far below zero means that the reference image holds light of the source."""

_OPTIONS = choose_options(
    "source_name",
    procstatus={"type": "array", "items": {"type": "string"},
                "description": f"Kept values of procstatus; default {', '.join(_USUAL_STATUS)}. [] keeps all."},
    max_infobits={"type": "number", "exclusiveMinimum": 0,
                  "description": "Rows whose infobitssci reaches this are left out; default 33554432 (bit 25)."},
    max_scisigpix={"type": "number", "exclusiveMinimum": 0,
                   "description": "Rows with more noise a pixel (scisigpix, counts) are left out; default 25."},
    max_seeing_pixels={"type": "number", "exclusiveMinimum": 0,
                       "description": "Rows with worse seeing (sciinpseeing, pixels) are left out; default 4."},
    max_chi2={"type": "number", "exclusiveMinimum": 0,
              "description": "Rows with a larger forcediffimchisq are left out; default none."},
    rescale_errors={"type": "boolean",
                    "description": "Multiply all errors by the root of the median forcediffimchisq, if it exceeds 1."},
)  # fmt: skip
_MAPPING = {
    "time": "jd", "flux": "forcediffimflux", "flux_error": "forcediffimfluxunc", "zero_point": "zpdiff",
    "limit": "diffmaglim", "band": "filter", "exposure": "exptime", "magnitude": "", "magnitude_error": "",
}  # fmt: skip


class ZtfForcedProcessor:
    """Reads what the ZTF forced-photometry service returns."""

    name: ClassVar[str] = "ztf_forced"
    title: ClassVar[str] = "ZTF forced photometry"
    version: ClassVar[str] = "1"
    data_types: ClassVar[tuple[str, ...]] = ("photometry",)
    options_schema: ClassVar[Mapping[str, Any]] = options_schema(_OPTIONS)

    def confidence(self, file: SourceFile) -> int:
        """100 when the service's own names of columns are there."""
        text = head_text(file)
        return 100 if text is not None and _NAMES_LINE.search(text) else 0

    @says_encoding
    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read the whole file; names without rows are an empty light curve, not a fault."""
        own, shared = split_options(_OPTIONS, options)
        check_options(_OPTIONS, {**own, **shared})
        text = read_text(file)
        table = _table(text, file.name)
        if not size_of(table.columns):
            return empty_reading(self.title)
        columns = table.columns | _requested_position(text, size_of(table.columns))
        columns |= _scaled_errors(table.columns, bool(own.get("rescale_errors")))
        reading = table.amend(read_columns(file, columns, _facts(columns, shared), self.title))
        apply_cuts(reading, _cuts(table.columns, own))
        _warn_of_negative(reading)
        return reading


def _table(text: str, file_name: str) -> Delimited:
    names = _NAMES_LINE.search(text)
    if names is None:
        raise UnreadableFile(f"{file_name}: the line with the names of the columns (index, field...) is missing.")
    header = [name.strip() for name in names[1].split(",")]
    lines = [line for line in text[names.end() :].splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return named_columns(header, [_cells(line) for line in lines])


def _cells(line: str) -> list[str]:
    """Between blanks, as the service writes; between commas where somebody has saved it as CSV."""
    cells = line.split()
    return cells if len(cells) > 1 or "," not in line else [cell.strip() for cell in line.split(",")]


def _requested_position(text: str, size: int) -> dict[str, Column]:
    said = dict(_POSITION.findall(text[:8192]))
    if len(said) != 2:
        return {}
    ra = derived("requested R.A.", np.full(size, float(said["R.A."])))
    return ra | derived("requested Dec.", np.full(size, float(said["Dec."])))


def _scaled_errors(columns: Mapping[str, Column], wanted: bool) -> dict[str, Column]:
    """Errors are underestimated where chi2 exceeds 1 (service's own advice, section 6.5 of its description)."""
    chi2 = numbers(columns, "forcediffimchisq")
    known = chi2[np.isfinite(chi2) & (chi2 > 0)]
    factor = float(np.sqrt(np.median(known))) if len(known) else 1.0
    if not wanted or factor <= 1.0:
        return {}
    return derived("rescaled forcediffimfluxunc", numbers(columns, "forcediffimfluxunc") * factor)


def _facts(columns: Mapping[str, Column], options: Mapping[str, Any]) -> ColumnOptions:
    mapping = {role: name for role, name in _MAPPING.items() if not name or name in columns}
    for role, name in (("flux_error", "rescaled forcediffimfluxunc"), ("external_id", "pid"),
                       ("ra", "requested R.A."), ("dec", "requested Dec.")):  # fmt: skip
        if name in columns:
            mapping[role] = name
    facts = {
        "mapping": mapping, "time_format": "jd", "time_scale": "utc", "time_reference": "start",
        "magnitude_system": "AB", "limit_nsigma": 5.0, "telescope": "P48", "instrument": "ZTF", "source_name": "ZTF",
        "forced": True, "difference": True,
    }  # fmt: skip
    return ColumnOptions.read_over(facts, options)


def _cuts(columns: Mapping[str, Column], own: Mapping[str, Any]) -> list[Cut]:
    flux, error = numbers(columns, "forcediffimflux"), numbers(columns, "forcediffimfluxunc")
    cuts = [Cut("no flux or no error", np.isnan(flux) | ~(error > 0))]
    infobits = float(own.get("max_infobits", _UNUSABLE_INFOBITS))
    cuts.append(Cut(f"infobitssci of {infobits:.0f} or more", numbers(columns, "infobitssci") >= infobits))
    for name, option, usual in (("scisigpix", "max_scisigpix", 25.0), ("sciinpseeing", "max_seeing_pixels", 4.0),
                                ("forcediffimchisq", "max_chi2", np.inf)):  # fmt: skip
        limit = float(own.get(option, usual))
        cuts.append(Cut(f"{name} above {limit:g}", numbers(columns, name) > limit))
    kept = tuple(str(each) for each in own.get("procstatus", _USUAL_STATUS))
    if "procstatus" in columns and kept:
        cuts.append(Cut(f"a procstatus other than {', '.join(kept)}", _other_status(columns["procstatus"].texts, kept)))
    return cuts


def _other_status(texts: Sequence[str | None], kept: Sequence[str]) -> Any:
    known = {text: text is not None and not set(re.split(r"[,;\s]+", text)) <= set(kept) for text in set(texts)}
    return np.array([known[text] for text in texts], dtype=np.bool_)


def _warn_of_negative(reading: Reading) -> None:
    found = reading.photometry
    if found is None:
        return
    count = int(np.count_nonzero(found.flux_ujy < -_REFERENCE_NSIGMA * found.flux_error_ujy))
    if count:
        words = f"{rows_text(count)} more than 5 sigma below zero: the reference image may hold light of the source"
        reading.notes.append(Note("WARNING", "REFERENCE_HOLDS_LIGHT", words, count=count))
