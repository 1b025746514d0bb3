"""Time scales as float MJD, vectorised; no astropy, whose import costs more than reading most files.

Inside tomgql times are UTC as MJD. A double resolves about 1 microsecond there. NaN stays NaN.

Sources: leap seconds from IERS Bulletin C; TT = TAI + 32.184 s (IAU 1991); TDB from USNO Circular 179
(Kaplan 2005), equation 2.6, good to 10 microseconds from 1600 to 2200; TCB from IAU 2006 resolution B3.

A UTC day with a leap second has 86401 s, and an MJD of days of 86400 s has no place for its last: a moment in it that
comes in another scale is written as one of the first second of the next day, and UTC texts of it are refused, since
nothing would tell them from that second. ERFA stretches such a day instead, which moves all its other moments.

Before 1972 UTC ran at other rates, and before 1960 there was none: times then are days of 86400 s of what was called
UTC, GMT or UT, as they were given, and TAI - UTC is taken as 10 s. It was 0 to 9.9 s from 1958 on, so TAI, TT and TDB
made of such times are up to 10 s ahead; TT and TDB of earlier times, since TT - UT was -6 to 32 s, up to 50 s.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tomgql.errors import InvalidInput

SECONDS_PER_DAY = 86400.0
JD_MINUS_MJD = 2400000.5
"""Days: MJD = JD - 2400000.5 by definition."""

TT_MINUS_TAI_S = 32.184
_MJD_EPOCH = datetime(1858, 11, 17, tzinfo=UTC)
_MJD_J2000 = 51544.5

LEAP_SECONDS: tuple[tuple[int, int], ...] = (
    (41317, 10), (41499, 11), (41683, 12), (42048, 13), (42413, 14), (42778, 15), (43144, 16),
    (43509, 17), (43874, 18), (44239, 19), (44786, 20), (45151, 21), (45516, 22), (46247, 23),
    (47161, 24), (47892, 25), (48257, 26), (48804, 27), (49169, 28), (49534, 29), (50083, 30),
    (50630, 31), (51179, 32), (53736, 33), (54832, 34), (56109, 35), (57204, 36), (57754, 37),
)  # fmt: skip
"""MJD (UTC) from which TAI - UTC has this many seconds; IERS Bulletin C, complete up to its number 72 (2026)."""

LEAP_SECOND_WORDS = "lies in a leap second, which cannot be stored: give a time before or behind it"
"""What is said of a time that is right but has no place among days of 86400 s."""

_LAST_SECOND = re.compile(r"(\d{4}-\d\d-\d\d)[T ]23:59:60(?:[.,]\d+)?(?:Z|[+-]00:?00)?", re.ASCII)

_LEAP_MJD = np.array([mjd for mjd, _ in LEAP_SECONDS], dtype=np.float64)
_LEAP_S = np.array([seconds for _, seconds in LEAP_SECONDS], dtype=np.float64)

TDB_TERMS = (
    (0.001657, 628.3076, 6.2401),
    (0.000022, 575.3385, 4.2970),
    (0.000014, 1256.6152, 6.1969),
    (0.000005, 606.9777, 4.0212),
    (0.000005, 52.9691, 0.4444),
    (0.000002, 21.3299, 5.5431),
)
"""Seconds, radians per Julian century, radians: USNO Circular 179, equation 2.6."""

_TCB_RATE = 1.550519768e-8
_TCB_START_MJD = 2443144.5003725 - JD_MINUS_MJD
_TDB0_S = -6.55e-5
"""L_B, the origin of TCB and TDB_0 of IAU 2006 resolution B3."""

_EARLIEST_YEAR_MJD = -3242.0
"""1850-01-01, before the first photographs of stars: older times are mistakes."""


def _days(values: ArrayLike) -> Any:
    return np.asarray(values, dtype=np.float64)


def _offset(mjd: Any, starts: Any) -> Any:
    return _LEAP_S[np.clip(np.searchsorted(starts, mjd, side="right") - 1, 0, None)]


def utc_to_tai(mjd_utc: ArrayLike) -> Any:
    """MJD in TAI of an MJD in UTC."""
    mjd = _days(mjd_utc)
    return mjd + _offset(mjd, _LEAP_MJD) / SECONDS_PER_DAY


def tai_to_utc(mjd_tai: ArrayLike) -> Any:
    """MJD in UTC of an MJD in TAI."""
    mjd = _days(mjd_tai)
    return mjd - _offset(mjd, _LEAP_MJD + _LEAP_S / SECONDS_PER_DAY) / SECONDS_PER_DAY


def utc_to_tt(mjd_utc: ArrayLike) -> Any:
    """MJD in TT of an MJD in UTC."""
    return utc_to_tai(mjd_utc) + TT_MINUS_TAI_S / SECONDS_PER_DAY


def tt_to_utc(mjd_tt: ArrayLike) -> Any:
    """MJD in UTC of an MJD in TT."""
    return tai_to_utc(_days(mjd_tt) - TT_MINUS_TAI_S / SECONDS_PER_DAY)


def _tdb_minus_tt_days(mjd: Any) -> Any:
    centuries = (mjd - _MJD_J2000) / 36525.0
    seconds = 0.000010 * centuries * np.sin(628.3076 * centuries + 4.2490)
    for size, rate, phase in TDB_TERMS:
        seconds = seconds + size * np.sin(rate * centuries + phase)
    return seconds / SECONDS_PER_DAY


def utc_to_tdb(mjd_utc: ArrayLike) -> Any:
    """MJD in TDB of an MJD in UTC, good to 10 microseconds."""
    tt = utc_to_tt(mjd_utc)
    return tt + _tdb_minus_tt_days(tt)


def tdb_to_utc(mjd_tdb: ArrayLike) -> Any:
    """MJD in UTC of an MJD in TDB; TDB may stand for TT in the small terms, an error below a nanosecond."""
    tdb = _days(mjd_tdb)
    return tt_to_utc(tdb - _tdb_minus_tt_days(tdb))


def tcb_to_utc(mjd_tcb: ArrayLike) -> Any:
    """MJD in UTC of an MJD in TCB, which runs ahead of TDB by 0.49 s a year since 1977."""
    tcb = _days(mjd_tcb)
    return tdb_to_utc(tcb - _TCB_RATE * (tcb - _TCB_START_MJD) + _TDB0_S / SECONDS_PER_DAY)


TO_UTC: dict[str, Callable[[ArrayLike], Any]] = {
    "utc": _days, "tai": tai_to_utc, "tt": tt_to_utc, "tdb": tdb_to_utc, "tcb": tcb_to_utc,
}  # fmt: skip
"""Converters into UTC by lower-case name of the scale."""

FROM_UTC: dict[str, Callable[[ArrayLike], Any]] = {
    "utc": _days, "tai": utc_to_tai, "tt": utc_to_tt, "tdb": utc_to_tdb,
}  # fmt: skip
"""Converters out of UTC by lower-case name of the scale."""


def mjd_from_datetime(moment: datetime) -> float:
    """MJD in UTC; a moment without a zone is taken as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _MJD_EPOCH) / timedelta(days=1)


