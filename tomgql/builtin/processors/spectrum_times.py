"""When a spectrum was taken, from the keywords of its header: the middle of the exposure in UTC.

Keywords: FITS 4.0 (DATE-OBS, MJD-OBS, DATE-AVG, MJD-AVG, MJD-END, TIMESYS), ESO Phase 3 (TMID, MJD-END), SDSS (TAI-BEG,
TAI-END in seconds, MJD), IRAF (UT, UTSTART, UTMIDDLE beside a date), Gaia's epoch. An MJD outside 15000 to 100000 is
distrusted: two of a dozen real files had nonsense there, and the right date in DATE-OBS.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tomgql.builtin.processors.spectrum_options import SpectrumOptions
from tomgql.domain.measurements import Note
from tomgql.domain.time import SECONDS_PER_DAY, TO_UTC, parse_iso
from tomgql.errors import InvalidInput, UnreadableFile

Keywords = Mapping[str, Any]
"""Values of a header by keyword, upper-case."""

_FIRST_MJD, _LAST_MJD = 15_000.0, 100_000.0
_SCALES = {"ut": "utc", "ut1": "utc", "tdt": "tt", "et": "tdb", "iat": "tai"}
_MIDDLES = ("TMID", "MJD-AVG", "MJD-MID", "MJDMID", "DATE-AVG", "DATE-MID")
_STARTS = ("MJD-OBS", "MJD-BEG", "MJDSTART", "DATE-OBS", "DATE-BEG", "DATE_OBS", "DATEOBS", "OBSDATE", "OBS-DATE",
           "OBS_DATE", "OBS DATE", "DATE OBS",
           "OBSERVATION DATE", "MJD", "JD", "MJD_OBS", "JD-OBS", "DATE-OBS-START", "TIME-OBS")  # fmt: skip
_CLOCKS = ("UTSTART", "UT", "UTC", "TIME-OBS", "UT-START", "UTC-OBS", "UTOBS", "TM-START", "TIME-BEG")
_MIDDLE_CLOCKS = ("UTMIDDLE", "UT-MID", "UTMID")
_CLOCK = re.compile(r"\s*(\d{1,2}):(\d{2}):(\d{2}(?:\.\d*)?)\s*(?:Z|UTC?)?\s*", re.ASCII | re.IGNORECASE)
_DAY = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})", re.ASCII)
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(?:s|sec|secs|seconds|d)?\s*", re.ASCII)
_EXPOSURES = ("EXPTIME", "EXPOSURE", "EXPOSURE_TIME", "EXPOSURE TIME", "TEXPTIME", "EXP_TIME", "EXPT", "ITIME")


_IN_UTC = "utc"
"""Quality of a time whose keyword names its scale, and which is converted already; TIMESYS is about other keywords."""

_DAY_ONLY = "day"
"""Quality of a time of which only the day or the epoch is known: seconds between time scales mean nothing there."""


@dataclass(frozen=True)
class When:
    """``mjd_utc``, middle of the exposure as far as it is known; ``quality`` exact, converted or assumed."""

    mjd_utc: float
    quality: str
    exposure_s: float


def number(value: Any) -> float:
    """A header's value as a number, NaN where it is none; texts such as ``1800.0s`` are taken."""
    if isinstance(value, bool) or value is None:
        return math.nan
    match = _NUMBER.fullmatch(str(value))
    found = float(match[1]) if match else math.nan
    return found if math.isfinite(found) else math.nan


def exposure_of(header: Keywords, said: SpectrumOptions) -> float:
    """Exposure time in seconds, NaN where nobody states it."""
    if said.exposure_s is not None:
        return float(said.exposure_s)
    found = (number(header.get(name)) for name in _EXPOSURES)
    return next((seconds for seconds in found if seconds > 0), math.nan)


def read_when(header: Keywords, said: SpectrumOptions, file_name: str, notes: list[Note]) -> When:
    """The time of a spectrum. Raises `UnreadableFile` when neither header nor options say it: it is never guessed."""
    exposure = exposure_of(header, said)
    if said.time is not None:
        return _of_option(said, exposure)
    distrusted: list[str] = []
    for name in ("MJD-OBS", "MJD"):
        _moment(header, name, distrusted)
    found = _middle(header, distrusted) or _taken_in_span(header) or _start(header, exposure, distrusted, notes)
    if found is None:
        found = _epoch(header, notes)
    for words in dict.fromkeys(distrusted):
        notes.append(Note("WARNING", "TIME_DISTRUSTED", words))
    if found is None:
        raise UnreadableFile(
            f"{file_name}: the header says no time of the observation (DATE-OBS, MJD-OBS); say it with option time, "
            "such as 2017-03-27T17:02:24."
        )
    return _in_utc(header, found[0], found[1], exposure, notes)


def _of_option(said: SpectrumOptions, exposure: float) -> When:
    text = str(said.time)
    try:
        mjd = number(text) if _NUMBER.fullmatch(text) else parse_iso(text)[0]
    except InvalidInput as fault:
        raise InvalidInput(fault.message, path=["options", "time"]) from fault
    if not _FIRST_MJD < mjd < _LAST_MJD:
        raise InvalidInput(f'Option "time" is "{text}"; write ISO 8601 or an MJD.', path=["options", "time"])
    half = 0.0 if math.isnan(exposure) else exposure / 2 / SECONDS_PER_DAY
    shift = {"start": half, "end": -half}.get(said.time_reference or "", 0.0)
    return When(mjd + shift, "exact" if said.time_reference == "middle" else "assumed", exposure)


