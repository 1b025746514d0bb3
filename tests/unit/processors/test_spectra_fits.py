"""Spectra in FITS files: one real file, and files made here in the layouts of the others."""

from __future__ import annotations

import gzip
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from tests.support.files import DATA, a_file, notes, processor_of, read, write
from tomgql.domain.spectra import Spectrum
from tomgql.errors import UnreadableFile
from tomgql.plugins.contracts import SourceFile

WHEN = "2020-01-01T12:00:00Z"
START = {"DATE-OBS": "2020-01-01T12:00:00", "EXPTIME": 864.0, "TIMESYS": "UTC"}
MIDDLE = 58849.505
FLUX = np.array([4.0, -1.0, 2.5, 3.0])


def packed(*parts: Any) -> bytes:
    stream = BytesIO()
    fits.HDUList(list(parts)).writeto(stream)
    return stream.getvalue()


def an_image(data: Any, **header: Any) -> bytes:
    part = fits.PrimaryHDU(np.asarray(data, dtype=np.float32))
    for name, value in {**START, **{name.replace("_", "-"): value for name, value in header.items()}}.items():
        part.header[name.replace("CD1-1", "CD1_1").replace("WAT1-001", "WAT1_001").replace("WAT2-00", "WAT2_00")] = (
            value
        )
    return packed(part)


def a_table(columns: list[tuple[str, str, str | None, Any]], primary: dict[str, Any], **header: Any) -> bytes:
    made = [fits.Column(name=key, format=form, unit=unit, array=cells) for key, form, unit, cells in columns]
    table, first = fits.BinTableHDU.from_columns(made), fits.PrimaryHDU()
    for part, values in ((first, primary), (table, header)):
        for name, value in values.items():
            part.header[name] = value
    return packed(first, table)


def one(file: SourceFile, **options: Any) -> Spectrum:
    (found,) = read(file, **options).spectra
    return found


def check(file: SourceFile, wavelengths: Any, **options: Any) -> Spectrum:
    """The spectrum of a file that is told apart by its content alone."""
    for kind in ("photometry", "spectroscopy", "fits_file"):
        assert processor_of(SourceFile(**{**vars(file), "data_product_type": kind})) == "spectra_fits"
    found = one(file, **options)
    assert found.wavelength_angstrom == pytest.approx(wavelengths, rel=1e-7)
    return found


def test_separate_extensions() -> None:
    file = a_file(DATA / "spec_multiext_flux_error_wave.fits.gz", name="f.dat")
    with pytest.raises(UnreadableFile, match="the header says no time of the observation"):
        read(file)
    with pytest.raises(UnreadableFile, match=r"1721\.13 to 1749\.91 have no unit and may be Angstrom or nm"):
        read(file, time=WHEN)
    assert processor_of(file) == "spectra_fits"
    found = one(file, time=WHEN, wavelength_unit="Angstrom")
    assert (len(found), found.flux_unit, found.mjd_utc) == (181, "unknown", 58849.5)
    assert found.wavelength_angstrom[[0, -1]] == pytest.approx([1721.131, 1749.906], abs=1e-3)
    assert found.flux_values[0] == pytest.approx(4.0849e-16, rel=1e-4)
    assert found.flux_error_values is not None
    assert len(found.flux_error_values) == 181


def test_a_linear_axis(tmp_path: Path) -> None:
    content = an_image(FLUX, CTYPE1="LINEAR", CRVAL1=5000.0, CRPIX1=2.0, CD1_1=1.5, CUNIT1="Angstrom",
                       BUNIT="erg/cm2/s/A", TELESCOP="NTT", INSTRUME="EFOSC", OBJECT="SN 2020x",
                       AIRORVAC="air")  # fmt: skip
    for form in (content, gzip.compress(content)):
        found = check(write(tmp_path, form), [4998.5, 5000.0, 5001.5, 5003.0])
        assert found.flux_values.tolist() == FLUX.tolist()
        assert (found.mjd_utc, found.exposure_s) == (pytest.approx(MIDDLE, abs=1e-9), 864.0)
        assert (found.time_quality, found.medium, found.flux_unit) == ("converted", "AIR", "erg / (Angstrom s cm2)")
        assert (found.telescope, found.instrument) == ("NTT", "EFOSC")
        assert json.loads(found.reported)["OBJECT"] == "SN 2020x"


