"""FITS light curves, made here after the documentation of Kepler and TESS."""

from __future__ import annotations

import gzip
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from tests.support.files import bands, notes, points, processor_of, read, write
from tomgql.domain.time import tdb_to_utc
from tomgql.errors import UnreadableFile

KEPLER = {"BJDREFI": 2454833, "BJDREFF": 0.0, "TIMEUNIT": "d", "TIMESYS": "TDB", "TELESCOP": "Kepler",
          "INT_TIME": 6.0, "NUM_FRM": 270, "OBJECT": "KIC 8462852"}  # fmt: skip
TESS = KEPLER | {"BJDREFI": 2457000, "TELESCOP": "TESS", "INT_TIME": 1.98, "NUM_FRM": 60, "OBJECT": "TIC 1234"}


def a_fits(columns: list[tuple[str, str, str | None, Any]], header: dict[str, Any], name: str = "LIGHTCURVE") -> bytes:
    made = [fits.Column(name=key, format=form, unit=unit, array=cells) for key, form, unit, cells in columns]
    table = fits.BinTableHDU.from_columns(made, name=name)
    for key, value in header.items():
        table.header[key] = value
    primary = fits.PrimaryHDU()
    primary.header["RA_OBJ"], primary.header["DEC_OBJ"] = 150.0, 20.0
    stream = BytesIO()
    fits.HDUList([primary, table]).writeto(stream)
    return stream.getvalue()


def a_light_curve(header: dict[str, Any]) -> bytes:
    time = [1325.25, 1325.5, np.nan, 1326.0, 1326.25]
    flux = np.array([1000.0, 1001.0, np.nan, np.nan, 999.0])
    unit = f"BJD - {header['BJDREFI']}, days"
    return a_fits([
        ("TIME", "D", unit, time), ("CADENCENO", "J", None, np.arange(5)), ("SAP_FLUX", "E", "e-/s", flux + 5),
        ("SAP_FLUX_ERR", "E", "e-/s", np.ones(5)), ("PDCSAP_FLUX", "E", "e-/s", flux),
        ("PDCSAP_FLUX_ERR", "E", "e-/s", np.ones(5)), ("QUALITY", "J", None, [0, 128, 0, 0, 0]),
        ("POS", "2E", "pixel", np.zeros((5, 2))),
    ], header)  # fmt: skip


@pytest.mark.parametrize(
    ("header", "band", "exposure"), [(TESS, "tess", 118.8), (KEPLER, "kepler", 1620.0)], ids=["TESS", "Kepler"]
)
def test_kepler_and_tess(tmp_path: Path, header: dict[str, Any], band: str, exposure: float) -> None:
    content = a_light_curve(header)
    for form in (content, gzip.compress(content, mtime=0)):
        file = write(tmp_path, form)
        assert processor_of(file) == "fits_table"
        found, reading = points(file)
        assert bands(found) == {band: 3}
        assert found.mjd_utc[0] == pytest.approx(float(tdb_to_utc(header["BJDREFI"] + 1325.25 - 2400000.5)), abs=1e-8)
        assert np.isnan(found.flux_ujy).all(), "electrons a second have no zero point"
        assert set(found.reported_system) == {"e-/s"}
        assert json.loads(found.reported[0])["PDCSAP_FLUX"] == 1000.0
        assert found.exposure_s[0] == pytest.approx(exposure)
        assert [row.code for row in reading.rejected] == ["MISSING_TIME", "NO_MEASUREMENT"]
        assert notes(reading, "FLAGGED") == ["1 row with QUALITY not 0; kept"]
        assert "UNCALIBRATED" in {note.code for note in reading.notes}


def test_light_curves_know_their_object(tmp_path: Path) -> None:
    ours = write(tmp_path, a_light_curve(TESS), names=("TIC 1234",), position=(150.0, 20.0))
    found, reading = points(ours)
    assert not notes(reading, "OTHER_NAME") + notes(reading, "FAR_FROM_TARGET")
    assert set(found.time_quality) == {"converted"}
    other = write(tmp_path, a_light_curve(TESS), names=("TIC 99",), position=(150.1, 20.0))
    reading = read(other)
    assert notes(reading, "OTHER_NAME") and notes(reading, "FAR_FROM_TARGET")


def test_options_of_light_curves(tmp_path: Path) -> None:
    found, reading = points(write(tmp_path, a_light_curve(TESS)), mapping={"flux": "SAP_FLUX"}, quality_mask=128)
    assert found.row.tolist() == [1, 5]
    assert notes(reading, "QUALITY_CUT") == ["1 row with bits 128 of QUALITY; left out"]


def test_any_other_table_of_photometry(tmp_path: Path) -> None:
    content = a_fits(
        [("MJD", "D", "d", [59000.25]), ("MAG", "E", "mag", [20.0]), ("MAG_ERR", "E", "mag", [0.1]),
         ("FILTER", "8A", None, ["ztfg"])], {}, name="PHOTOMETRY",
    )  # fmt: skip
    file = write(tmp_path, content)
    assert processor_of(file) == "fits_table"
    found, _ = points(file)
    assert (found.mjd_utc[0], found.band[0]) == (59000.25, "ztfg")
    assert found.flux_ujy[0] == pytest.approx(36.3078, rel=1e-4)


def test_seconds_from_a_reference_day(tmp_path: Path) -> None:
    header = {"MJDREFI": 51910, "MJDREFF": 7.4e-4, "TIMESYS": "UTC", "TIMEUNIT": "s", "TIMEZERO": 43200.0}
    content = a_fits([("TIME", "D", "s", [43200.0]), ("RATE", "E", "count/s", [3.0])], header, name="RATE")
    found, _ = points(write(tmp_path, content), band="0.3-10 keV")
    assert found.mjd_utc[0] == pytest.approx(51911.00074, abs=1e-8)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (a_light_curve(TESS)[:-2700], "the FITS file is damaged or cut off"),
        (a_fits([("WAVE", "D", "nm", [400.0]), ("FLUX", "D", "Jy", [1.0])], {}),
         r"no table with times and a brightness. Tables found: extension 1: WAVE, FLUX"),
        (a_fits([("MJD", "D", None, [59000.0, -777.0]), ("FLUXCAL", "E", None, [1.0, 0.0])], {}),
         "1 light curves of SNANA without names, which are in its HEAD file"),
    ],
)  # fmt: skip
def test_bad_tables(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        read(write(tmp_path, content))
