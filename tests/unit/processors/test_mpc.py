"""80-column records of the Minor Planet Center: with and without a header, of satellites, roving observers, radar."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.files import DATA, a_file, notes, positions, processor_of, read, write
from tomgql.errors import UnreadableFile

QA4, IO = DATA / "mpc80_K20Q04A.obs", DATA / "mpc80_header_00085.obs"


def a_record(
    name: str = "     K20Q04A", *, note: str = "C", date: str = "2020 08 18.334890", ra: str = "21 33 58.060",
    dec: str = "+12 13 25.77", mag: str = "22.58w", code: str = "F51",
) -> str:  # fmt: skip
    """One line of 80 characters."""
    line = f"{name:12}  {note}{date:17}{ra:12}{dec:12}         {mag:6}      {code}"
    assert len(line) == 80
    return line


SECOND = f"     K20Q04A  s2020 08 18.334890{' 1 - 4123.4567 + 1234.5678 - 3456.7890':45}C51"


def test_records_of_extra_precision() -> None:
    file = a_file(QA4, names=("2020 QA4",), kind="astrometry")
    assert processor_of(file) == "mpc"
    found, reading = positions(file)
    assert len(found) == 12
    assert found.mjd_utc[:2].tolist() == pytest.approx([59079.33489, 59079.345986], abs=1e-9)
    assert found.ra_deg[0] == pytest.approx(15 * (21 + 33 / 60 + 58.06 / 3600), abs=1e-10)
    assert found.dec_deg[0] == pytest.approx(12 + 13 / 60 + 25.77 / 3600, abs=1e-10)
    assert np.isnan(found.ra_error_arcsec).all()
    assert found.observatory_code.tolist() == ["F51"] * 4 + ["H21"] * 3 + ["F51"] * 3 + ["H21"] * 2
    assert (set(found.time_quality), set(found.source_name)) == ({"exact"}, {"MPC"})
    assert found.reported[0] == (
        '{"designation":"K20Q04A","discovery":"*","note1":null,"note2":"C","date":"2020 08 18.334890",'
        '"ra":"21 33 58.060","dec":"+12 13 25.77","mag":22.58,"band":"w","catalog":"U","reference":"~44BV",'
        '"observatory":"F51"}'
    )
    assert (reading.rejected, reading.format_name) == ([], "Minor Planet Center 80-column records")
    assert notes(reading, "MAGNITUDES_KEPT") == ["12 rows with a magnitude; kept with the position, not as photometry"]
    assert not notes(reading, "OTHER_NAME")


def test_records_below_a_header() -> None:
    file = a_file(IO, names=("(85) Io",), kind="astrometry")
    assert processor_of(file) == "mpc"
    found, reading = positions(file)
    assert found.mjd_utc.tolist() == pytest.approx(
        [60008.99841, 60009.00131, 60009.00421, 60009.00711, 60009.01001, 60009.0187], abs=1e-9
    )
    assert (found.ra_deg[0], found.dec_deg[0]) == pytest.approx((138.695875, 1.4108055555555555), abs=1e-10)
    assert set(found.observatory_code) == {"J38"}
    assert '"telescope":"0.25-m f/8.1 Ritchey-Chretien + CCD","net":"Gaia-DR2"' in found.reported[5]
    assert reading.rejected == []


def test_another_name_is_warned_of() -> None:
    _, reading = positions(a_file(IO, names=("SN 2011fe",)))
    assert notes(reading, "OTHER_NAME") == ["the file's object (85) has no name or alias of this target"]


def test_several_objects(tmp_path: Path) -> None:
    lines = [a_record(), a_record("00085       ", date="2020 08 18.5", code="J38"), a_record("     P10Frjh"),
             a_record("    CK20F030", date="2020 08 19.5")]  # fmt: skip
    text = "\n".join(lines)
    found, reading = positions(write(tmp_path, text, names=("Io", "85")))
    assert (found.row.tolist(), found.mjd_utc.tolist()) == ([2], [59079.5])
    assert notes(reading, "OTHER_OBJECTS") == ["3 rows of other objects skipped"]
    assert positions(write(tmp_path, text, names=("C/2020 F3 (NEOWISE)",)))[0].row.tolist() == [4]
    assert positions(write(tmp_path, text, names=("X",)), object="K20Q04A")[0].row.tolist() == [1]
    with pytest.raises(UnreadableFile) as caught:
        read(write(tmp_path, text, names=("SN 2011fe",)))
    assert caught.value.message == (
        "f.dat: 4 objects; none is a name or alias of this target: 2020 QA4, 85, C/2020 F3, P10Frjh"
    )


def test_a_number_and_a_designation_in_one_record_are_one_object(tmp_path: Path) -> None:
    both, alone = a_record("z2033K20Q04A"), a_record(date="2020 08 18.4")
    found, _ = positions(write(tmp_path, f"{both}\n{alone}\n{a_record('00085')}", names=("(612033)",)))
    assert found.row.tolist() == [1, 2]


def test_second_lines_and_records_without_a_position(tmp_path: Path) -> None:
    lines = [
        a_record(note="S", code="C51"), SECOND, a_record(note="V", date="2020 08 18.5", code="247"),
        a_record(note="R", ra="", dec=""), a_record(note="r", ra="", dec=""), SECOND, a_record(note="X"), "nonsense",
        "", "----- end -----",
    ]  # fmt: skip
    found, reading = positions(write(tmp_path, "\n".join(lines), names=("2020 QA4",)))
    assert (found.row.tolist(), found.observatory_code.tolist()) == ([1, 2], ["C51", "247"])
    assert '"observer":"1 - 4123.4567 + 1234.5678 - 3456.7890"' in found.reported[0]
    assert [(row.row, row.code, row.message) for row in reading.rejected] == [
        (3, "NO_POSITION", "row 3: a radar record (R) has a delay or Doppler shift, and no position"),
        (4, "NO_POSITION", "row 4: a second line (s) without its first (S) before it"),
        (5, "REPLACED", "row 5: the observation was replaced by a better one (note X)"),
        (6, "NOT_A_RECORD",
         'row 6: "nonsense" has 8 characters; a record has 80, with its date at column 16'),
    ]  # fmt: skip
    assert notes(reading, "OBSERVER_UNKNOWN") == [
        "1 row of satellites or roving observers without the second line that says where they were; kept"
    ]


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"date": "2020 02 30.5"}, "UNREADABLE_DATE", 'row 1: cannot read the date "2020 02 30.5"'),
        ({"ra": "21 61 58.06"}, "UNREADABLE_RA", 'row 1: cannot read the ra "21 61 58.06"'),
        ({"dec": ""}, "UNREADABLE_DEC", 'row 1: cannot read the dec ""'),
        ({"ra": "24 00 00.00"}, "INVALID_COORDINATES", "Right ascension 360.0 is outside 0 to 360 degrees"),
        ({"date": "1801 01 01.5"}, "TIME_OUT_OF_RANGE", "is year 1801"),
    ],
)  # fmt: skip
def test_bad_records_do_not_take_good_ones_with_them(
    tmp_path: Path, changes: dict[str, str], code: str, words: str
) -> None:
    found, reading = positions(write(tmp_path, f"{a_record(**changes)}\n{a_record()}", names=("2020 QA4",)))  # type: ignore[arg-type]
    assert found.row.tolist() == [2]
    assert [row.code for row in reading.rejected] == [code]
    assert words in reading.rejected[0].message
    with pytest.raises(UnreadableFile):
        read(write(tmp_path, a_record(**changes)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ra", "dec", "degrees"),
    [
        ("21 33.5", "-00 13.5", (323.375, -0.225)), ("21 33 58", "-00 00 01", (323.49166667, -0.00027778)),
        ("21.5", "+12.25", (322.5, 12.25)),
    ],
)  # fmt: skip
def test_positions_of_less_precision(tmp_path: Path, ra: str, dec: str, degrees: tuple[float, float]) -> None:
    found, _ = positions(write(tmp_path, a_record(ra=ra, dec=dec)))
    assert (found.ra_deg[0], found.dec_deg[0]) == pytest.approx(degrees, abs=1e-8)


@pytest.mark.parametrize(
    "text", ["COD F51\nOBS A. Nobody\n", "COD F51\nTEL 1-m\n" + a_record(note="R", ra="", dec=""), SECOND]
)
def test_files_without_a_position_are_refused(tmp_path: Path, text: str) -> None:
    file = write(tmp_path, text)
    assert processor_of(file) == "mpc"
    with pytest.raises(UnreadableFile, match=r"f\.dat: there is no 80-column record with a position"):
        read(file)


def test_names_that_cannot_be_stored_are_cleaned(tmp_path: Path) -> None:
    """A file with NUL among its first lines is taken for binary, so the odd name stands further down."""
    text = "\n".join([*[a_record()] * 20, a_record("     A\0B")])
    with pytest.raises(UnreadableFile, match=r"this target: 2020 QA4, AB$"):
        read(write(tmp_path, text, names=("SN 2011fe",)))