def test_a_log_axis_that_calls_itself_linear(tmp_path: Path) -> None:
    content = an_image(FLUX, CTYPE1="LINEAR", CRVAL1=3.58109715864, CD1_1=2.172975688579e-05, DC_FLAG=1, CRPIX1=1.0,
                       WAT1_001="wtype=linear label=Wavelength units=Angstroms", MJD_OBS=2965661.58)  # fmt: skip
    file = write(tmp_path, content)
    check(file, 10 ** (3.58109715864 + 2.172975688579e-05 * np.arange(4)))
    assert notes(read(file), "TIME_DISTRUSTED") == ["MJD-OBS = 2965661.58 cannot be right; not used"]


@pytest.mark.parametrize(
    ("header", "wavelengths", "medium"),
    [
        ({"CTYPE1": "WAVE", "CUNIT1": "nm", "CRVAL1": 500.0, "CDELT1": 1.0}, [5000, 5010, 5020, 5030], "VACUUM"),
        ({"CTYPE1": "AWAV", "CUNIT1": "m", "CRVAL1": 5e-7, "CDELT1": 1e-9}, [5000, 5010, 5020, 5030], "AIR"),
        ({"CTYPE1": "WAVE-LOG", "CUNIT1": "Angstrom", "CRVAL1": 5000.0, "CDELT1": 10.0},
         5000 * np.exp(np.arange(4) * 10 / 5000), "VACUUM"),
        ({"CTYPE1": "LINEAR", "COEFF0": 3.7, "COEFF1": 1e-4, "CUNIT1": "Angstrom"}, 10 ** (3.7 + 1e-4 * np.arange(4)),
         "UNKNOWN"),
        ({"CTYPE1": "LAMBDA", "CRVAL1": 5030.0, "CDELT1": -10.0}, [5000, 5010, 5020, 5030], "UNKNOWN"),
    ],
    ids=["WAVE", "AWAV", "WAVE-LOG", "COEFF", "descending"],
)  # fmt: skip
def test_axes(tmp_path: Path, header: dict[str, Any], wavelengths: Any, medium: str) -> None:
    assert check(write(tmp_path, an_image(FLUX, **header)), wavelengths).medium == medium


def test_bands_of_iraf(tmp_path: Path) -> None:
    bands = np.stack([[FLUX * 2], [FLUX], [FLUX / 10], [np.abs(FLUX) / 5]])
    content = an_image(
        bands, CTYPE1="LINEAR", CRVAL1=3155.25331473351, CRPIX1=-25.0, CD1_1=1.73825705051422, CUNIT1="deg", DC_FLAG=0,
        WAT1_001="wtype=linear label=Wavelength units=angstroms", BUNIT="erg/cm2/s/A",
        BANDID1="raw - background fit, weights none, clean no",
        BANDID2="spectrum - background fit, weights variance, clean yes", BANDID3="background - background fit",
        BANDID4="sigma - background fit, weights variance, clean yes", APNUM1="1 1 53.53 63.53",
    )  # fmt: skip
    file = write(tmp_path, content)
    found = check(file, 3155.25331473351 + (np.arange(1, 5) + 25) * 1.73825705051422)
    assert found.wavelength_angstrom[0] == pytest.approx(3200.448, abs=1e-3)
    assert found.flux_values.tolist() == FLUX.tolist()
    assert found.flux_error_values == pytest.approx(np.abs(FLUX) / 5)
    assert notes(read(file), "UNITS_DISAGREE") == ["CUNIT1 says deg, WAT1_001 says angstroms; the latter is believed"]


def test_rows_named_by_arrays(tmp_path: Path) -> None:
    content = an_image([np.abs(FLUX) / 5, FLUX, FLUX * 0], CTYPE1="LINEAR", CRVAL1=3.7, CD1_1=1e-4, DC_FLAG=1,
                       ARRAY1="Normalized error spectrum", ARRAY2="Normalized flux spectrum",
                       ARRAY3="Status")  # fmt: skip
    found = check(write(tmp_path, content), 10 ** (3.7 + 1e-4 * np.arange(4)))
    assert found.flux_values.tolist() == FLUX.tolist()
    assert found.flux_error_values == pytest.approx(np.abs(FLUX) / 5)


