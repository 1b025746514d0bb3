"""The table of sample files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.samples.__main__ import describe, main
from tests.support.files import DATA


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("mpc80_K20Q04A.obs",
         "| mpc80_K20Q04A.obs | mpc | Minor Planet Center 80-column records | astrometry 12 (F51 7 H21 5) | "
         "59079.33489 to 59083.17897 | 0 | INFO 12 rows with a magnitude; kept with the position, not as photometry |"),
        ("spec_gaia_xp_sampled.ecsv",
         "| spec_gaia_xp_sampled.ecsv | spectra_text | ECSV spectrum | spectroscopy 1 (343 samples) | 57388.50000 | "
         "0 | INFO a mean spectrum: the time is its epoch, 2016 |"),
        ("spec_multiext_flux_error_wave.fits.gz",
         "| spec_multiext_flux_error_wave.fits.gz | spectra_fits | refused | 0 |  |  | the header says no time of the "
         "observation (DATE-OBS, MJD-OBS); say it with option time, such as 2017-03-27T17:02:24. |"),
    ],
)  # fmt: skip
def test_lines_of_the_table(name: str, line: str) -> None:
    assert str(describe(DATA / name)) == line


def test_of_several_objects_the_first_is_read() -> None:
    cells = describe(DATA / "aavso_extended_report_20170504.txt").cells
    assert cells[3:6] == ("photometry 2 (bessellv 1 besselli 1)", "57878.15819 to 57878.16171", "0")
    assert cells[6].startswith("34 star names in column NAME; read as AM GEM; ")


def test_the_table_of_a_directory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "README.md").write_text("not a sample")
    (tmp_path / "a.csv").write_text("mjd,mag,filter\n60000.5,18.0,ztfr\n60000.7,,ztfr\n")
    main(tmp_path)
    assert capsys.readouterr().out.splitlines()[1:] == [
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| a.csv | photometry | delimited text | photometry 1 (ztfr 1) | 60000.50000 | NO_MEASUREMENT 1 | "
        "INFO times in column mjd are taken as UTC; INFO band \"ztfr\" (2 rows) without a stated system: AB; "
        "INFO 1 row without measurement |",
    ]