def datetime_from_mjd(mjd_utc: float) -> datetime:
    """UTC moment of an MJD, to the nearest microsecond."""
    return _MJD_EPOCH + timedelta(microseconds=round(mjd_utc * 86_400_000_000))


def is_leap_second(text: str) -> bool:
    """Whether an ISO 8601 text lies in one of UTC's leap seconds, such as 2016-12-31T23:59:60.5Z."""
    found = _LAST_SECOND.fullmatch(text.strip().replace("/", "-"))
    try:
        day = datetime.fromisoformat(found[1]) if found else None
    except ValueError:
        return False
    return day is not None and mjd_from_datetime(day) + 1 in _LEAP_MJD[1:]


def parse_iso(text: str) -> tuple[float, bool]:
    """MJD in UTC of an ISO 8601 text, and whether the text named its zone (else UTC is assumed).

    Also reads the ``2014-05-07.0014`` of ASAS-SN and the ``2011/05/07`` of many logs.
    Raises `InvalidInput` for anything else, including words such as "local" and the moments of leap seconds.
    """
    plain = text.strip().replace("/", "-")
    day, dot, fraction = plain.partition(".")
    try:
        if dot and len(day) == 10 and fraction.isdigit():
            return mjd_from_datetime(datetime.fromisoformat(day)) + float(f"0.{fraction}"), False
        moment = datetime.fromisoformat(plain)
    except ValueError:
        if is_leap_second(text):
            raise InvalidInput(f'time "{text}" {LEAP_SECOND_WORDS}') from None
        raise InvalidInput(f'time "{text}" is not an ISO 8601 time such as 2024-05-17T03:04:05Z') from None
    return mjd_from_datetime(moment), moment.tzinfo is not None


def in_range(mjd_utc: ArrayLike, now_mjd: float | None = None) -> Any:
    """Whether times lie between 1850 and a day from now; False for NaN."""
    mjd = _days(mjd_utc)
    latest = (mjd_from_datetime(datetime.now(UTC)) if now_mjd is None else now_mjd) + 1.0
    return (mjd >= _EARLIEST_YEAR_MJD) & (mjd <= latest)


def year_of(mjd: float) -> int:
    """Calendar year of an MJD, also far outside what `datetime` can hold (Julian years then)."""
    return int(2000 + (mjd - _MJD_J2000) // 365.25)
