"""Columns read as photometry: conversions, limits, times, rejected rows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from astropy.utils import iers

from tomgql.domain import photometry
from tomgql.domain.cells import Column
from tomgql.domain.columns import interpret_photometry
from tomgql.domain.identity import contents, identities
from tomgql.domain.measurements import Photometry, Reading
from tomgql.domain.options import ColumnOptions
from tomgql.domain.time_columns import read_times
from tomgql.errors import InvalidInput, UnreadableFile

iers.conf.auto_download = False
NOW = 61000.0


def read(
    columns: dict[str, Any], *, position: tuple[float, float] | None = None, names: tuple[str, ...] = (), **options: Any
) -> Reading:
    return interpret_photometry(
        columns, ColumnOptions.read(options), file_name="f.csv", now_mjd=NOW, target_position=position,
        target_names=names,
    )  # fmt: skip


def taken(columns: dict[str, Any], **options: Any) -> Photometry:
    found = read(columns, **options).photometry
    assert found is not None
    return found


def codes(reading: Reading) -> set[str]:
    return {note.code for note in reading.notes}


def test_ab_and_vega() -> None:
    found = taken({"mjd": [59000.0] * 3, "filter": ["ztfg", "V", "g"], "mag": [20.0, 20.0, 20.0], "magerr": [0.1] * 3})
    assert found.flux_ujy.tolist() == pytest.approx([36.3078, 36.3078 * 10**-0.008, 36.3078], rel=1e-5)
    assert found.flux_error_ujy[0] == pytest.approx(3.344, abs=1e-3)
    assert found.reported_system.tolist() == ["AB", "Vega", "AB"]
    assert found.band.tolist() == ["ztfg", "bessellv", "g"]


def test_unknown_bands_stay_uncalibrated() -> None:
    reading = read({"mjd": [59000.0, 59001.0, 59002.0], "filter": ["zz", "zz", "CV"], "mag": [12.0, 0.0, 13.0]})
    found = reading.photometry
    assert found is not None
    assert np.isnan(found.flux_ujy).all()
    assert found.reported_magnitude.tolist() == [12.0, 0.0, 13.0]
    assert 'band "zz" (2 rows) is not known; stored as written' in [note.message for note in reading.notes]


def test_a_stated_system_calibrates_any_band() -> None:
    assert taken({"mjd": [59000.0], "filter": ["zz"], "mag": [23.9]}, magnitude_system="AB").flux_ujy[
        0
    ] == pytest.approx(1.0)


def test_vega_of_a_band_without_offset() -> None:
    reading = read({"mjd": [59000.0], "filter": ["ztfg"], "mag": [20.0], "magsys": ["vega"]})
    assert reading.photometry is not None
    assert np.isnan(reading.photometry.flux_ujy[0])
    assert "UNCALIBRATED" in codes(reading)


@pytest.mark.parametrize(
    ("columns", "options", "flux"),
    [
        ({"flux(mJy)": [2.0]}, {}, 2000.0),
        ({"uJy": [2.0]}, {}, 2.0),
        ({"flux_njy": [2.0]}, {}, 0.002),
        ({"flux": [2.0]}, {"flux_unit": "Jy"}, 2e6),
        ({"flux": [2e-30]}, {"flux_unit": "W m-2 Hz-1"}, 200.0),
        ({"flux": [2.0], "zp": [25.0]}, {}, 2 * 10**-0.44),
        ({"flux": [2.0]}, {"zero_point": 23.9}, 2.0),
        ({"FLUXCAL": [2.0]}, {}, 2 * 10**-1.44),
    ],
)
def test_flux_units(columns: dict[str, Any], options: dict[str, Any], flux: float) -> None:
    assert taken({"mjd": [59000.0], "filter": ["ztfg"], **columns}, **options).flux_ujy[0] == pytest.approx(flux)


def test_a_flux_is_never_taken_for_a_magnitude() -> None:
    found = taken({"mjd": [59000.0], "filter": ["ztfg"], "flux": [58.1], "fluxerr": [2.0]}, zero_point=23.9)
    assert np.isnan(found.reported_magnitude).all()
    assert np.isnan(found.reported_magnitude_error).all()
    assert json.loads(found.reported[0])["flux"] == 58.1


@pytest.mark.parametrize("row", [{"uJy": 1e-300}, {"uJy": 1e300}, {"uJy": 1.0, "duJy": 1e100}, {"Jy_flux": 1.0}])
def test_absurd_fluxes_are_rejected(row: dict[str, float]) -> None:
    columns = {"mjd": [59000.0, 59001.0], "filter": ["ztfg"] * 2, "uJy": [1.0, row.get("uJy", 1e31)]}
    columns["duJy"] = [0.5, row.get("duJy", 0.5)]
    reading = read(columns)
    assert [(each.row, each.code) for each in reading.rejected] == [(2, "OUT_OF_RANGE")]
    assert "check the unit" in reading.rejected[0].message


def test_flux_without_unit_is_refused() -> None:
    with pytest.raises(UnreadableFile, match=r"flux column flux has no unit: give uJy, mJy, Jy or a zero point"):
        read({"mjd": [59000.0], "flux": [1.0]})


def test_limits() -> None:
    found = taken({"mjd": np.arange(4) + 59000.0, "filter": ["ztfr"] * 4, "mag": ["<20", "99.0", "", "20"],
                   "magerr": ["", "", "", "0.1"], "limiting_mag": ["", "21", "22", "23"]})  # fmt: skip
    assert np.isnan(found.flux_ujy[:3]).all()
    assert found.limit_flux_ujy.tolist() == pytest.approx([36.31, 14.45, 5.754, 2.291], rel=1e-3)
    assert np.isnan(found.limit_nsigma).all()
    assert found.flux_ujy[3] == pytest.approx(36.31, rel=1e-3)


def test_limit_sigmas() -> None:
    assert taken({"mjd": [59000.0], "filter": ["ztfr"], "diffmaglim": [20.0]}).limit_nsigma[0] == 5.0
    assert taken({"mjd": [59000.0], "filter": ["ztfr"], "maglim": [20.0]}, limit_nsigma=3).limit_nsigma[0] == 3.0


def test_a_flag_makes_a_magnitude_a_limit() -> None:
    found = taken({"mjd": [59000.0, 59001.0], "band": ["ztfr"] * 2, "mag": [20.0, 20.0], "upperlimit": ["T", "F"]})
    assert np.isnan(found.flux_ujy).tolist() == [True, False]
    assert np.isnan(found.limit_flux_ujy).tolist() == [False, True]


def test_flux_error_without_flux_is_a_three_sigma_limit() -> None:
    found = taken({"mjd": [59000.0], "filter": ["ztfr"], "uJy": [None], "duJy": [10.0]})
    assert np.isnan(found.flux_ujy[0])
    assert (found.flux_error_ujy[0], found.limit_flux_ujy[0], found.limit_nsigma[0]) == (10.0, 30.0, 3.0)


def test_sentinels_and_bad_rows() -> None:
    reading = read({"mjd": ["59000", "59001", "x", "", "118203.93", "59005"],
                    "filter": ["ztfr"] * 6, "mag": ["20", "-999", "20", "20", "20", "abc"]})  # fmt: skip
    assert reading.photometry is not None
    assert reading.photometry.row.tolist() == [1]
    assert [(row.row, row.code) for row in reading.rejected] == [
        (2, "NO_MEASUREMENT"), (3, "UNREADABLE_TIME"), (4, "MISSING_TIME"), (5, "TIME_OUT_OF_RANGE"),
        (6, "UNREADABLE_NUMBER"),
    ]  # fmt: skip
    assert reading.rejected[3].message == "row 5: time 118203.93 is year 2182"
    assert reading.rejected[4].message == 'row 6, column mag: "abc" is not a number'


def test_nothing_left() -> None:
    with pytest.raises(UnreadableFile, match=r"no row can be taken: row 1, column mjd: .*; and 2 more"):
        read({"mjd": ["x"] * 7, "mag": [1.0] * 7}, band="V")


def test_errors_that_are_none() -> None:
    reading = read(
        {"mjd": np.arange(4) + 59000.0, "filter": ["ztfr"] * 4, "mag": [20.0] * 4, "magerr": [0, -1, 1.06, 99]}
    )
    assert reading.photometry is not None
    assert np.isnan(reading.photometry.flux_error_ujy).tolist() == [True, True, False, True]
    assert {"MISSING_ERROR", "LARGE_ERROR"} <= codes(reading)


def test_no_time_column() -> None:
    with pytest.raises(UnreadableFile, match=r"f.csv: no time column. Columns found: a, mag. Expected one of mjd, jd"):
        read({"a": [1], "mag": [2]})


def test_mapping() -> None:
    columns, mapping = {"When": [59000.0], "How": [23.9]}, {"time": "When", "magnitude": "how"}
    found = taken(columns, mapping=mapping, band="ztfg", time_format="mjd")
    assert found.flux_ujy[0] == pytest.approx(1.0)
    with pytest.raises(UnreadableFile, match=r"look like JD minus 2400000 .*in column When\): say MJD or JD-2400000"):
        read(columns, mapping=mapping, band="ztfg")
    with pytest.raises(InvalidInput, match=r'no column "Nope"\. Columns found: a'):
        read({"a": [1]}, mapping={"time": "Nope"})


def test_options_are_checked() -> None:
    for wrong in (
        {"nope": 1},
        {"zero_point": "x"},
        {"time_scale": "gps"},
        {"exposure_s": 0},
        {"mapping": {"x": "y"}},
        {"forced": 1},
    ):
        with pytest.raises(InvalidInput):
            ColumnOptions.read(wrong)


@pytest.mark.parametrize(
    ("name", "value", "options", "mjd"),
    [
        ("mjd", 59000.25, {}, 59000.25),
        ("JD", 2459000.75, {}, 59000.25),
        ("time", 2459000.75, {}, 59000.25),
        ("jd", 59000.75, {"time_format": "jd-2400000"}, 59000.25),
        ("mjd", 59000.25, {"time_scale": "tai"}, 59000.25 - 37 / 86400),
        ("midpointMjdTai", 59000.25, {}, 59000.25 - 37 / 86400),
        ("mjd", 59000.25, {"time_reference": "start", "exposure_s": 60}, 59000.25 + 30 / 86400),
        ("mjd", 59000.25, {"time_reference": "end", "exposure_s": 60}, 59000.25 - 30 / 86400),
        ("date", "2020-05-31T06:00:00Z", {}, 59000.25),
        ("date", "2020-05-31T08:00:00+02:00", {}, 59000.25),
        ("obsdate", "2020-05-31 06:00:00", {}, 59000.25),
    ],
)
def test_times(name: str, value: object, options: dict[str, Any], mjd: float) -> None:
    assert taken({name: [value], "filter": ["ztfr"], "mag": [20.0]}, **options).mjd_utc[0] == pytest.approx(
        mjd, abs=1e-8
    )


def test_time_quality() -> None:
    row = {"mjd": [59000.0], "filter": ["ztfr"], "mag": [20.0]}
    assert taken(row).time_quality[0] == "assumed"
    assert taken(row, time_scale="utc", time_reference="middle").time_quality[0] == "exact"
    assert taken(row, time_scale="tai", time_reference="middle").time_quality[0] == "converted"


@pytest.mark.parametrize(("name", "kind"), [("HJD", "heliocentric"), ("BJD_TDB", "barycentric")])
def test_heliocentric_times_agree_with_astropy(name: str, kind: str) -> None:
    from astropy import units
    from astropy.coordinates import EarthLocation, SkyCoord
    from astropy.time import Time

    true = Time(59000.25, format="mjd", scale="utc")
    place = EarthLocation.from_geocentric(0, 0, 0, unit=units.m)
    delay = true.light_travel_time(SkyCoord(10, 20, unit="deg"), kind, location=place)
    scale = true.tdb if name == "BJD_TDB" else true
    reading = read({name: [(scale + delay).jd], "filter": ["ztfr"], "mag": [20.0]}, position=(10.0, 20.0))
    assert reading.photometry is not None
    assert abs(reading.photometry.mjd_utc[0] - 59000.25) * 86400 < 0.1
    assert reading.photometry.time_quality[0] == "converted"


def test_barycentric_time_without_a_position_says_so() -> None:
    reading = read({"BJD": [2459000.5], "filter": ["ztfr"], "mag": [20.0]})
    assert "TIME_NOT_CORRECTED" in codes(reading)


@pytest.mark.parametrize("name", ["jd", "hjd", ""])
def test_truncated_julian_dates_are_refused(name: str) -> None:
    column = Column(name, [47003.5684, 50357.0029])
    with pytest.raises(UnreadableFile, match=r"times look like JD minus 2400000 \(47003.57 to 50357.00.*half a day"):
        read_times(column, ColumnOptions(), np.full(2, np.nan), "f.csv")


def test_julian_dates_called_mjd_are_refused() -> None:
    with pytest.raises(UnreadableFile, match="time_format: jd"):
        read({"mjd": [2459000.5], "mag": [20.0]})


def test_repeats() -> None:
    reading = read({"mjd": [59000.0] * 3, "filter": ["ztfr"] * 3, "mag": [20.0, 20.0, 20.1]})
    assert reading.photometry is not None
    assert reading.photometry.row.tolist() == [1, 3]
    assert reading.photometry.occurrence is not None
    assert reading.photometry.occurrence.tolist() == [0, 1]
    assert {"REPEATED_ROW", "REPEATED_TIME"} <= codes(reading)


def test_far_rows_are_noted() -> None:
    columns = {
        "mjd": [59000.0, 59001.0],
        "filter": ["ztfr"] * 2,
        "mag": [20.0] * 2,
        "ra": [10.0, 10.0],
        "dec": [20.0, 20.00225],
    }
    reading = read(columns, position=(10.0, 20.0))
    assert "1 row is more than 5 arcsec from the target (max 8.1)" in [note.message for note in reading.notes]


def test_several_objects() -> None:
    columns = {"mjd": [59000.0, 59001.0], "filter": ["V"] * 2, "mag": [12.0] * 2, "Star Name": ["AM GEM", "U Sco"]}
    with pytest.raises(
        UnreadableFile, match="2 star names in column Star Name; none is a name or alias of this target: AM GEM"
    ):
        read(columns, names=("SN 1",))
    reading = read(columns, names=("u sco",))
    assert reading.photometry is not None
    assert reading.photometry.row.tolist() == [2]


def test_rows_as_json_from_a_client() -> None:
    reading = read({"mjd": [59000, "59001.5", 59002.0], "band": ["g", "r", "g"], "mag": [20, "20.5", None],
                    "source": ["ZTF"] * 3, "extra": [{"a": [1]}, None, "x\x00"]}, magnitude_system="AB")  # fmt: skip
    found = reading.photometry
    assert found is not None
    assert found.band.tolist() == ["ztfg", "ztfr"]
    assert found.source_name.tolist() == ["ZTF", "ZTF"]
    assert json.loads(found.reported[0])["extra"] == {"a": [1]}
    assert [row.row for row in reading.rejected] == [3]


def test_no_band_column() -> None:
    words = r"f.csv: no band column. Columns found: mjd, mag; name the band with option band, or the column with the"
    with pytest.raises(UnreadableFile, match=words):
        read({"mjd": [59000.0], "mag": [20.0]})
    assert taken({"mjd": [59000.0], "mag": [20.0]}, band="V").band[0] == "bessellv"


def test_a_row_without_a_band_is_rejected() -> None:
    columns = {"mjd": [59000.0, 59001.0, 59002.0], "Filter": ["V", "", None], "mag": [20.0] * 3}
    reading = read(columns)
    assert reading.photometry is not None
    assert reading.photometry.row.tolist() == [1]
    assert [(each.row, each.code, each.field) for each in reading.rejected] == [
        (2, "MISSING_BAND", "Filter"),
        (3, "MISSING_BAND", "Filter"),
    ]
    assert reading.rejected[0].message.startswith("row 2: no band in column Filter")
    assert taken(columns, band="B").band.tolist() == ["bessellv", "bessellb", "bessellb"]
    with pytest.raises(UnreadableFile, match="no row can be taken: row 1: no band in column Filter"):
        read({"mjd": [59000.0], "Filter": [""], "mag": [20.0]})


@pytest.mark.parametrize(
    ("date", "clock", "cells"),
    [
        ("date", "time", ["2020-05-31", "06:00:00"]),
        ("DATE", "UT", ["2020-05-31", "6:00"]),
        ("date", "ut_time", ["2020/05/31", "06:00:00.000"]),
        ("obs_date", "Time (UTC)", ["2020-05-31", "06:00Z"]),
    ],
)
def test_dates_with_times_of_day_beside_them(date: str, clock: str, cells: list[str]) -> None:
    for names in ((date, clock), (clock, date)):
        values = {date: [cells[0]], clock: [cells[1]]}
        reading = read({**{name: values[name] for name in names}, "filter": ["V"], "mag": [12.0]})
        assert reading.photometry is not None
        assert reading.photometry.mjd_utc[0] == pytest.approx(59000.25, abs=1e-8)
        assert f"times are the dates of column {date} with the times of day of column {clock}" in [
            note.message for note in reading.notes
        ]


def test_dates_without_their_time_of_day_are_rejected() -> None:
    columns = {"date": ["2020-05-31"] * 3, "time": ["06:00", "", "25 h"], "filter": ["V"] * 3, "mag": [12.0] * 3}
    columns = {name: [*cells, cells[0]] for name, cells in columns.items()}
    reading = read(columns)
    assert [(each.row, each.code) for each in reading.rejected] == [(2, "MISSING_TIME"), (3, "UNREADABLE_TIME")]


def test_a_column_called_time_with_other_things_beside_dates() -> None:
    columns = {"date": ["2020-05-31"], "time": [59000.25], "filter": ["V"], "mag": [12.0]}
    with pytest.raises(UnreadableFile, match=r'column time holds no times of day such as 12:34:56 \(first "59000.25"'):
        read(columns)
    assert taken(columns, mapping={"time": "time"}).mjd_utc[0] == 59000.25
    assert "TIME_OF_DAY_UNUSED" in codes(read(columns, mapping={"time": "date"}))


@pytest.mark.parametrize(
    ("columns", "options", "error"),
    [
        ({"flux (mJy)": [2.0], "flux_err (uJy)": [30.0]}, {}, 30.0),
        ({"flux (mJy)": [2.0], "fluxerr": [0.03]}, {}, 30.0),
        ({"flux_ujy": [2000.0], "flux_err_mjy": [0.03]}, {}, 30.0),
        ({"flux": Column("flux", [2.0], unit="mJy"), "e": Column("flux_err", [30.0], unit="uJy")}, {}, 30.0),
        ({"flux": [2.0], "fluxerr (uJy)": [30.0]}, {"flux_unit": "mJy"}, 30.0),
        ({"flux (mJy)": [2000.0], "fluxerr (mJy)": [30.0]}, {"flux_unit": "uJy"}, 30.0),
    ],
)
def test_units_of_flux_errors(columns: dict[str, Any], options: dict[str, Any], error: float) -> None:
    found = taken({"mjd": [59000.0], "filter": ["ztfg"], **columns}, **options)
    assert found.flux_ujy[0] == pytest.approx(2000.0)
    assert found.flux_error_ujy[0] == pytest.approx(error)


def test_flux_limits_and_forced_limits_have_their_own_units() -> None:
    columns = {"mjd": [59000.0, 59001.0], "filter": ["ztfg"] * 2, "flux (mJy)": [None, None]}
    found = taken({**columns, "fluxerr (uJy)": [10.0, None], "flux_ul (uJy)": [None, 40.0]})
    assert found.limit_flux_ujy.tolist() == pytest.approx([30.0, 40.0])


def test_a_flux_error_of_another_kind_is_not_used() -> None:
    reading = read({"mjd": [59000.0], "filter": ["ztfg"], "flux (mJy)": [2.0], "fluxerr (%)": [3.0]})
    assert reading.photometry is not None
    assert np.isnan(reading.photometry.flux_error_ujy[0])
    assert "UNCALIBRATED" in codes(reading)


@pytest.mark.parametrize(
    ("column", "error"),
    [
        (Column("magerr (mmag)", [20.0]), 0.02),
        (Column("magerr_mmag", [20.0]), 0.02),
        (Column("magerr", [20.0], unit="mmag"), 0.02),
        (Column("magerr (1 sigma)", [0.02]), 0.02),
        (Column("magerr", [0.02], unit="mag(AB)"), 0.02),
        (Column("magerr (%)", [2.0]), np.nan),
    ],
)
def test_units_of_magnitude_errors(column: Column, error: float) -> None:
    found = taken({"mjd": [59000.0], "filter": ["ztfg"], "mag": [20.0], "error": column})
    assert found.reported_magnitude_error[0] == pytest.approx(error, nan_ok=True)
    assert found.flux_error_ujy[0] == pytest.approx(photometry.flux_error(found.flux_ujy[0], error), nan_ok=True)


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("MJD (TT)", 69.184), ("MJD [TAI]", 37.0), ("MJD (TDB)", 69.184), ("mjd_tt", 69.184), ("MJD (UTC)", 0.0),
        ("time (MJD, TT)", 69.184), ("MJD UT", 0.0), ("time_tt", 69.184), ("mjd (tt, mid)", 69.184),
    ],
)  # fmt: skip
def test_time_scales_stated_in_the_header(name: str, seconds: float) -> None:
    columns = {name: [59000.25], "filter": ["ztfr"], "mag": [20.0]}
    reading = read(columns)
    assert reading.photometry is not None
    assert (59000.25 - reading.photometry.mjd_utc[0]) * 86400 == pytest.approx(seconds, abs=3e-3)
    assert "TIME_SCALE_ASSUMED" not in codes(reading)
    assert taken(columns, time_scale="utc").mjd_utc[0] == 59000.25


def test_other_statements_of_time_scales() -> None:
    for column in (Column("JD_TDB", [2459000.75]), Column("JD (TDB)", [2459000.75], unit="d")):
        reading = read({"x": column, "filter": ["ztfr"], "mag": [20.0]})
        assert reading.photometry is not None
        assert reading.photometry.mjd_utc[0] == pytest.approx(59000.25 - 69.184 / 86400, abs=5e-8)
        assert "TIME_SCALE_ASSUMED" not in codes(reading)
    mapped = {"When (TAI)": [59000.25], "filter": ["ztfr"], "mag": [20.0]}
    found = taken(mapped, mapping={"time": "When (TAI)"}, time_format="mjd")
    assert found.mjd_utc[0] == pytest.approx(59000.25 - 37 / 86400, abs=1e-8)
    exposed = {"MJD (UTC, start)": [59000.25], "filter": ["ztfr"], "mag": [20.0], "exptime": [60.0]}
    assert taken(exposed).mjd_utc[0] == pytest.approx(59000.25 + 30 / 86400, abs=1e-9)


@pytest.mark.parametrize(
    ("column", "system"),
    [
        (Column("mag (AB)", [20.0]), "AB"), (Column("mag [Vega]", [20.0]), "Vega"), (Column("mag_AB", [20.0]), "AB"),
        (Column("magVega", [20.0]), "Vega"), (Column("mag", [20.0], unit="mag(AB)"), "AB"),
        (Column("ABmag", [20.0]), "AB"), (Column("mag (ABmag)", [20.0]), "AB"),
    ],
)  # fmt: skip
def test_magnitude_systems_stated_in_the_header(column: Column, system: str) -> None:
    columns = {"mjd": [59000.0], "filter": ["H"], "x": column, "mag_ab_err": [0.1]}
    reading = read(columns)
    found = reading.photometry
    assert found is not None
    assert found.reported_system[0] == system
    assert found.reported_magnitude_error[0] == 0.1
    assert "SYSTEM_ASSUMED" not in codes(reading)
    assert taken(columns, magnitude_system="Vega").reported_system[0] == "Vega"
    assert taken({**columns, "magsys": ["AB"]}).reported_system[0] == "AB"


def test_the_system_of_magnitudes_is_not_that_of_zero_points() -> None:
    columns = {"mjd": [59000.0], "filter": ["H"], "flux": [1.0], "mag (Vega)": [22.51], "zp": [23.9]}
    assert taken(columns).flux_ujy[0] == pytest.approx(1.0)
    named = {"mjd": [59000.0], "filter": ["H"], "flux": [1.0], "zp (Vega)": [23.9]}
    assert taken(named).flux_ujy[0] == pytest.approx(10 ** (-0.4 * 1.39))


def test_flux_and_magnitude_that_disagree() -> None:
    columns = {"mjd": [59000.0, 59001.0], "filter": ["ztfr"] * 2, "mag": [20.0, 99.0]}
    reading = read({**columns, "uJy": [36.3078 * 10**-0.032, 5.0]})
    assert reading.photometry is not None
    assert reading.photometry.flux_ujy[0] == pytest.approx(36.3078 * 10**-0.032)
    words = "flux and magnitude differ by 0.08 mag in the median (1 row); the flux is used"
    assert words in [note.message for note in reading.notes if note.level == "WARNING"]
    assert "FLUX_MAGNITUDE_DIFFER" not in codes(read({**columns, "uJy": [36.3, 5.0]}))


def test_repeats_of_values_without_a_flux() -> None:
    limits = read({"jd": [2451230.1465] * 3, "band": ["Visual"] * 3, "mag": ["<12.8", "<13.7", "<12.8"]})
    assert limits.photometry is not None
    assert limits.photometry.reported_limit is not None
    assert limits.photometry.reported_limit.tolist() == [12.8, 13.7]
    assert len(set(contents(limits.photometry))) == len(set(identities(limits.photometry))) == 2
    photons = taken({"mjd": [59000.0] * 3, "flux (ct)": [5.0, 6.0, 5.0]}, band="TeV")
    assert photons.row.tolist() == [1, 2]


def test_signs_of_difference_magnitudes() -> None:
    columns = {"mjd": np.arange(6) + 59000.0, "filter": ["ztfg"] * 6, "magpsf": [23.9] * 5 + [None],
               "sigmapsf": [0.1] * 6}  # fmt: skip
    reading = read({**columns, "isdiffpos": ["t", "f", "-1", "0", "1", "f"]})
    assert reading.photometry is not None
    assert reading.photometry.flux_ujy.tolist() == pytest.approx([1.0, -1.0, -1.0, -1.0, 1.0])
    assert reading.photometry.flux_error_ujy.tolist() == pytest.approx([0.0921] * 5, abs=1e-4)
    assert reading.photometry.reported_magnitude.tolist() == [23.9] * 5
    found = [note for note in reading.notes if note.code == "NEGATIVE_DIFFERENCE"]
    assert [(note.level, note.count, note.row) for note in found] == [("INFO", 3, 2)]
    assert (taken({**columns, "isdiffpos": [False] * 6}).flux_ujy < 0).all()


def test_the_sign_belongs_to_difference_magnitudes_only() -> None:
    columns = {"mjd": [59000.0], "filter": ["ztfg"], "mag": [23.9], "isdiffpos": ["f"]}
    assert taken(columns).flux_ujy[0] == pytest.approx(1.0)
    assert taken(columns, mapping={"sign": "isdiffpos"}).flux_ujy[0] == pytest.approx(-1.0)


@pytest.mark.parametrize(
    ("column", "mjd"),
    [
        (Column("HJD-2450000", [9000.5]), 59000.0), (Column("JD (2400000+)", [59000.5]), 59000.0),
        (Column("JD-2400000.5", [59000.0]), 59000.0), (Column("RJD", [59000.5]), 59000.0),
        (Column("time", [2000.5], unit="BJD - 2457000, days"), 59000.0), (Column("HMJD", [59000.0]), 59000.0),
        (Column("time (BJD_TDB-2457000)", [2000.5]), 59000.0), (Column("t", [4167.5], unit="BJD-2454833"), 59000.0),
    ],
)  # fmt: skip
def test_days_counted_from_a_stated_day(column: Column, mjd: float) -> None:
    found = taken({"x": column, "filter": ["ztfr"], "mag": [20.0]}, mapping={"time": column.name})
    assert found.mjd_utc[0] == pytest.approx(mjd, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("time", 1325.29, r"times in column time \(1325.29 to 1325.29\) are neither MJD nor Julian dates: say"),
        ("time", 1.6e9, "are neither MJD nor Julian dates"),
        ("date", 47003.57, "look like JD minus 2400000"),
        ("HJD-2450000", 2459000.5, r"holds Julian dates \(2459000.50 to 2459000.50\), not HJD-2450000"),
    ],
)
def test_times_from_an_unknown_day_are_refused(name: str, value: float, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        read({name: [value], "filter": ["ztfr"], "mag": [20.0]})


def test_columns_named_by_hand_say_how_they_count() -> None:
    rows = {"time": [47003.57], "mag": [11.7]}
    named = ColumnOptions(columns=("time", "mag"), band="V")
    with pytest.raises(UnreadableFile, match="look like JD minus 2400000"):
        interpret_photometry(rows, named, file_name="f.csv")
    said = replace(named, time_format="jd-2400000")
    found = interpret_photometry(rows, said, file_name="f.csv").photometry
    assert found is not None
    assert found.mjd_utc[0] == 47003.07
    assert taken(rows, band="V").mjd_utc[0] == 47003.57


def test_dates_without_a_time_of_day_are_warned_of() -> None:
    dates = ["2020-05-31", "2020/05/31", "2020-05-31T06:00:00"]
    reading = read({"date": dates, "filter": list("UBV"), "mag": [20.0] * 3})
    assert [(note.level, note.count) for note in reading.notes if note.code == "DAY_PRECISION"] == [("WARNING", 2)]


def test_a_magnitude_system_is_no_unit_of_flux() -> None:
    for column in (Column("flux (AB)", [2.0]), Column("flux", [2.0], unit="AB")):
        with pytest.raises(UnreadableFile, match=r"has no unit: give uJy, mJy, Jy or a zero point"):
            read({"mjd": [59000.0], "filter": ["ztfr"], "x": column}, mapping={"flux": column.name})
    found = taken({"mjd": [59000.0], "filter": ["r"], "flux (nmgy)": [1.0]})
    assert found.flux_ujy[0] == pytest.approx(3.6308, abs=1e-4)


def test_derived_columns_are_not_what_the_file_said() -> None:
    columns = {"mjd": [59000.0], "mag": [20.0], "x": Column("band", ["ztfr"], derived=True)}
    assert json.loads(taken(columns).reported[0]) == {"mjd": 59000.0, "mag": 20.0}


def test_timestamps() -> None:
    row = {"timestamp": ["2020-05-31T06:00:00Z"], "filter": ["ztfr"], "mag": [20.0]}
    assert taken(row).mjd_utc[0] == pytest.approx(59000.25, abs=1e-8)
