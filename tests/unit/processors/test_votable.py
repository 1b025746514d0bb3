"""VOTables: VizieR, Gaia's epoch photometry (written from its documentation), errors of services."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.files import DATA, REGISTRY, a_file, bands, notes, points, processor_of, read, write
from tomgql.domain.time import tcb_to_utc
from tomgql.errors import InvalidInput, UnreadableFile

GAIA = """<?xml version="1.0" encoding="utf-8"?>
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results">
<TIMESYS ID="frame" refposition="BARYCENTER" timeorigin="2455197.5" timescale="TCB"/>
<TABLE name="epoch_photometry">
<FIELD name="band" datatype="char" arraysize="*" ucd="instr.bandpass"/>
<FIELD name="epoch" datatype="double" unit="{unit}" ref="frame"/>
<FIELD name="mag" datatype="double" unit="mag" ucd="phot.mag;em.opt"/>
<FIELD name="flux" datatype="double" unit="'electron'.s**-1"/>
<FIELD name="flux_error" datatype="double" unit="'electron'.s**-1"/>
<DATA><TABLEDATA>
<TR><TD>G</TD><TD>{first}</TD><TD>15.5</TD><TD>1000.0</TD><TD>10.0</TD></TR>
<TR><TD>BP</TD><TD>{first}</TD><TD></TD><TD></TD><TD>10.0</TD></TR>
</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>
"""
VIZIER = """<VOTABLE version="1.2"><RESOURCE><TABLE name="t0"><FIELD name="a" datatype="int"/>
<DATA><TABLEDATA><TR><TD>1</TD></TR></TABLEDATA></DATA></TABLE>
<TABLE name="t1"><FIELD name="Obs" ucd="time.epoch" datatype="double" unit="d">
<DESCRIPTION>Date of observation (JD-2450000)</DESCRIPTION></FIELD>
<FIELD name="Vmag" ucd="phot.mag;em.opt.V" datatype="float" unit="mag"/>
<FIELD name="e_Vmag" ucd="stat.error;phot.mag" datatype="float" unit="mmag"/>
<DATA><TABLEDATA><TR><TD>9000.75</TD><TD>12.5</TD><TD>20</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>
"""


@pytest.mark.parametrize(("unit", "first"), [("d", 1705.5), ("s", 1705.5 * 86400)])
def test_time_systems(tmp_path: Path, unit: str, first: float) -> None:
    file = write(tmp_path, GAIA.format(unit=unit, first=first))
    assert processor_of(file) == "votable"
    found, reading = points(file)
    assert bands(found) == {"gaia::g": 1}
    assert found.mjd_utc[0] == pytest.approx(float(tcb_to_utc(2455197.5 + 1705.5 - 2400000.5)), abs=1e-8)
    assert (found.reported_magnitude[0], found.reported_system[0]) == (15.5, "Vega")
    assert found.reported_magnitude_error[0] == pytest.approx(0.010857, abs=1e-6)
    assert [row.code for row in reading.rejected] == ["NO_MEASUREMENT"]
    assert notes(reading, "TIME_NOT_CORRECTED")
    near, reading = points(write(tmp_path, GAIA.format(unit=unit, first=first), position=(150.0, 20.0)))
    assert set(near.time_quality) == {"converted"}


def test_vizier_by_description_and_ucd(tmp_path: Path) -> None:
    found, reading = points(write(tmp_path, VIZIER))
    assert found.mjd_utc[0] == 59000.25
    assert (found.band[0], found.reported_magnitude[0]) == ("bessellv", 12.5)
    assert found.reported_magnitude_error[0] == pytest.approx(0.02)
    assert notes(reading, "TABLE_CHOSEN") == ["table t1 of 2 was read (option table)"]
    with pytest.raises(UnreadableFile, match=r'f\.dat: there is no table named "t2"'):
        read(write(tmp_path, VIZIER), table="t2")


PHOTDM = """<VOTABLE version="1.4"><RESOURCE>
<TIMESYS ID="ts" refposition="{place}" timeorigin="{origin}" timescale="TT"/>
<TABLE name="x"><GROUP ID="def" name="photcal">
<PARAM name="filterIdentifier" datatype="char" arraysize="*" utype="photDM:PhotometryFilter.identifier"
 value="{filter}"/>