def test_apertures_are_all_taken_or_the_chosen_one(tmp_path: Path) -> None:
    spec = 'wtype=multispec spec1 = "1 1 0 5000. 2. 4 0. 10. 20." spec2 = "2 2 1 3.7 0.0001 4 0. 30. 40."'
    header = {"WAT2_001": spec[:68], "WAT2_002": spec[68:], "CTYPE1": "MULTISPE", "CTYPE2": "MULTISPE",
              "APNUM1": "1 1", "APNUM2": "2 2"}  # fmt: skip
    file = write(tmp_path, an_image([FLUX, FLUX * 2], **header))
    reading = read(file, wavelength_unit="Angstrom")
    assert [each.wavelength_angstrom[1] for each in reading.spectra] == pytest.approx([5002.0, 10**3.7001])
    assert notes(reading, "SEVERAL_SPECTRA") == ["the file holds 2 spectra; all are taken (option spectrum)"]
    assert one(file, wavelength_unit="Angstrom", spectrum=2).flux_values.tolist() == (FLUX * 2).tolist()
    with pytest.raises(UnreadableFile, match="there is no spectrum 3; the file holds 2"):
        read(file, spectrum=3)
    crooked = write(tmp_path, an_image([FLUX], **{**header, "WAT2_001": spec[:68].replace("1 1 0", "1 1 2")}))
    with pytest.raises(UnreadableFile, match="aperture 1 has a non-linear dispersion function"):
        read(crooked)


def test_tables_of_sdss(tmp_path: Path) -> None:
    log, ivar = 3.58 + 1e-4 * np.arange(4), np.array([4.0, 0.0, 0.25, 1.0])
    columns = [("flux", "E", None, FLUX), ("loglam", "D", None, log), ("ivar", "E", None, ivar)]
    primary = {"MJD": 51602, "TIMESYS": "tai", "EXPTIME": 3600.0, "VACUUM": True, "TELESCOP": "SDSS 2.5-M",
               "BUNIT": "1E-17 erg/cm^2/s/Ang", "COEFF0": 3.58, "COEFF1": 1e-4}  # fmt: skip
    file = write(tmp_path, a_table(columns, primary, EXTNAME="COADD"))
    found = check(file, 10**log)
    assert (found.flux_unit, found.medium, found.mjd_utc) == ("1e-17 erg / (Angstrom s cm2)", "VACUUM", 51602.0)
    assert found.flux_error_values is not None
    assert np.nan_to_num(found.flux_error_values, nan=-1).tolist() == [0.5, -1.0, 2.0, 1.0]
    assert notes(read(file), "DAY_PRECISION") == ["MJD gives a day without a time; taken as its midnight"]


def test_vectors_of_eso(tmp_path: Path) -> None:
    unit = "erg s**(-1) cm**(-2) nm**(-1)"
    columns = [("WAVE", "4E", "nm", [[981.75, 982.0, 982.25, 982.5]]), ("FLUX", "4E", unit, [FLUX]),
               ("ERR_FLUX", "4E", unit, [np.array([0.0, -1.0, 2.0, 3.0])]),
               ("CONTINUUM", "4E", unit, [FLUX])]  # fmt: skip
    primary = {"MJD-OBS": 56215.01080095, "MJD-END": 56215.05353925, "EXPTIME": 3600.0, "SPECSYS": "HELIOCEN",
               "TELESCOP": "ESO-VLT-U2", "INSTRUME": "XSHOOTER",
               "ARCFILE": "ADP.2016-07-15T08:22:40.678.fits"}  # fmt: skip
    header = {"VOCLASS": "SPECTRUM V2.0", "TMID": 56215.03217009833}
    file = write(tmp_path, gzip.compress(a_table(columns, primary, **header)))
    found = check(file, [9817.5, 9820.0, 9822.5, 9825.0])
    assert (found.mjd_utc, found.exposure_s) == (56215.03217009833, 3600.0)
    assert (found.flux_unit, found.external_id) == ("erg / (nm s cm2)", "ADP.2016-07-15T08:22:40.678.fits")
    assert found.flux_error_values is not None
    assert np.nan_to_num(found.flux_error_values, nan=-1).tolist() == [-1.0, -1.0, 2.0, 3.0]
    assert notes(read(file), "INVALID_ERROR") == ["1 negative or infinite errors; stored as missing"]


