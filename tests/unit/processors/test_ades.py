"""ADES as XML and as PSV: headers, lines of names that change, occultations, offsets, radar."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.files import DATA, REGISTRY, a_file, notes, positions, processor_of, read, write
from tomgql.errors import UnreadableFile

PSV = """# version=2022
# observatory
! mpcCode T05
# telescope
! design Reflector
! aperture 0.5
# observers
! name A. One
! name B. Two
permID |provID   |trkSub|mode|stn|obsTime                 |ra       |dec      |rmsRA|rmsDec|mag |band|obsID
319    |         |      |CCD |T05|2023-07-06T00:17:43.77Z|273.13141|+40.61177|0.11 |0.12  |20.2|G   |L1
319    |1920 XY  |      |CCD |   |2023-07-06T00:18:00Z    |273.2    |+40.7    |     |0     |    |    |
       |2023 MQ5 |      |CCD |T05|2023-07-06T00:19:00Z    |10.5     |-5.5     |     |      |    |    |
# version=2022
# observatory
! mpcCode 568
provID   |mode|stn|obsTime             |ra      |dec     |rmsCorr|
1920 XY  |CMO |   |2023-07-07T00:00:00Z|273.3   |+40.8   |
provID   |stn|trx|obsTime             |delay     |frq |
1920 XY  |253|253|2023-07-08T00:00:00Z|12.3456789|8560|
provID   |stn|obsTime             |ra|dec
1920 XY  |568|2023-07-09T00:00:00Z|
1920 XY  |568|2023-07-09T00:00:00Z||
1920 XY  |568|2023-07-09T00:00:00Z|400.0|1.0
"""
XML = """<?xml version="1.0" encoding="UTF-8"?>
<!-- made by hand --><ades version="2022">
<obsBlock><obsContext><observatory><mpcCode>T05</mpcCode></observatory></obsContext><obsData>{data}</obsData></obsBlock>
<optical><provID>2023 MQ5</provID><stn>568</stn><obsTime>2023-07-06T12:00:00Z</obsTime><ra>10.5</ra><dec>-5.5</dec>
<localUse><rmsRA>9</rmsRA></localUse></optical></ades>
"""
STAR = "<obsTime>2023-07-06T00:00:00Z</obsTime><raStar>10.0</raStar><decStar>60.0</decStar>"


def test_a_psv_file() -> None:
    file = a_file(DATA / "ades_2023MQ5.psv", names=("2023 MQ5",), kind="astrometry")
    assert processor_of(file) == "ades"
    found, reading = positions(file)
    assert found.mjd_utc.tolist() == pytest.approx([60131.01231215, 60131.02728009], abs=1e-8)
    assert (found.ra_deg.tolist(), found.dec_deg.tolist()) == ([273.13141, 273.15447], [40.61177, 40.59873])
    assert (found.ra_error_arcsec.tolist(), found.dec_error_arcsec.tolist()) == ([0.11, 0.14], [0.12, 0.14])
    assert (set(found.observatory_code), set(found.time_quality)) == ({"J95"}, {"exact"})
    assert found.reported[0].startswith(
        '{"provID":"2023 MQ5","mode":"CCD","stn":"J95","obsTime":"2023-07-06T00:17:43.77Z","ra":273.13141,'
        '"dec":"+40.61177","rmsRA":0.11,"rmsDec":0.12,"astCat":"Gaia2","mag":20.2,"rmsMag":0.14,"band":"G",'
    )
    assert notes(reading, "MAGNITUDES_KEPT") == ["1 row with a magnitude; kept with the position, not as photometry"]
    assert (reading.rejected, reading.format_name) == ([], "ADES PSV")


def test_occultations_in_xml() -> None:
    file = a_file(DATA / "ades_319.xml", names=("(319) Leona",), kind="astrometry")
    assert processor_of(file) == "ades"
    found, reading = positions(file)
    assert found.mjd_utc.tolist() == pytest.approx(
        [55491.5154235, 55496.45734641, 60200.15517419, 60203.42331829], abs=1e-8
    )
    assert (found.ra_deg[0], found.dec_deg[0]) == (36.443232822, 5.964539565)
    assert (found.ra_error_arcsec[0], found.dec_error_arcsec[0]) == (0.0129, 0.0157)
    assert set(found.observatory_code) == {"275"}
    assert '"kind":"occultation","permID":319,"mode":"OCC"' in found.reported[0]
    assert notes(reading, "OFFSET_ADDED") == ["4 rows with a star's place and an offset; the position is their sum"]
    assert (reading.rejected, reading.format_name) == ([], "ADES XML")


def test_headers_and_names_change_within_a_psv_file(tmp_path: Path) -> None:
    file = write(tmp_path, PSV, names=("(319) Leona",))
    assert processor_of(file) == "ades"
    found, reading = positions(file)
    assert (found.row.tolist(), found.ra_deg.tolist()) == ([1, 2, 4], [273.13141, 273.2, 273.3])
    assert found.observatory_code.tolist() == ["T05", "T05", "568"]
    assert found.external_id.tolist() == ["L1", None, None]
    assert found.dec_error_arcsec.tolist() == pytest.approx([0.12, float("nan"), float("nan")], nan_ok=True)
    assert '"telescope aperture":0.5' in found.reported[1]
    assert '"telescope aperture":null' in found.reported[2], "a header says nothing of the blocks behind the next one"
    assert notes(reading, "OTHER_OBJECTS") == ["1 row of other objects skipped"]
    assert [(row.row, row.code, row.message) for row in reading.rejected] == [
        (5, "NO_POSITION", "row 5: a radar observation has a delay or Doppler shift, and no position"),
        (6, "RAGGED_ROW", "row 6: 4 values below 5 names"),
        (7, "NO_POSITION", "row 7: an optical observation without ra and dec"),
        (8, "INVALID_COORDINATES",
         "row 8, column right ascension: Right ascension 400.0 is outside 0 to 360 degrees (0 to 24 hours)."),
    ]  # fmt: skip


def test_several_objects_are_listed(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile) as caught:
        read(write(tmp_path, PSV, names=("SN 2011fe",)))
    assert caught.value.message == (
        "f.dat: 2 objects; none is a name or alias of this target: 1920 XY, 2023 MQ5, 319"
    )


@pytest.mark.parametrize(
    ("kind", "offset", "place"),
    [
        ("occultation", "<deltaRA>1.8</deltaRA><deltaDec>-3.6</deltaDec>", (10.001, 59.999)),
        ("offset", "<dist>3.6</dist><pa>90.0</pa>", (10.002, 60.0)),
    ],
)  # fmt: skip
def test_offsets_from_a_star(tmp_path: Path, kind: str, offset: str, place: tuple[float, float]) -> None:
    data = f"<{kind}><provID>2023 MQ5</provID><stn>244</stn>{STAR}{offset}</{kind}>"
    found, _ = positions(write(tmp_path, XML.format(data=data), names=("K23M05Q",)))
    assert (found.ra_deg[0], found.dec_deg[0]) == pytest.approx(place, abs=1e-10)
    assert (found.observatory_code.tolist(), found.mjd_utc.tolist()) == (["244", "568"], [60131.0, 60131.5])
    assert str(found.ra_error_arcsec[1]) == "nan", "localUse is nobody else's business"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (f"<occultation>{STAR}</occultation>",
         "row 1: an occultation observation with a star's place but no offset from it"),
        (f"<occultation>{STAR}<dist>x</dist><pa>1</pa></occultation>",
         "row 1: cannot read the star's place or the offset from it"),
        (f"<occultation>{STAR}<dist>inf</dist><pa>1</pa></occultation>",
         "row 1: cannot read the star's place or the offset from it"),
        ("<radar><obsTime>2023-07-06T00:00:00Z</obsTime><doppler>1</doppler></radar>",
         "row 1: a radar observation has a delay or Doppler shift, and no position"),
        ("<optical><deprecated>X</deprecated><ra>1</ra><dec>1</dec></optical>",
         "row 1: the observation is deprecated; another one replaces it"),
        ("<optical><ra>1</ra><dec>1</dec></optical>", "row 1: no time in column time of the observation"),
        ("<optical><obsTime>2023-13-06T00:00:00Z</obsTime><ra>1</ra><dec>1</dec></optical>",
         'row 1, column time of the observation: cannot read the time "2023-13-06T00:00:00Z"'),
    ],
)  # fmt: skip
def test_observations_without_a_position(tmp_path: Path, data: str, words: str) -> None:
    found, reading = positions(write(tmp_path, XML.format(data=data), names=("2023 MQ5",)))
    assert found.row.tolist() == [2]
    assert [row.message for row in reading.rejected] == [words]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('<!DOCTYPE ades [<!ENTITY a "b">]><ades>&a;</ades>', "the file is no ADES document"),
        ('<ades><!-- <!ENTITY a "b"> --></ades>', "the ADES document has entities; write what they stand for"),
        ("<ades>&nbsp;</ades>", "the ADES document cannot be read: undefined entity"),
        ("<ades><obsBlock></ades>", "the ADES document cannot be read: mismatched tag"),
        ("<ades>" + "<a>" * 60 + "</a>" * 60 + "</ades>", "the XML has more than 50 levels"),
        ("<ades></ades>", "the ADES XML holds no observation"),
        ("# version=2017\n# observatory\n! mpcCode J95\n", "the ADES PSV holds no observation"),
        ("# version=2017\n# observatory\n! mpcCode J95\nprovID|stn|obsTime|ra|dec\n", "holds no observation"),
        ("# version=2017\n! mpcCode J95\n1|2|3", 'no row can be taken: row 1: "1|2|3" stands before any line of names'),
    ],
)  # fmt: skip
def test_bad_files(tmp_path: Path, text: str, words: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(UnreadableFile) as caught:
        REGISTRY.processor("ades").read(file, {})
    assert words in caught.value.message


def test_utf_16_does_not_hide_an_entity(tmp_path: Path) -> None:
    text = '<?xml version="1.0" encoding="utf-16"?><ades><!ENTITY a "b"></ades>'
    with pytest.raises(UnreadableFile, match="has entities"):
        read(write(tmp_path, text.encode("utf-16")))
    data = XML.format(data="").replace("UTF-8", "UTF-16")
    assert positions(write(tmp_path, data.encode("utf-16")))[0].ra_deg.tolist() == [10.5]
