"""Files of transients' people: SNANA, the Open Supernova Catalog, Swift's XRT, Hermes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.files import DATA, a_file, bands, notes, points, processor_of, read, write
from tomgql.domain import photometry
from tomgql.errors import UnreadableFile

SNANA = """SURVEY: SDSS
SNID: {first}
IAUC: {iauc}
VARLIST: MJD FLT FLUXCAL FLUXCALERR MAG
OBS: 56534.25 g 27.5 -9 23.9
SPEC: 1 400 1.0 # nm
{more}END:
"""


def test_snana() -> None:
    file = a_file(DATA / "snana_ascii_example.dat", names=("SN 5407x",))
    assert processor_of(file) == "snana"
    found, reading = points(file)
    assert bands(found) == {"g": 1, "r": 1, "i": 1, "z": 1}
    assert found.mjd_utc.tolist() == [56534.185, 56534.188, 56534.190, 56534.192]
    assert found.flux_ujy == pytest.approx(np.array([5.8777, 6.0339, -0.74055, 2.6296]) * 10**-1.44)
    assert found.flux_error_ujy[0] == pytest.approx(3.71 * 10**-1.44)
    assert np.isnan(found.reported_magnitude).all()
    assert (found.telescope[0], found.source_name[0]) == ("DES", "DES")
    assert notes(reading, "OTHER_NAME") == ['column SNID says "5407", which is no name or alias of this target']


def test_snana_names_sentinels_and_spectra(tmp_path: Path) -> None:
    text = SNANA.format(first="12", iauc="2006ab", more="")
    found, reading = points(write(tmp_path, text, names=("2006ab",)))
    assert bands(found) == {"sdssg": 1}
    assert np.isnan(found.flux_error_ujy[0])
    assert notes(reading, "SPECTRA_SKIPPED") == ["1 row of spectra not read"]
    two = SNANA.format(first="12", iauc="NULL", more="SNID: 13\nOBS: 56535.25 g 27.5 1 23.9\n")
    found, _ = points(write(tmp_path, two, names=("13",)))
    assert found.mjd_utc.tolist() == [56535.25]
    with pytest.raises(UnreadableFile, match=r"2 star names in column SNID; none is a name .* of this target: 12, 13"):
        read(write(tmp_path, two, names=("14",)))
    with pytest.raises(UnreadableFile, match="there are no OBS: lines below a VARLIST: line"):
        read(write(tmp_path, "SNID: 1\nVARLIST: MJD FLT\n"))


def test_open_supernova_catalog() -> None:
    file = a_file(DATA / "osc_photometry_SN2011kl.csv", names=("SN 2011kl",))
    assert processor_of(file) == "osc"
    found, _ = points(file)
    assert len(found) == 123
    assert (found.mjd_utc.min(), found.mjd_utc.max()) == pytest.approx((54357.753, 54636.989), abs=1e-3)
    assert set(found.band) == {"sdssg", "sdssr", "sdssi", "sdssz", "2massj", "2massh", "2massks"}
    assert (found.reported_magnitude[0], found.reported_magnitude_error[0]) == (18.31, 0.12)
    assert set(found.source_name) == {"Open Supernova Catalog"}


def test_open_supernova_catalog_as_json(tmp_path: Path) -> None:
    entries = [
        {"time": "56677.5", "u_time": "MJD", "band": "V", "magnitude": "11.4", "e_magnitude": "0.1", "source": "1,2"},
        {"time": ["56678.0", "56679.0"], "u_time": "MJD", "band": "V", "magnitude": "19", "upperlimit": True},
        {"time": "56678.5", "u_time": "MJD", "countrate": "0.1"},
    ]
    file = write(tmp_path, json.dumps({"SN2014J": {"name": "SN2014J", "photometry": entries}}), names=("SN 2014J",))
    assert processor_of(file) == "osc"
    found, reading = points(file)
    assert found.mjd_utc.tolist() == [56677.5, 56678.5]
    assert (found.reported_limit is not None) and found.reported_limit[1] == 19.0
    assert [row.row for row in reading.rejected] == [3]


def test_xrt_is_no_optical_photometry() -> None:
    file = a_file(DATA / "swift_xrt_qdp_GRB070809.txt")
    assert processor_of(file) == "qdp"
    reading = read(file)
    found = reading.generic
    assert reading.photometry is None
    assert found is not None
    assert (found.data_type, len(found), found.instrument[0]) == ("x_ray_light_curve", 17, "XRT PC data")
    trigger = 54321 + (19 * 3600 + 22 * 60 + 17.376) / 86400
    assert found.mjd_utc[0] == pytest.approx(trigger + 126.691 / 86400, abs=1e-8)
    value = json.loads(found.reported[0])
    assert (value["value"], value["error_plus"], value["error_minus"]) == (
        1.668627256e-11, 3.766123282e-12, -3.766123282e-12,
    )  # fmt: skip
    assert (value["time_plus"], value["time_minus"], value["unit"]) == (99.17, -46.253, None)
    assert notes(reading, "NOT_PHOTOMETRY") == [
        "Flux of X-rays (unit not said); kept as x_ray_light_curve, not as photometry"
    ]


def test_xrt_flux_densities_and_triggers(tmp_path: Path) -> None:
    text = "! Flux density at 10 keV (Jy)\nREAD TERR 1 2\n!Time T_+ve T_-ve  Flux  Fluxpos  Fluxneg\n"
    text += "100.0 10 -10 1e-5 1e-6 -3e-6\nNO NO NO NO NO NO\n! PC upper limit\n200 1 -1 2e-6 0 0\n"
    with pytest.raises(UnreadableFile, match="no comment says when it was: say it with option trigger_time"):
        read(write(tmp_path, text))
    found, _ = points(write(tmp_path, text), trigger_time="2020-05-31T00:00:00")
    assert bands(found) == {"10 keV": 2}
    assert (found.flux_ujy[0], found.flux_error_ujy[0]) == pytest.approx((10.0, 2.0))
    assert found.mjd_utc[0] == pytest.approx(59000 + 100 / 86400)
    rates = "READ TERR 1\nREAD SERR 2\n!MJD  T+  T-  Rate  Error\n59000.5 0.1 -0.1 0.25 0.01\n"
    reading = read(write(tmp_path, rates))
    assert reading.generic is not None
    assert json.loads(reading.generic.reported[0])["unit"] == "count / s"
    with pytest.raises(UnreadableFile, match=r'f\.dat: line 4 is no row of numbers: "59000\.5 x'):
        read(write(tmp_path, rates.replace("0.1 -0.1", "x y")))


def test_hermes() -> None:
    path = DATA / "hermes_message_GRB230409B.json"
    file = a_file(path, names=("GRB 230409B",), position=(329.5158, 52.8321))
    assert processor_of(file) == "hermes"
    found, reading = points(file)
    assert bands(found) == {f"uvot::{name}": 1 for name in ("white", "v", "b", "u", "uvw1", "uvm2", "uvw2")}
    assert (found.reported_magnitude[0], found.reported_magnitude_error[0], found.exposure_s[0]) == (19.35, 0.2, 147.0)
    assert found.limit_flux_ujy[1] == pytest.approx(photometry.flux_from_magnitude(18.1))
    assert np.isnan(found.flux_ujy[1:]).all()
    assert {note.code for note in reading.notes} == {"DAY_PRECISION", "TIME_SCALE_ASSUMED", "TIME_SINCE_EVENT"}
    found, reading = points(file, trigger_time="2023-04-09T12:00:00")
    assert found.mjd_utc[0] == pytest.approx(60043.5 + 461 / 86400, abs=1e-9)
    assert set(found.time_quality) == {"exact"}
    assert reading.notes == []


def test_hermes_units_and_targets(tmp_path: Path) -> None:
    rows = [
        {"target_name": "A", "date_obs": "2023-04-09T12:00:00Z", "bandpass": "g", "brightness": 0.5,
         "brightness_error": "0.1", "brightness_unit": "mJy", "telescope": "LT"},
        {"target_name": "B", "date_obs": "2023-04-10T12:00:00Z", "bandpass": "V", "brightness": "18",
         "brightness_unit": "Vega mag"},
    ]  # fmt: skip
    message = {"topic": "t", "submitter": "me", "data": {"photometry": rows, "spectroscopy": [{}], "targets": None}}
    found, reading = points(write(tmp_path, json.dumps(message), names=("A",)))
    assert (found.flux_ujy.tolist(), found.flux_error_ujy.tolist()) == ([500.0], [100.0])
    assert notes(reading, "OTHER_DATA_SKIPPED") == ["1 entries of spectroscopy not read"]
    found, _ = points(write(tmp_path, json.dumps(message), names=("B",)))
    assert (found.reported_system[0], found.band[0]) == ("Vega", "bessellv")
    with pytest.raises(UnreadableFile, match="2 star names in column target_name"):
        read(write(tmp_path, json.dumps(message), names=("C",)))
    with pytest.raises(UnreadableFile, match=r"the message has no photometry \(data\.photometry\)"):
        read(write(tmp_path, json.dumps(message | {"data": {"text": "hello"}})))