def test_a_table_of_several_spectra(tmp_path: Path) -> None:
    wave = np.array([5000.0, 5001.0, 5002.0, 5003.0])
    columns = [("wave", "4D", "Angstrom", np.tile(wave, (51, 1))), ("flux", "4D", "Jy", np.tile(FLUX, (51, 1)))]
    with pytest.raises(UnreadableFile, match="more than 50 spectra; name the one of this target with option spectrum"):
        read(write(tmp_path, a_table(columns, START)))
    assert one(write(tmp_path, a_table(columns, START)), spectrum=51).row == 51


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (an_image(FLUX, CTYPE1="FREQ", CRVAL1=1e14, CDELT1=1e9), "the axis is a frequency (CTYPE1 FREQ)"),
        (an_image(FLUX, CTYPE1="VELO-LSR", CRVAL1=1e3, CDELT1=1e2, DC_FLAG=0), "the axis is a velocity"),
        (an_image(FLUX, CTYPE1="WAVE-GRI", CRVAL1=5000.0, CDELT1=1.0), "the axis is not linear (CTYPE1 WAVE-GRI)"),
        (an_image(FLUX, CTYPE1="LINEAR", CRVAL1=3.58, CD1_1=2e-5, CUNIT1="Angstrom", CRPIX1=1.0),
         "wavelength 3.58 to 3.58006 Angstrom cannot be right"),
        (an_image(np.ones((300, 300)), CTYPE1="LINEAR", CRVAL1=5000.0, CD1_1=1.0),
         "an image of 300 rows is no extracted spectrum"),
        (an_image(np.ones((5, 5)), CTYPE1="RA---TAN", CRVAL1=150.0, CD1_1=1e-4),
         "no spectrum found. The file has extension 0: 5x5"),
        (an_image(FLUX * 0, CTYPE1="LINEAR", CRVAL1=5000.0, CD1_1=1.0), "the flux is missing or 0 everywhere"),
        (an_image(FLUX, CTYPE1="LINEAR", CRVAL1=5000.0, CD1_1=1.0)[:2885], "the FITS file is damaged or cut off"),
        (b"SIMPLE  = nonsense", "the FITS file is damaged or cut off"),
        (a_table([("wave", "D", "Hz", [1.0, 2.0]), ("flux", "D", None, [1.0, 2.0])], START), "a unit of frequency"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(UnreadableFile) as fault:
        read(write(tmp_path, content, kind="spectroscopy"))
    assert fault.value.message.startswith("f.dat: ")
    assert words in fault.value.message


def test_extensions_are_chosen_by_number(tmp_path: Path) -> None:
    wave = [5000.0, 5001.0, 5002.0, 5003.0]
    parts = [fits.BinTableHDU.from_columns([
        fits.Column(name="wave", format="D", unit="Angstrom", array=wave),
        fits.Column(name="flux", format="D", unit="Jy", array=FLUX * factor),
    ]) for factor in (1, 2)]  # fmt: skip
    file = write(tmp_path, packed(fits.PrimaryHDU(), *parts))
    assert one(file, time=WHEN).flux_values.tolist() == FLUX.tolist()
    assert one(file, time=WHEN, extension=2).flux_values.tolist() == (FLUX * 2).tolist()
    with pytest.raises(UnreadableFile, match="there is no extension 7; the file has 0 to 2"):
        read(file, extension=7)


def test_light_curves_are_no_spectra(tmp_path: Path) -> None:
    columns = [("TIME", "D", "BJD - 2457000, days", [1325.0, 1326.0]), ("PDCSAP_FLUX", "E", "e-/s", [1.0, 2.0])]
    file = write(tmp_path, a_table(columns, {}, EXTNAME="LIGHTCURVE"))
    assert processor_of(file) == "fits_table"
