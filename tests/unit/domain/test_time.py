"""Time scales against astropy, and times as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from astropy.time import Time
from astropy.utils import iers
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tomgql.domain import time as tomtime
from tomgql.errors import InvalidInput

iers.conf.auto_download = False
SECOND = 1 / 86400
LEAP_DAYS = {mjd - 1 for mjd, _ in tomtime.LEAP_SECONDS}
mjds = st.floats(41400, 61000)


@settings(deadline=None)
@given(mjds)
@pytest.mark.parametrize(("scale", "tolerance_s"), [("tai", 1e-5), ("tt", 1e-5), ("tdb", 5e-5)])
def test_scales_agree_with_astropy_both_ways(scale: str, tolerance_s: float, mjd: float) -> None:
    assume(int(mjd) not in LEAP_DAYS)
    theirs = getattr(Time(mjd, format="mjd", scale="utc"), scale).mjd
    assert abs(tomtime.FROM_UTC[scale](mjd) - theirs) < tolerance_s * SECOND
    assert abs(tomtime.TO_UTC[scale](theirs) - mjd) < tolerance_s * SECOND


@settings(deadline=None)
@given(mjds)
def test_tcb_agrees_with_astropy(mjd: float) -> None:
    assume(int(mjd) not in LEAP_DAYS)
    assert abs(tomtime.tcb_to_utc(Time(mjd, format="mjd", scale="utc").tcb.mjd) - mjd) < 5e-5 * SECOND


def test_leap_seconds_are_those_of_erfa() -> None:
    import erfa

    theirs = erfa.leap_seconds.get()
    theirs = theirs[theirs["year"] >= 1972]
    mjd = [int(Time(f"{row['year']}-{row['month']:02d}-01").mjd) for row in theirs]
    assert list(tomtime.LEAP_SECONDS) == list(zip(mjd, theirs["tai_utc"].astype(int).tolist(), strict=True))


def test_scales_keep_shape_and_nan() -> None:
    found = tomtime.utc_to_tdb(np.array([np.nan, 59000.0]))
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(59000.0 + 69.184 * SECOND, abs=0.002 * SECOND)


@given(st.datetimes(datetime(1850, 1, 1), datetime(2100, 1, 1)))
def test_datetimes_survive_mjd(moment: datetime) -> None:
    aware = moment.replace(tzinfo=UTC)
    assert abs(tomtime.datetime_from_mjd(tomtime.mjd_from_datetime(aware)) - aware) <= timedelta(microseconds=2)


@pytest.mark.parametrize(
    ("text", "mjd", "zoned"),
    [
        ("2000-01-01T12:00:00Z", 51544.5, True),
        ("2000-01-01T14:00:00+02:00", 51544.5, True),
        ("2000-01-01 12:00:00", 51544.5, False),
        ("2000/01/01", 51544.0, False),
        ("2014-05-07.25", 56784.25, False),
    ],
)
def test_iso_texts(text: str, mjd: float, zoned: bool) -> None:
    assert tomtime.parse_iso(text) == (pytest.approx(mjd, abs=1e-9), zoned)


@pytest.mark.parametrize("text", ["2016-12-31T23:59:60.5Z", "2016-12-31 23:59:60", "1972/06/30T23:59:60,25+00:00"])
def test_times_in_leap_seconds_are_refused_as_such(text: str) -> None:
    with pytest.raises(InvalidInput, match="leap second, which cannot be stored"):
        tomtime.parse_iso(text)


@pytest.mark.parametrize(
    "text", ["2016-12-30T23:59:60Z", "2017-12-31T23:59:60Z", "1971-12-31T23:59:60Z", "2016-12-31T22:59:60Z",
             "2016-12-31T23:59:61Z", "2016-13-31T23:59:60Z"],
)  # fmt: skip
def test_other_sixtieth_seconds_are_no_times(text: str) -> None:
    with pytest.raises(InvalidInput, match="ISO 8601"):
        tomtime.parse_iso(text)


def test_a_moment_of_a_leap_second_in_tai_falls_into_the_next_second() -> None:
    tai = 57754.0 + 36.5 / 86400
    assert tomtime.tai_to_utc(tai) == pytest.approx(57754.0 + 0.5 / 86400, abs=1e-10)


def test_local_time_is_refused() -> None:
    with pytest.raises(InvalidInput, match="ISO 8601"):
        tomtime.parse_iso("2000-01-01 12:00 local")


def test_moments_in_other_zones() -> None:
    assert tomtime.mjd_from_datetime(datetime(2000, 1, 1, 14, tzinfo=timezone(timedelta(hours=2)))) == 51544.5


def test_range_and_years() -> None:
    assert tomtime.in_range([np.nan, -4000.0, 50000.0, 60000.9, 60001.1], now_mjd=60000.0).tolist() == [
        False, False, True, True, False,
    ]  # fmt: skip
    assert tomtime.year_of(118203.93) == 2182
