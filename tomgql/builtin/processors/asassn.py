"""Light curves of ASAS-SN's Sky Patrol, versions 1 and 2, and of its photometry database.

Formats (Kochanek et al. 2017, PASP 129, 104502; Hart et al. 2023, arXiv:2304.03791): version 1 has ``HJD,UT Date,
Camera,FWHM,Limit,mag,mag_err,flux(mJy),flux_err[,Filter]``, where the UT date is the same moment at the Earth; version
2 ``JD,Flux,Flux Error,Mag,Mag Error,Limit,FWHM,Filter,Quality[,Camera]`` below comments, fluxes in mJy. Limits are at 5
sigma of the flux error, written ``>14.573`` or with a magnitude error of 99.99; 99.99 everywhere is no measurement.
Without a filter column all is V, the only filter of the old cameras.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from tomgql.builtin.processors.delimited import header_names, read_delimited
from tomgql.builtin.processors.readings import (
    Cut,
    apply_cuts,
    choose_options,
    derived,
    numbers,
    options_schema,
    read_columns,
    split_options,
    warn_of_rows,
)
from tomgql.builtin.processors.text_files import head_text, read_text, says_encoding
from tomgql.domain.cells import Column
from tomgql.domain.measurements import Note, Reading
from tomgql.domain.options import ColumnOptions, check_options
from tomgql.domain.synonyms import normalise, split_unit
from tomgql.errors import UnreadableFile
from tomgql.plugins.contracts import SourceFile

_SIGNATURES = (
    {"hjd", "camera", "mag", "magerr", "flux", "fluxerr"},
    {"jd", "flux", "fluxerror", "mag", "magerror", "limit", "fwhm"},
    {"jd", "flux", "fluxerr", "mag", "magerr", "limit", "fwhm"},
)
_ROLES = {
    "time": ("utdate", "hjd", "jd"), "magnitude": ("mag",), "magnitude_error": ("magerr", "magerror"),
    "flux": ("flux",), "flux_error": ("fluxerr", "fluxerror"), "limit": ("limit",),
    "band": ("filter", "photfilter"), "instrument": ("camera",),
}  # fmt: skip
_LIMIT_NSIGMA = 5.0
_NO_ERROR = 99.0
_OPTIONS = choose_options(
    "source_name", "band",
    good_only={"type": "boolean", "description": "Leave out rows of images whose quality is not G (version 2)."},
)  # fmt: skip


class AsasSnProcessor:
    """Reads the CSV files of ASAS-SN's Sky Patrol."""

    name: ClassVar[str] = "asassn"
    title: ClassVar[str] = "ASAS-SN Sky Patrol"
    version: ClassVar[str] = "1"
    data_types: ClassVar[tuple[str, ...]] = ("photometry",)
    options_schema: ClassVar[Mapping[str, Any]] = options_schema(_OPTIONS)

    def confidence(self, file: SourceFile) -> int:
        """95 when the names of Sky Patrol's columns are there."""
        text = head_text(file)
        return 95 * _is_sky_patrol(header_names(text)) if text is not None else 0

    @says_encoding
    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read the whole file. Raises `UnreadableFile` when the columns are others or no row can be taken."""
        check_options(_OPTIONS, {name: value for name, value in options.items() if value is not None})
        own, shared = split_options(_OPTIONS, options)
        text = read_text(file)
        if not _is_sky_patrol(header_names(text)):
            raise UnreadableFile(f"{file.name}: the columns of ASAS-SN's Sky Patrol (HJD, Camera, mag...) are missing.")
        table = read_delimited(text, ColumnOptions(), file.name)
        names = _by_meaning(table.columns)
        columns = table.columns | _limits(table.columns, names)
        reading = read_columns(file, columns, _facts(names, shared), self.title)
        _note_band(names, shared, reading)
        _judge_quality(table.columns, bool(own.get("good_only")), reading)
        return table.amend(reading)


def _is_sky_patrol(names: list[str]) -> bool:
    plain = {normalise(split_unit(name)[0]) for name in names}
    return any(signature <= plain for signature in _SIGNATURES)


def _by_meaning(columns: Mapping[str, Column]) -> dict[str, str]:
    plain = {normalise(split_unit(name)[0]): name for name in columns}
    found = {role: next((plain[word] for word in words if word in plain), "") for role, words in _ROLES.items()}
    return found | {"is_limit": "is limit"}


def _limits(columns: Mapping[str, Column], names: Mapping[str, str]) -> dict[str, Column]:
    """A magnitude whose error says "none" is a limit."""
    magnitude, error = numbers(columns, names["magnitude"]), numbers(columns, names["magnitude_error"])
    limits = (magnitude < _NO_ERROR) & ((error > _NO_ERROR) | (error < 0))
    return derived("is limit", np.where(limits, "t", "f"))


def _facts(names: Mapping[str, str], options: Mapping[str, Any]) -> ColumnOptions:
    facts: dict[str, Any] = {
        "mapping": dict(names), "flux_unit": "mJy", "limit_nsigma": _LIMIT_NSIGMA, "telescope": "ASAS-SN",
        "source_name": "ASAS-SN",
    }  # fmt: skip
    if normalise(names["time"]) == "utdate":
        facts |= {"time_format": "iso", "time_scale": "utc"}
    if not names["band"]:
        facts["band"] = "V"
    return ColumnOptions.read_over(facts, options)


def _note_band(names: Mapping[str, str], options: Mapping[str, Any], reading: Reading) -> None:
    if not names["band"] and options.get("band") is None:
        words = "no filter column: all is V, as in the files of ASAS-SN's old cameras (option band)"
        reading.notes.append(Note("INFO", "BAND_ASSUMED", words))


def _judge_quality(columns: Mapping[str, Column], good_only: bool, reading: Reading) -> None:
    quality = next((column for name, column in columns.items() if normalise(name) == "quality"), None)
    if quality is None:
        return
    bad = np.array([(text or "G").upper() != "G" for text in quality.texts], dtype=np.bool_)
    if good_only:
        apply_cuts(reading, [Cut("a quality other than G", bad)])
    else:
        warn_of_rows(reading, bad, "FLAGGED", "a quality other than G")
