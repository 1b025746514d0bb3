"""ASAS-SN's Sky Patrol."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.files import DATA, a_file, bands, notes, points, processor_of, write
from tomgql.domain import photometry

REAL = DATA / "asassn_skypatrol_14ko_first600.csv.gz"
V2 = """### ASAS-SN Sky Patrol
# comment

JD,Flux,Flux Error,Mag,Mag Error,Limit,FWHM,Filter,Quality,Camera
2457148.1143957,26.0455,0.1300,12.9204,0.0054,16.9278,1.70,V,G,ba
2457164.0441139,1.0,0.5,16.5,99.99,16.5,1.98,g,B,bb
"""
OLD = """HJD,UT Date,Camera,FWHM,Limit,mag,mag_err,flux(mJy),flux_err
2458000.47009,2017-09-03.9710173,be,1.77,15.518,14.839,0.117,4.448,0.477
2458002.51020,2017-09-06.0112978,be,2.03,14.814,>14.814,99.990,4.020,0.911
"""


def test_a_real_file() -> None:
    file = a_file(REAL)
    assert processor_of(file) == "asassn"
    found, reading = points(file)
    assert bands(found) == {"bessellv": 569}
    assert notes(reading, "NO_MEASUREMENT") == ["30 rows without measurement"]
    assert [row.code for row in reading.rejected] == ["NO_MEASUREMENT"] * 30
    assert found.row[0] == 2
    assert found.mjd_utc[0] == pytest.approx(56784.0028988, abs=1e-7), "the UT date, not the HJD beside it"
    assert (found.reported_magnitude[0], found.reported_magnitude_error[0]) == (14.795, 0.054)
    assert (found.flux_ujy[0], found.flux_error_ujy[0]) == pytest.approx((4634.0, 230.0))
    limits = np.isnan(found.reported_magnitude)
    assert int(limits.sum()) == 2
    assert found.reported_limit is not None
    assert 14.573 in found.reported_limit[limits]
    assert set(found.limit_nsigma) == {5.0}
    assert (found.telescope[0], found.instrument[0], found.source_name[0]) == ("ASAS-SN", "bf", "ASAS-SN")


def test_version_2(tmp_path: Path) -> None:
    found, reading = points(write(tmp_path, V2))
    assert bands(found) == {"bessellv": 1, "sdssg": 1}
    assert found.flux_ujy.tolist() == pytest.approx([26045.5, 1000.0])
    assert found.reported_magnitude.tolist() == pytest.approx([12.9204, np.nan], nan_ok=True)
    assert found.limit_flux_ujy[1] == pytest.approx(photometry.flux_from_magnitude(16.5))
    assert notes(reading, "FLAGGED") == ["1 row with a quality other than G; kept"]
    kept, reading = points(write(tmp_path, V2), good_only=True)
    assert len(kept) == 1
    assert notes(reading, "QUALITY_CUT") == ["1 row with a quality other than G; left out"]


def test_old_files_without_a_filter(tmp_path: Path) -> None:
    found, reading = points(write(tmp_path, OLD))
    assert bands(found) == {"bessellv": 2}
    assert notes(reading, "BAND_ASSUMED") == [
        "no filter column: all is V, as in the files of ASAS-SN's old cameras (option band)"
    ]
    assert found.reported_limit is not None
    assert found.reported_limit.tolist() == [15.518, 14.814]
    database = "hjd,camera,mag,mag_err,flux,flux_err\n2457981.84031,bc,11.221,0.02,124.549,2.292\n"
    found, _ = points(write(tmp_path, database, position=(150.0, 20.0)))
    assert found.flux_ujy[0] == pytest.approx(124549.0)
    assert set(found.time_quality) == {"converted"}