def _middle(header: Keywords, distrusted: list[str]) -> tuple[float, str] | None:
    for name in _MIDDLES:
        mjd = _moment(header, name, distrusted)
        if mjd is not None:
            return mjd, "exact"
    day, clock = _day(header), _clock(header, _MIDDLE_CLOCKS)
    return None if day is None or clock is None else (day + clock, "exact")


def _taken_in_span(header: Keywords) -> tuple[float, str] | None:
    """The middle between a stated start and a stated end."""
    start, end = number(header.get("MJD-OBS", header.get("MJD-BEG"))), number(header.get("MJD-END"))
    if _FIRST_MJD < start <= end < _LAST_MJD:
        return (start + end) / 2, "converted"
    start, end = number(header.get("TAI-BEG")) / SECONDS_PER_DAY, number(header.get("TAI-END")) / SECONDS_PER_DAY
    if _FIRST_MJD < start <= end < _LAST_MJD:
        return float(np.asarray(TO_UTC["tai"]((start + end) / 2))), _IN_UTC
    return None


def _start(header: Keywords, exposure: float, distrusted: list[str], notes: list[Note]) -> tuple[float, str] | None:
    for name in _STARTS:
        mjd = _moment(header, name, distrusted)
        if mjd is None:
            continue
        clock = _clock(header, _CLOCKS)
        if mjd == math.floor(mjd) and clock:
            mjd += clock
        if mjd == math.floor(mjd) and ":" not in str(header[name]):
            notes.append(Note("WARNING", "DAY_PRECISION", f"{name} gives a day without a time; taken as its midnight"))
            return mjd, _DAY_ONLY
        if math.isnan(exposure):
            notes.append(Note("WARNING", "EXPOSURE_UNKNOWN", f"{name} is the start of an exposure of unknown length"))
            return mjd, "assumed"
        notes.append(
            Note("INFO", "TIME_SHIFTED", f"{name} is taken as the start of {exposure:g} s; its middle is kept")
        )
        return mjd + exposure / 2 / SECONDS_PER_DAY, "converted"
    return None


def _epoch(header: Keywords, notes: list[Note]) -> tuple[float, str] | None:
    """Gaia's mean spectra have an epoch instead of a time: a Julian year."""
    year = number(header.get("TIMEAXISCOVERAGELOCATION"))
    if not 1990.0 < year < 2100.0:
        return None
    notes.append(Note("INFO", "EPOCH", f"a mean spectrum: the time is its epoch, {year:g}"))
    return 51544.5 + (year - 2000.0) * 365.25, _DAY_ONLY


def _moment(header: Keywords, name: str, distrusted: list[str]) -> float | None:
    """A keyword's time as MJD; None where it is missing, no time, or one that no spectrograph saw."""
    value = header.get(name)
    if value is None or isinstance(value, bool) or _CLOCK.fullmatch(str(value)):
        return None
    mjd = number(value)
    if math.isnan(mjd):
        try:
            mjd = parse_iso(_tidy(str(value)))[0]
        except InvalidInput:
            return None
    elif name.startswith("JD"):
        mjd -= 2_400_000.5
    if _FIRST_MJD < mjd < _LAST_MJD:
        return mjd
    distrusted.append(f"{name} = {str(value)[:40]} cannot be right; not used")
    return None


def _tidy(text: str) -> str:
    """``2016-3-7 T 04:05:06 UTC`` as ISO 8601."""
    plain = re.sub(r"\s*(?:UTC?|UT)\s*$", "", text.strip())
    plain = re.sub(r"\s+T?\s*|\s*T\s*", "T", plain, count=1)
    return _DAY.sub(lambda day: f"{day[1]}-{int(day[2]):02d}-{int(day[3]):02d}", plain, count=1)


def _day(header: Keywords) -> float | None:
    for name in ("DATE-OBS", "DATE_OBS", "UTDATE", "DATE-BEG"):
        match = _DAY.match(str(header.get(name) or "").strip())
        if match:
            try:
                return parse_iso(f"{match[1]}-{int(match[2]):02d}-{int(match[3]):02d}")[0]
            except InvalidInput:
                return None
    return None


def _clock(header: Keywords, names: tuple[str, ...]) -> float | None:
    """The time of day, in days, of the first keyword that has one."""
    for name in names:
        match = _CLOCK.fullmatch(str(header.get(name) or ""))
        if match and int(match[1]) < 24 and int(match[2]) < 60:
            return (int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])) / SECONDS_PER_DAY
    return None


def _in_utc(header: Keywords, mjd: float, quality: str, exposure: float, notes: list[Note]) -> When:
    if quality == _DAY_ONLY:
        return When(mjd, "assumed", exposure)
    if quality == _IN_UTC:
        return When(mjd, "converted", exposure)
    stated = str(header.get("TIMESYS") or "").strip().lower()
    scale = _SCALES.get(stated, stated) or "utc"
    if scale not in TO_UTC:
        notes.append(Note("WARNING", "TIME_SCALE_UNKNOWN", f"TIMESYS {stated[:20]} is not known; taken as UTC"))
        scale, stated = "utc", ""
    if not stated:
        notes.append(Note("INFO", "TIME_SCALE_ASSUMED", "the header names no time scale; taken as UTC"))
        quality = "assumed"
    elif scale != "utc" and quality == "exact":
        quality = "converted"
    return When(float(np.asarray(TO_UTC[scale](mjd))), quality, exposure)