<PARAM name="magnitudeSystem" datatype="char" arraysize="*" utype="photDM:PhotCal.magnitudeSystem.type" value="AB"/>
<FIELDref ref="phot"/></GROUP>
<FIELD name="obs_time" datatype="double" unit="d" ref="ts"/>
<FIELD name="phot" ID="phot" datatype="double" ucd="phot.mag;em.opt" unit="mag"/>
<DATA><TABLEDATA><TR><TD>{time}</TD><TD>23.9</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"""


@pytest.mark.parametrize(
    ("place", "origin", "time"),
    [("GEOCENTER", "MJD-origin", 59000.0), ("TOPOCENTER", "JD-origin", 2459000.5), ("UNKNOWN", "2450000.5", 9000.0)],
)
def test_photometric_calibration_and_origins_of_time(tmp_path: Path, place: str, origin: str, time: float) -> None:
    text = PHOTDM.format(place=place, origin=origin, time=time, filter="Palomar/ZTF.r")
    found, reading = points(write(tmp_path, text))
    assert (found.band[0], found.reported_system[0], found.flux_ujy[0]) == ("ztfr", "AB", pytest.approx(1.0))
    assert found.mjd_utc[0] == pytest.approx(59000 - 69.184 / 86400, abs=1e-8)
    assert not notes(reading, "SYSTEM_ASSUMED")


def test_a_catalogue_without_times_is_refused() -> None:
    file = a_file(DATA / "vizier_kang2010.vot.xml")
    assert processor_of(file) == "votable"
    with pytest.raises(UnreadableFile, match=r"no time column\. Columns found: Seq, f_Seq, SSTGLMC, AV"):
        read(file)
    with pytest.raises(InvalidInput, match='There is no column "Nope"'):
        read(file, mapping={"time": "Nope"})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('<VOTABLE><RESOURCE><INFO name="QUERY_STATUS" value="ERROR">Unknown\n table</INFO></RESOURCE></VOTABLE>',
         "the service answered with an error: Unknown table"),
        ('<VOTABLE><RESOURCE><INFO name="QUERY_STATUS" value="OK"/></RESOURCE></VOTABLE>', "holds no table"),
        (VIZIER[:500], "the VOTable cannot be read"),
        (VIZIER.replace('<FIELD name="a"', "<FIELD"), "the VOTable cannot be read: .* at least one of 'ID' or 'name'"),
        (VIZIER.replace("<TABLEDATA><TR><TD>9000.75", '<BINARY><STREAM href="file:///etc/passwd"/></BINARY>'),
         "entities or data elsewhere"),
        ('<?xml version="1.0"?><!DOCTYPE x><VOTABLE><!ENTITY a "b"></VOTABLE>', "entities or data elsewhere"),
    ],
)  # fmt: skip
def test_bad_votables(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        read(write(tmp_path, content))


def test_utf_16_does_not_hide_an_address(tmp_path: Path) -> None:
    hidden = VIZIER.replace("<DATA>", '<DATA><BINARY><STREAM href="http://x/"/></BINARY></DATA><DATA>')
    with pytest.raises(UnreadableFile, match="entities or data elsewhere"):
        read(write(tmp_path, hidden.encode("utf-16")))
    assert np.isclose(points(write(tmp_path, VIZIER.encode("utf-16")))[0].mjd_utc[0], 59000.25)


def test_a_prologue_without_end_is_read_once(tmp_path: Path) -> None:
    """Each further instruction would double the time, if the pattern could part them another way."""
    file = write(tmp_path, "<?a?><!-- b -->" * 2000 + "!")
    assert processor_of(file) == "photometry"
    with pytest.raises(UnreadableFile, match="no VOTable"):
        REGISTRY.processor("votable").read(file, {})
