"""Light curves of ZTF's data releases and of Gaia; the files are written from documentation, not recorded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.files import REGISTRY, bands, notes, points, processor_of, read, write
from tomgql.errors import InvalidInput, UnreadableFile

HEADER = (
    "oid,expid,hjd,mjd,mag,magerr,catflags,filtercode,ra,dec,chi,sharp,filefracday,field,ccdid,qid,limitmag,magzp,"
    "magzprms,clrcoeff,clrcounc,exptime,airmass,programid"
)
ROWS = (
    "686103400034440,45847395,2458204.0151162,58203.5109,15.2,0.011,0,zg,298.00252,29.87146,0.8,0.0,20180326510544,686,"
    "3,1,20.5,26.2,0.03,-0.05,0.00002,30.0,1.9,1",
    "686203400034441,45847396,2458205.0151162,58204.5109,14.1,0.010,0,zr,298.00251,29.87147,0.8,0.0,20180327510544,686,"
    "3,1,20.4,26.2,0.03,-0.05,0.00002,30.0,1.9,1",
    "686203400099999,45847396,2458205.0151162,58204.5109,18.3,0.090,0,zr,298.00280,29.87160,0.8,0.0,20180327510544,686,"
    "3,1,20.4,26.2,0.03,-0.05,0.00002,30.0,1.9,1",
    "686203400034441,45847397,2458206.0151162,58205.5109,14.9,0.010,32769,zr,298.00251,29.87147,0.8,0.0,20180328510544,"
    "686,3,1,20.4,26.2,0.03,-0.05,0.00002,30.0,1.9,1",
)
RELEASE = "\n".join([HEADER, *ROWS, ""])
PLACE = (298.0025, 29.87147)
SOURCE = "5937083312263887616"
ALERT = """Gaia14adi
#Date,JD(TCB),averagemag.
2014-08-16 04:52:01,2456885.70279,null
2014-10-26 13:53:21,2456957.07871,18.23
2014-10-26 15:39:55,2456957.15272,untrusted
2014-11-30 01:00:00,2456991.54167,13.10
"""
BY_TRANSIT = f"""solution_id,source_id,transit_id,g_transit_time,g_transit_flux,g_transit_flux_error,\
g_transit_flux_over_error,g_transit_mag,bp_obs_time,bp_flux,bp_flux_error,bp_flux_over_error,bp_mag,rp_obs_time,\
rp_flux,rp_flux_error,rp_flux_over_error,rp_mag,variability_flag_g_reject,variability_flag_bp_reject,\
variability_flag_rp_reject,g_other_flags,bp_other_flags,rp_other_flags,rejected_by_photometry
1,{SOURCE},101,1731.5,1000.0,2.0,500.0,18.1874,1731.5003,-5.0,10.0,-0.5,,1731.5004,800.0,8.0,100.0,17.49,false,false,\
false,1,0,0,false
1,{SOURCE},102,1731.75,,,,,1731.7503,400.0,10.0,40.0,18.8,1731.7504,800.0,8.0,100.0,17.49,false,true,false,1,0,0,false
1,{SOURCE},103,1800.5,1000.0,2.0,500.0,18.1874,1800.5003,400.0,10.0,40.0,18.8,1800.5004,800.0,8.0,100.0,17.49,false,\
false,false,1,0,0,true
"""
BY_BAND = f"""source_id,transit_id,band,time,mag,flux,flux_error,flux_over_error,rejected_by_photometry,\
rejected_by_variability,other_flags,solution_id
{SOURCE},101,G,1731.5,18.1874,1000.0,2.0,500.0,false,false,1,1
{SOURCE},101,BP,1731.5003,,-5.0,10.0,-0.5,false,false,0,1
{SOURCE},101,RP,1731.5004,17.49,800.0,8.0,100.0,false,false,0,1
{SOURCE},102,RP,1731.7504,17.49,800.0,8.0,100.0,false,false,0,1
"""


def test_a_release_keeps_the_nearest_object_of_each_filter(tmp_path: Path) -> None:
    file = write(tmp_path, RELEASE, position=PLACE)
    assert processor_of(file) == "ztf_public"
    found, reading = points(file)
    assert bands(found) == {"ztfg": 1, "ztfr": 1}
    assert (found.row.tolist(), found.external_id.tolist()) == ([1, 2], ["45847395", "45847396"])
    assert found.mjd_utc.tolist() == [58203.5109, 58204.5109]
    assert found.reported_magnitude.tolist() == [15.2, 14.1]
    assert found.reported_limit is not None
    assert (found.reported_limit.tolist(), set(found.limit_nsigma)) == ([20.5, 20.4], {5.0})
    assert not (found.forced | found.difference).any()
    assert notes(reading, "OTHER_OBJECTS") == ["1 row of other objects skipped"]
    assert notes(reading, "QUALITY_CUT") == ["1 row with catflags of mask 32768; left out"]
    assert bands(points(write(tmp_path, RELEASE))[0]) == {"ztfg": 1, "ztfr": 2}, "without a position nobody is nearer"
    assert bands(points(file, bad_catflags_mask=0)[0]) == {"ztfg": 1, "ztfr": 2}
    assert bands(points(file, bad_catflags_mask=1)[0]) == {"ztfg": 1, "ztfr": 1}


def test_an_alert_of_gaia(tmp_path: Path) -> None:
    file = write(tmp_path, ALERT)
    assert processor_of(file) == "gaia_alerts"
    found, reading = points(file)
    assert (bands(found), found.row.tolist()) == ({"gaia::g": 2}, [2, 4])
    assert found.mjd_utc[0] == pytest.approx(56956.57871 - 85.69 / 86400, abs=1e-7), "TCB"
    assert found.reported_magnitude.tolist() == [18.23, 13.1]
    assert found.reported_magnitude_error == pytest.approx([0.0302, 0.00316], rel=5e-3)
    assert notes(reading, "QUALITY_CUT") == ["1 row that Gaia calls untrusted; left out"]
    assert notes(read(write(tmp_path, "\n".join(ALERT.splitlines()[:3]))), "NO_ROWS") == ["the light curve is empty"]


@pytest.mark.parametrize("content", [BY_BAND, BY_TRANSIT], ids=["a row a band", "a row a transit"])
def test_epochs_of_gaia_in_both_forms(tmp_path: Path, content: str) -> None:
    file = write(tmp_path, content, position=(243.3, -51.5))
    assert processor_of(file) == "gaia_epochs"
    found, reading = points(file)
    order = np.argsort(found.mjd_utc)
    assert found.band[order].tolist() == ["gaia::g", "gaia::gbp", "gaia::grp", "gaia::grp"]
    assert found.external_id[order].tolist() == ["101 G", "101 BP", "101 RP", "102 RP"]
    zero_points = np.array([25.8010, 25.3540, 25.1040, 25.1040])
    expected = np.array([1000.0, -5.0, 800.0, 800.0]) * 10 ** (0.4 * (23.9 - zero_points))
    assert found.flux_ujy[order] == pytest.approx(expected, rel=1e-9)
    assert notes(reading, "TIME_CONVERTED") == ["BJD-2455197.5 converted to UTC at the Earth's centre"]


def test_epochs_of_several_sources_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="2 sources"):
        read(write(tmp_path, f"{BY_BAND}7,101,G,1731.5,18.1874,1000.0,2.0,500.0,false,false,1,1\n"))


def test_names_without_rows_are_empty_light_curves(tmp_path: Path) -> None:
    for content in (f"{HEADER}\n", f"{BY_BAND.splitlines()[0]}\n", f"{BY_TRANSIT.splitlines()[0]}\n"):
        reading = read(write(tmp_path, content))
        assert (reading.photometry, notes(reading, "NO_ROWS")) == (None, ["the light curve is empty"])


def test_other_marks_between_cells_are_not_taken_for_commas(tmp_path: Path) -> None:
    for content, name in ((RELEASE, "ztf_public"), (BY_BAND, "gaia_epochs")):
        file = write(tmp_path, content.replace(",", ";"))
        with pytest.raises(UnreadableFile, match="are missing"):
            REGISTRY.processor(name).read(file, {})


def test_unknown_options_are_refused(tmp_path: Path) -> None:
    for content in (RELEASE, ALERT, BY_BAND):
        with pytest.raises(InvalidInput, match='There is no option "radius"'):
            read(write(tmp_path, content), radius=1)
