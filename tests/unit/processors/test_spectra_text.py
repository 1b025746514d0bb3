"""Spectra in text: real files against their known content, and headers of every style."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.files import DATA, a_file, notes, processor_of, read, write
from tomgql.domain.spectra import Spectrum
from tomgql.domain.time import parse_iso
from tomgql.errors import InvalidInput, UnreadableFile
from tomgql.plugins.contracts import SourceFile

KINDS = ("photometry", "spectroscopy")
WHEN = "2020-01-01T12:00:00Z"


def spectrum(file: SourceFile, **options: Any) -> Spectrum:
    """The one spectrum of a file."""
    (found,) = read(file, **options).spectra
    return found


def a_table(rows: int = 30, start: float = 4000.0, step: float = 2.0, delimiter: str = " ") -> str:
    return "".join(f"{start + step * n:.4f}{delimiter}{1.5 + n}{delimiter}0.25\n" for n in range(rows))


@pytest.mark.parametrize("kind", KINDS)
def test_two_columns_without_a_header(kind: str) -> None:
    file = a_file(DATA / "spec_efosc_2col_asassn15oz.asci.gz", name="f.dat", kind=kind)
    assert processor_of(file) == "spectra_text"
    with pytest.raises(UnreadableFile) as fault:
        read(file)
    assert "f.dat: the header says no time of the observation (DATE-OBS, MJD-OBS)" in fault.value.message
    found = spectrum(file, time=WHEN)
    assert (len(found), found.mjd_utc, found.flux_unit, found.medium) == (1015, 58849.5, "unknown", "UNKNOWN")
    assert found.wavelength_angstrom[[0, -1]] == pytest.approx([3651.133, 9242.938], abs=1e-3)
    assert found.flux_values[0] == 1.0957034901e-17
    assert found.flux_values[-2:].tolist() == [0.0, 0.0]
    assert np.count_nonzero(found.flux_values < 0) == 1
    reading = read(file, time=WHEN)
    assert notes(reading, "PADDED") == ["2 fluxes at the ends are 0 or missing; kept"]
    assert notes(reading, "UNIT_ASSUMED") == [
        "values 3651.13-9242.94 are taken as Angstrom, since the file names no unit"
    ]
    assert notes(reading, "COLUMNS_ASSUMED") == [
        "columns without names are taken as wavelength and flux (option columns)"
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_fits_header_as_comments(kind: str) -> None:
    file = a_file(DATA / "spec_lt_fitsheader_ZTF20abucjsa.ascii", name="f.dat", kind=kind)
    assert processor_of(file) == "spectra_text"
    found, reading = spectrum(file), read(file)
    assert (len(found), found.telescope, found.instrument) == (432, "Liverpool Telescope", "SPRAT")
    assert found.wavelength_angstrom[[0, -1]].tolist() == [4029.2, 7994.4]
    assert np.diff(found.wavelength_angstrom) == pytest.approx(9.2)
    start = parse_iso("2020-09-09T23:10:24.199")[0]
    assert (found.mjd_utc, found.exposure_s) == (pytest.approx(start + 500 / 86400, abs=1e-9), 1000.0)
    assert notes(reading, "TIME_DISTRUSTED") == ["MJD = 118203.934063 cannot be right; not used"]
    assert notes(reading, "TIME_SHIFTED") == ["DATE-OBS is taken as the start of 1000 s; its middle is kept"]
    assert notes(reading, "UNIT_ASSUMED") == []
    assert json.loads(found.reported)["CONFNAME"] == "SPRAT-B"


@pytest.mark.parametrize("kind", KINDS)
def test_keywords_names_and_units_in_comments(kind: str) -> None:
    file = a_file(DATA / "spec_snifs_3col_2021zac.dat.gz", name="f.dat", kind=kind, names=("2021zac",))
    assert processor_of(file) == "spectra_text"
    found = spectrum(file)
    assert (len(found), found.telescope, found.instrument) == (1800, "UH88", "SNIFS")
    assert found.wavelength_angstrom[[0, -1]].tolist() == [3402.86, 9099.86]
    assert (found.flux_values[0], found.flux_unit) == (4.050476e-17, "erg / (Angstrom s cm2)")
    assert found.flux_error_values is not None
    assert found.flux_error_values[0] == 5.507403e-17
    assert np.count_nonzero(found.flux_values < 0) == 43
    assert (found.mjd_utc, found.exposure_s) == (pytest.approx(59475.616424 + 900 / 86400, abs=1e-9), 1800.0)
    assert notes(read(file), "OTHER_NAME") == []


@pytest.mark.parametrize("kind", KINDS)
def test_gaias_mean_spectra(kind: str) -> None:
    file = a_file(DATA / "spec_gaia_xp_sampled.ecsv", name="f.dat", kind=kind)
    assert processor_of(file) == "spectra_text"
    found = spectrum(file)
    assert (len(found), found.medium, found.flux_unit) == (343, "VACUUM", "W / (nm m2)")
    assert found.wavelength_angstrom[[0, 1, -1]].tolist() == [3360.0, 3380.0, 10200.0]
    assert found.flux_error_values is not None
    assert found.flux_values[0] == pytest.approx(4.3137e-17, rel=1e-4)
    assert found.flux_error_values[0] == pytest.approx(5.7488e-18, rel=1e-4)
    assert (found.mjd_utc, found.external_id) == (57388.5, "5937083312263887616")
    assert notes(read(file), "EPOCH") == ["a mean spectrum: the time is its epoch, 2016"]


@pytest.mark.parametrize(
    ("head", "unit", "scale"),
    [
        ("wavelength,flux,error\n", "unknown", 1.0),
        ("# Wavelength(nm),Flux(mJy),sigma\n", "mJy", 0.1),
        ("# lambda [A], flux [1E-17 erg/cm^2/s/Ang], err\n", "1e-17 erg / (Angstrom s cm2)", 1.0),
        ("% wave,flux_reduced,flux_error\n", "unknown", 1.0),
        ("! wl,fl,fluxerr\n! [micron],[W.m**-2.nm**-1],[W.m**-2.nm**-1]\n", "W / (nm m2)", 1e-4),
        ("BUNIT   = 'erg/cm2/s/A'        / unit of the fluxes\nCUNIT1  = 'Angstroms'\nEND\n",
         "erg / (Angstrom s cm2)", 1.0),
    ],
)  # fmt: skip
def test_names_and_units(tmp_path: Path, head: str, unit: str, scale: float) -> None:
    file = write(tmp_path, head + a_table(delimiter=",", start=4000.0 * scale, step=2.0 * scale))
    assert processor_of(file) == "spectra_text"
    found = spectrum(file, time=WHEN)
    assert (found.wavelength_angstrom[0], found.flux_unit) == (pytest.approx(4000.0), unit)
    assert found.flux_error_values is not None
    assert (found.flux_values[0], found.flux_error_values[0], len(found)) == (1.5, 0.25, 30)


@pytest.mark.parametrize("delimiter", [" ", "\t", ",", ";", " | "])
def test_delimiters_and_encodings(tmp_path: Path, delimiter: str) -> None:
    text = "# OBJECT: α\n# DATE-OBS: 2020-01-01T12:00:00\n# TIMESYS: UTC\n" + a_table(delimiter=delimiter)
    for content in (text.encode(), b"\xef\xbb\xbf" + text.encode(), text.replace("\n", "\r\n").encode()):
        found = spectrum(write(tmp_path, content))
        assert (len(found), found.wavelength_angstrom[-1], found.mjd_utc) == (30, 4058.0, 58849.5)


def test_decimal_commas(tmp_path: Path) -> None:
    found = spectrum(write(tmp_path, "wavelength;flux;err\n" + a_table(delimiter=";").replace(".", ",")), time=WHEN)
    assert (found.wavelength_angstrom[1], found.flux_values[0]) == (4002.0, 1.5)


@pytest.mark.parametrize(
    ("header", "mjd", "quality", "code"),
    [
        ("DATE-OBS = 2020-01-01\n", 58849.0, "assumed", "DAY_PRECISION"),
        ("DATE-OBS = 2020/1/1\nUTSTART = 12:00:00.0\nEXPTIME = 864 s\nTIMESYS = UTC\n", 58849.505, "converted", None),
        ("DATE-OBS = 2020-01-01 T 12:00:00 UTC\n", 58849.5, "assumed", "EXPOSURE_UNKNOWN"),
        ("MJD-OBS = 58849.5\nMJD-END = 58849.6\nTIMESYS = UTC\n", 58849.55, "converted", None),
        ("MJD-AVG = 58849.5\nTIMESYS = UTC\n", 58849.5, "exact", None),
        ("TMID = 58849.5\nTIMESYS = TAI\n", 58849.5 - 37 / 86400, "converted", None),
        ("TAI-BEG = 5084596800\nTAI-END = 5084596972.8\n", 58849.501 - 37 / 86400, "converted", None),
        ("TAI-BEG = 5084596800\nTAI-END = 5084596972.8\nTIMESYS = UTC\n", 58849.501 - 37 / 86400, "converted", None),
        ("JD = 2458850.0\n", 58849.5, "assumed", "EXPOSURE_UNKNOWN"),
        ("DATE-OBS = 2020-01-01T12:00:00\nEXPTIME = 864\n", 58849.505, "assumed", "TIME_SCALE_ASSUMED"),
        ("DATE-OBS = 2020-01-01T00:00:00\nEXPTIME = 864\nTIMESYS = UTC\n", 58849.005, "converted", "TIME_SHIFTED"),
        ("DATE-OBS = 2020-01-01T12:00:00\nEXPTIME = 864\nTIMESYS = LMT\n", 58849.505, "assumed", "TIME_SCALE_UNKNOWN"),
        ("DATE = 2020-02-02\nMJD-OBS = 2965661.58\nDATE-OBS = 2020-01-01T12:00:00\n", 58849.5, "assumed",
         "TIME_DISTRUSTED"),
    ],
)  # fmt: skip
def test_times(tmp_path: Path, header: str, mjd: float, quality: str, code: str | None) -> None:
    file = write(tmp_path, "# " + header.replace("\n", "\n# ") + "\n" + a_table(), kind="spectroscopy")
    found = spectrum(file)
    assert (found.mjd_utc, found.time_quality) == (pytest.approx(mjd, abs=1e-9), quality)
    assert code is None or len(notes(read(file), code)) == 1


def test_options_go_before_the_header(tmp_path: Path) -> None:
    head = "# TELESCOP = NTT\n# DATE-OBS = 2020-01-01T12:00:00\n# BUNIT = Jy\n"
    file = write(tmp_path, head + a_table(start=400.0, step=0.2), kind="spectroscopy")
    found = spectrum(
        file, columns=["wave", "err", "flux"], wavelength_unit="nm", flux_unit="mJy", medium="AIR", time="58000.25",
        time_reference="start", exposure_s=864, telescope="VLT", instrument="X", source_name="me",
    )  # fmt: skip
    assert found.wavelength_angstrom[0] == 4000.0
    assert found.flux_values[0] == 0.25
    assert found.flux_error_values is not None
    assert found.flux_error_values[0] == 1.5
    assert (found.flux_unit, found.medium, found.mjd_utc) == ("mJy", "AIR", pytest.approx(58000.255, abs=1e-9))
    assert (found.telescope, found.instrument, found.source_name) == ("VLT", "X", "me")
    assert spectrum(file, mapping={"flux": "column 3", "wavelength": "column 1"}).flux_values[0] == 0.25


@pytest.mark.parametrize(
    ("body", "options", "words"),
    [
        ("4000 1\n4001 2\n4001 3\n", {}, "wavelengths must ascend or descend strictly; 4001 follows 4001 Angstrom"),
        ("4000 1\n4001 cloudy\n4002 3\n", {}, 'row 2, column column 2: "cloudy" is not a number'),
        ("4000 1\n4001 2 3\n4002 3\n", {}, "row 2 has 3 cells, the first has 2"),
        ("1500 1\n1501 2\n1502 3\n", {},
         "have no unit and may be Angstrom or nm: say which with option wavelength_unit"),
        ("400000 1\n400001 2\n400002 3\n", {}, "cannot be right; it must lie between 90 nm and 30 um"),
        ("4000 0\n4001 0\n4002 0\n", {}, "the flux is missing or 0 everywhere"),
        ("4000 1\n4001 2\n", {"wavelength_unit": "GHz"}, '"GHz" is a unit of frequency, not of length'),
        ("4000 1\n4001 2\n", {"columns": ["wave"]}, "option columns names 1 columns; the table has 2"),
        ("4000 1\n4001 2\n", {"columns": ["a", "b"]}, "no columns of wavelength and flux. Columns found: a, b"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(tmp_path: Path, body: str, options: dict[str, Any], words: str) -> None:
    file = write(tmp_path, body, kind="spectroscopy")
    with pytest.raises(UnreadableFile) as fault:
        read(file, time=WHEN, **options)
    assert fault.value.message.startswith("f.dat: ")
    assert words in fault.value.message


@pytest.mark.parametrize("options", [{"time": "yesterday"}, {"time": "118203.9"}, {"medium": "water"}, {"oops": 1},
                                     {"mapping": {"band": "x"}}])  # fmt: skip
def test_options_that_make_no_sense_are_named(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as fault:
        read(write(tmp_path, a_table(), kind="spectroscopy"), **options)
    assert (fault.value.path or [])[:2] == ["options", next(iter(options))]


def test_descending_axes_are_reversed(tmp_path: Path) -> None:
    rows = "\n".join(reversed(a_table().splitlines()))
    file = write(tmp_path, rows, kind="spectroscopy")
    found = spectrum(file, time=WHEN)
    assert (found.wavelength_angstrom[0], found.flux_values[0]) == (4000.0, 1.5)
    assert notes(read(file, time=WHEN), "AXIS_REVERSED") == ["the axis descends; reversed together with the fluxes"]


def test_another_object_is_warned_of(tmp_path: Path) -> None:
    content = "# OBJECT = SN 2011fe\n" + a_table()
    said = notes(read(write(tmp_path, content, kind="spectroscopy", names=("SN 2020x",)), time=WHEN), "OTHER_NAME")
    assert said == ['the header names the object "SN 2011fe", which is no name or alias of this target']
    assert not notes(read(write(tmp_path, content, kind="spectroscopy", names=("sn2011FE",)), time=WHEN), "OTHER_NAME")


@pytest.mark.parametrize("name", ["phot_mag_limits_16fil.csv", "phot_commented_header_asassn15oz.csv",
                                  "atlas_fp_job01088.txt", "lc_gammacat_tev14.ecsv",
                                  "snana_ascii_example.dat"])  # fmt: skip
def test_light_curves_are_no_spectra(name: str) -> None:
    for kind in KINDS:
        assert not processor_of(a_file(DATA / name, name="f.dat", kind=kind)).startswith("spectra")
    assert processor_of(a_file(DATA / "phot_truncated_jd_t_cas.tsv", name="f.dat")) == "photometry"
