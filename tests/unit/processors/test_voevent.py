"""Positions of VOEvents: scales, frames, places, error radii, and events that are no observations."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.files import DATA, REGISTRY, a_file, notes, positions, processor_of, read, write
from tomgql.domain.time import tai_to_utc, tdb_to_utc, tt_to_utc
from tomgql.errors import UnreadableFile

EVENT = """<?xml version='1.0'?><v:VOEvent xmlns:v="http://www.ivoa.net/xml/VOEvent/v2.0" ivorn="ivo://x.org/s#1"
 role="{role}" version="2.0"><What><Param name="mag" value="17.5"/></What><WhereWhen><ObsDataLocation>
<ObservatoryLocation id="Palomar"/><ObservationLocation><AstroCoordSystem id="{system}"/>
<AstroCoords coord_system_id="{system}"><Time unit="s"><TimeInstant><ISOTime>{time}</ISOTime></TimeInstant></Time>
{place}</AstroCoords></ObservationLocation></ObsDataLocation></WhereWhen>{more}</v:VOEvent>"""
PLACE = """<Position2D unit="deg"><Name1>RA</Name1><Name2>Dec</Name2><Value2><C1>150.5</C1><C2>-20.25</C2></Value2>
<Error2Radius>0.01</Error2Radius></Position2D>"""
BARE = "<Position3D><Value3><C1>150.5</C1><C2>-20.25</C2><C3>1</C3></Value3></Position3D>"


def an_event(**changes: str) -> str:
    values = {"role": "observation", "system": "UTC-ICRS-TOPO", "time": "2020-05-31T06:00:00", "place": PLACE}
    return EVENT.format(**(values | {"more": ""} | changes))


def test_a_gaia_alert() -> None:
    file = a_file(DATA / "voevent_Gaia16aac.xml", names=("Gaia16aac",), position=(73.29423, 7.35212), kind="astrometry")
    assert processor_of(file) == "voevent"
    found, reading = positions(file)
    assert (found.ra_deg.tolist(), found.dec_deg.tolist()) == ([73.29423], [7.35212])
    assert found.ra_error_arcsec[0] == found.dec_error_arcsec[0] == pytest.approx(0.072, abs=1e-12)
    geocentric = float(tdb_to_utc(57403.0 + (7 * 3600 + 52 * 60 + 27) / 86400))
    assert 300 < (geocentric - found.mjd_utc[0]) * 86400 < 400, "the Earth was nearer to the source than the barycentre"
    assert found.external_id.tolist() == ["ivo://gaia.cam.uk/alerts#Gaia16aac"]
    assert (found.source_name[0], found.telescope[0], found.time_quality[0]) == (
        "gaia.cam.uk/alerts", "GAIA", "converted",
    )  # fmt: skip
    assert '"alert-magnitude.averagemag":17.32' in found.reported[0]
    assert notes(reading, "TIME_CONVERTED") == ["BJD-2400000.5 converted to UTC at the Earth's centre"]
    assert notes(reading, "ERROR_ASSUMED") == [
        "the error radius, 0.072 arcsec, is taken as one sigma in each direction"
    ]
    assert not notes(reading, "FAR_FROM_TARGET")


def test_a_target_without_a_position_takes_the_events() -> None:
    path = DATA / "voevent_Gaia16aac.xml"
    alone, _ = positions(a_file(path))
    known, _ = positions(a_file(path, position=(73.29423, 7.35212)))
    assert alone.mjd_utc.tolist() == known.mjd_utc.tolist()


@pytest.mark.parametrize(
    ("system", "mjd"),
    [
        ("UTC-ICRS-TOPO", 59000.25), ("TT-ICRS-GEO", float(tt_to_utc(59000.25))),
        ("GPS-FK5-TOPO", float(tai_to_utc(59000.25 + 19 / 86400))), ("GPS-ICRS-GEO", 59000.25 - 18 / 86400),
    ],
)  # fmt: skip
def test_scales(tmp_path: Path, system: str, mjd: float) -> None:
    found, reading = positions(write(tmp_path, an_event(system=system)))
    assert found.mjd_utc[0] == pytest.approx(mjd, abs=1e-9)
    assert bool(notes(reading, "FRAME_ASSUMED")) == ("FK5" in system)
    assert (found.ra_error_arcsec[0], found.telescope[0], found.source_name[0]) == (36.0, "Palomar", "x.org/s")
    assert '"What.mag":17.5' in found.reported[0]


def test_a_position_without_an_error(tmp_path: Path) -> None:
    found, reading = positions(write(tmp_path, an_event(place=BARE), position=(150.6, -20.25)))
    assert (found.ra_deg[0], found.dec_deg[0], str(found.ra_error_arcsec[0])) == (150.5, -20.25, "nan")
    assert notes(reading, "FAR_FROM_TARGET") == ["1 row is more than 5 arcsec from the target (max 337.7)"]
    swapped = PLACE.replace("RA", "?").replace("Dec", "RA").replace("?", "Dec").replace("150.5", "12.5")
    assert positions(write(tmp_path, an_event(place=swapped.replace("-20.25", "200.5"))))[0].ra_deg.tolist() == [200.5]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"role": "test"}, 'the event\'s role is "test", not observation; nothing is taken'),
        ({"role": "prediction"}, 'the event\'s role is "prediction", not observation'),
        ({"more": '<Citations><EventIVORN cite="retraction">ivo://x.org/s#0</EventIVORN></Citations>'},
         "the event retracts ivo://x.org/s#0; nothing is taken"),
        ({"system": "UTC-FK4-TOPO"}, 'the coordinate system "UTC-FK4-TOPO" is not one of scale-frame-place'),
        ({"system": "UTC-ICRS-MARS"}, 'the coordinate system "UTC-ICRS-MARS" is not one of'),
        ({"system": "ET1-ICRS-GEO"}, 'time scale "ET1" is not one of utc, tai, tt, tdb, tcb; convert the times first'),
        ({"time": "yesterday"}, 'time "yesterday" is not an ISO 8601 time'),
        ({"time": ""}, "the event says no time of its position (no ISOTime)"),
        ({"place": ""}, "the event says no position (no Position2D or Position3D)"),
        ({"place": PLACE.replace("deg", "rad")}, 'the unit of the position is "rad"; degrees are wanted'),
        ({"place": PLACE.replace("RA", "GLON")}, "the axes are GLON and DEC; RA and Dec are wanted"),
        ({"place": PLACE.replace("150.5", "400.5")}, "Right ascension 400.5 is outside 0 to 360 degrees"),
        ({"place": PLACE.replace("150.5", "")}, "there is no position"),
        ({"place": PLACE.replace("0.01", "wide")}, 'column Error2Radius: "wide" is no error of a position'),
    ],
)  # fmt: skip
def test_events_that_are_refused(tmp_path: Path, changes: dict[str, str], words: str) -> None:
    file = write(tmp_path, an_event(**changes))
    assert processor_of(file) == "voevent"
    with pytest.raises(UnreadableFile) as caught:
        read(file)
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<VOEvent/>", "the event says no position (WhereWhen has no AstroCoords)"),
        ("<ades></ades>", "the file is no VOEvent; its root element must be VOEvent"),
        (an_event()[:600], "the VOEvent cannot be read"),
        (an_event(more='<!ENTITY a "b">'), "the VOEvent has entities"),
        ("mjd,mag\n1,2\n", "the file is no VOEvent"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        REGISTRY.processor("voevent").read(write(tmp_path, text), {})
    assert words in caught.value.message
