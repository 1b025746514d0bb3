"""AAVSO: extended and visual reports, downloads with and without a line of names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.files import DATA, a_file, bands, notes, points, processor_of, read, write
from tomgql.domain.identity import identities
from tomgql.errors import UnreadableFile

REPORT = DATA / "aavso_extended_report_20170504.txt"
HEAD = "#TYPE=Extended\n#OBSCODE=XYZ\n#SOFTWARE=x\n#DELIM={}\n#DATE={}\n#OBSTYPE=CCD\n"


def test_a_report_of_many_stars_lists_them() -> None:
    file = a_file(REPORT, names=("SN 2011fe",))
    assert processor_of(file) == "aavso"
    with pytest.raises(UnreadableFile) as caught:
        read(file)
    assert caught.value.message == (
        "aavso_extended_report_20170504.txt: 34 star names in column NAME; none is a name or alias of this target: "
        "AM GEM, ASAS J175619+1121.8, ASAS J175648+1103.5, AU GEM, BC GEM, ..."
    )


def test_a_report_gives_the_rows_of_the_target() -> None:
    found, reading = points(a_file(REPORT, names=("V1023 Her",)))
    assert bands(found) == {"bessellv": 90, "besselli": 8}
    assert reading.format_name == "AAVSO extended report"
    assert notes(reading, "OTHER_OBJECTS") == ["128 rows of other objects skipped"]
    assert set(found.source_name) == {"AAVSO DERA"}
    gem, _ = points(a_file(REPORT, names=("AM Gem",)))
    assert gem.mjd_utc.tolist() == pytest.approx([57878.15819, 57878.16171], abs=1e-7)
    assert gem.reported_magnitude.tolist() == [13.914, 8.158], "magnitudes padded with a blank"
    assert gem.reported_magnitude_error.tolist() == [0.05, 0.023]
    assert set(gem.reported_system) == {"Vega"}


@pytest.mark.parametrize(("said", "mark"), [("comma", ","), ("tab", "\t"), ("|", "|"), ("59", ";"), ("!", "!")])
def test_delimiters_of_reports(tmp_path: Path, said: str, mark: str) -> None:
    cells = ["U Sco", "2457878.5", "<13.9", "na", "V", "NO", "STD", "na", "na", "na", "na", "na", "na", "na", "a", "b"]
    found, _ = points(write(tmp_path, HEAD.format(said, "JD") + mark.join(cells) + "\n", names=("U Sco",)))
    assert np.isnan(found.flux_ujy).all()
    assert (found.reported_limit is not None) and found.reported_limit.tolist() == [13.9]
    assert np.isnan(found.limit_nsigma).all(), "AAVSO does not say at how many sigma"


def test_differential_magnitudes_stay_uncalibrated(tmp_path: Path) -> None:
    rest = "c,12,na,na,na,na,na,na\n"
    rows = f"X,2457878.5,0.25,0.01,V,NO,DIF,{rest}X,2457879.5,12.1,0.01,V,NO,STD,{rest}"
    found, reading = points(write(tmp_path, HEAD.format(",", "JD") + rows))
    assert np.isnan(found.flux_ujy).tolist() == [True, False]
    assert found.reported_system.tolist() == ["differential", "Vega"]
    assert "UNCALIBRATED" in {note.code for note in reading.notes}


def test_dates_of_reports(tmp_path: Path) -> None:
    row = "X,{},12.1,0.01,V,NO,STD,na,na,na,na,na,na,na,na\n"
    text = HEAD.format(",", "EXCEL") + row.format("5/31/2020 6:00 PM") + row.format("43982.25")
    assert points(write(tmp_path, text))[0].mjd_utc.tolist() == pytest.approx([59000.75, 59000.25])
    heliocentric = write(tmp_path, HEAD.format(",", "HJD") + row.format("2459000.75"), position=(150.0, 20.0))
    found, reading = points(heliocentric)
    assert abs(found.mjd_utc[0] - 59000.25) < 0.006
    assert found.mjd_utc[0] != 59000.25
    assert notes(reading, "TIME_CONVERTED") == ["HJD converted to UTC at the Earth's centre"]
    with pytest.raises(UnreadableFile, match="#DATE says STARDATE; say JD, HJD or EXCEL"):
        read(write(tmp_path, HEAD.format(",", "stardate") + row.format("2459000.75")))


def test_visual_reports_and_parameters_within_the_data(tmp_path: Path) -> None:
    rows = "SS CYG,2454702.1234,<11.1,na,110,113,070613,Partly cloudy\n#OBSCODE=TST02\n"
    rows += "SS CYG,2454703.1,10.9,na,110,na,070613,\n"
    found, reading = points(write(tmp_path, "#TYPE=Visual\n#OBSCODE=TST01\n#DELIM=,\n#DATE=JD\n" + rows))
    assert bands(found) == {"Vis.": 2}
    assert found.source_name.tolist() == ["AAVSO TST01", "AAVSO TST02"]
    assert reading.format_name == "AAVSO visual report"


def test_a_download_without_names_of_columns() -> None:
    file = a_file(DATA / "aavso_download_u_sco.csv", names=("U Sco",))
    assert processor_of(file) == "aavso"
    found, _ = points(file)
    assert len(found) == 157
    assert (found.mjd_utc.min(), found.mjd_utc.max()) == pytest.approx((51229.6465, 51278.8368))
    assert found.reported_limit is not None
    assert int(np.count_nonzero(~np.isnan(found.reported_limit))) == 49
    assert found.reported_limit[0] == 12.8
    assert np.isnan(found.flux_ujy).all(), "visual magnitudes have no zero point"
    assert np.isnan(found.reported_magnitude_error).all()
    assert len(set(identities(found))) == 157, "two observers may see the same at once"


def test_a_download_with_names_of_columns() -> None:
    found, reading = points(a_file(DATA / "aavso_download_header_j1816_first301.txt.gz"))
    assert bands(found) == {"besselli": 104, "bessellv": 74, "bessellb": 70, "bessellr": 35, "CV": 16, "Vis.": 1}
    assert (found.mjd_utc.min(), found.mjd_utc.max()) == pytest.approx((59020.09887, 59046.24699))
    assert (found.reported_magnitude[0], found.reported_magnitude_error[0]) == (12.994, 0.013)
    assert notes(reading, "REPEATED_TIME") == ["an earlier time and band with another value: 2 rows kept"]
    assert found.source_name[0] == "AAVSO VMT"


def test_an_empty_report_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="there are no observations below the parameters"):
        read(write(tmp_path, HEAD.format(",", "JD")))
