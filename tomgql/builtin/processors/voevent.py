"""The position of a VOEvent: where and when something was seen, and how well that is known.

Format: IVOA VOEvent 2.0 and 2.1, WhereWhen. The coordinate system's name says scale, frame and place, as
UTC-ICRS-TOPO; FK5 is taken as ICRS, which differs by less than 0.1 arcsec. The error is a radius of no stated
confidence and is taken as one sigma in each direction. Tests, predictions and retractions are no measurements.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar
from xml.etree.ElementTree import Element

from tomgql.builtin.processors.position_files import POSITION_OPTIONS, Records, read_positions
from tomgql.builtin.processors.readings import options_schema
from tomgql.builtin.processors.text_files import says_encoding
from tomgql.builtin.processors.time_frames import MJD_ORIGIN, time_facts
from tomgql.builtin.processors.xml_files import children, local_name, read_xml, root_name, text_of
from tomgql.domain.measurements import Note, Reading
from tomgql.domain.positions import parse_declination, parse_right_ascension
from tomgql.domain.time import SECONDS_PER_DAY, parse_iso
from tomgql.errors import InvalidCoordinates, InvalidInput, UnreadableFile
from tomgql.plugins.contracts import SourceFile

_ROOT = "VOEvent"
_COORDS = ("WhereWhen", "ObsDataLocation", "ObservationLocation", "AstroCoords")
_FRAMES = ("ICRS", "FK5")
_PLACES = {"BARY": "BARYCENTER", "GEO": "GEOCENTER", "TOPO": "TOPOCENTER", "HELIO": "HELIOCENTER"}
_TAI_MINUS_GPS_S = 19.0
_ROLES = {"ra_error": "Error2Radius", "dec_error": "Error2Radius", "external_id": "ivorn", "telescope": "observatory"}
_MOST_PARAMS = 200
"""Parameters kept with the position; alerts have a few dozens."""

_ROLE = "observation"


@dataclass(frozen=True)
class _System:
    """The parts of a coordinate system's name."""

    scale: str
    frame: str
    place: str


class VoEventProcessor:
    """Reads the position that a VOEvent reports."""

    name: ClassVar[str] = "voevent"
    title: ClassVar[str] = "VOEvent"
    version: ClassVar[str] = "1"
    data_types: ClassVar[tuple[str, ...]] = ("astrometry",)
    options_schema: ClassVar[Mapping[str, Any]] = options_schema(POSITION_OPTIONS)

    def confidence(self, file: SourceFile) -> int:
        """95 when VOEvent is the root element."""
        return 95 * (root_name(file) == _ROOT)

    @says_encoding
    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read the event's position. Raises `UnreadableFile` where it has none, or is no observation."""
        event = read_xml(file, _ROOT, _ROOT)
        _refuse_others(event, file.name)
        coords = next(children(event, *_COORDS), None)
        if coords is None:
            raise UnreadableFile(f"{file.name}: the event says no position (WhereWhen has no AstroCoords).")
        system = _system(event, coords, file.name)
        records = Records(units={"Error2Radius": "deg"})
        ra, dec = _position(coords, file.name)
        records.add(_said(event, coords), _time(coords, system, file.name), ra, dec, ())
        facts = _facts(event, system, file.name)
        reading = read_positions(_placed(file, ra, dec), records, _ROLES, facts, options, self.title)
        _note(system, reading)
        return reading


def _placed(file: SourceFile, ra: str, dec: str) -> SourceFile:
    """The file, with the event's place where the target has none: times of the barycentre need one."""
    if file.target_ra_deg is not None:
        return file
    try:
        return replace(file, target_ra_deg=parse_right_ascension(ra), target_dec_deg=parse_declination(dec))
    except InvalidCoordinates:
        return file


def _refuse_others(event: Element, file_name: str) -> None:
    role = (event.get("role") or _ROLE).strip().lower()
    if role != _ROLE:
        raise UnreadableFile(f'{file_name}: the event\'s role is "{role[:40]}", not {_ROLE}; nothing is taken.')
    for citation in children(event, "Citations", "EventIVORN"):
        if (citation.get("cite") or "").strip().lower() == "retraction":
            told = (citation.text or "").strip()[:200]
            raise UnreadableFile(f"{file_name}: the event retracts {told}; nothing is taken.")


def _system(event: Element, coords: Element, file_name: str) -> _System:
    named = next(children(event, *_COORDS[:-1], "AstroCoordSystem"), None)
    text = coords.get("coord_system_id") or (named.get("id") if named is not None else None) or ""
    parts = text.strip().upper().split("-")
    if len(parts) != 3 or parts[1] not in _FRAMES or parts[2] not in _PLACES:
        raise UnreadableFile(
            f'{file_name}: the coordinate system "{text[:60]}" is not one of scale-frame-place such as UTC-ICRS-TOPO, '
            f"with a frame of {', '.join(_FRAMES)} and a place of {', '.join(_PLACES)}; convert the position."
        )
    return _System(*parts)


def _position(coords: Element, file_name: str) -> tuple[str, str]:
    """Right ascension and declination as they are written."""
    for form, value in (("Position2D", "Value2"), ("Position3D", "Value3")):
        place = next(children(coords, form), None)
        if place is None:
            continue
        unit = (place.get("unit") or "deg").strip().lower()
        if not unit.startswith("deg"):
            raise UnreadableFile(f'{file_name}: the unit of the position is "{unit[:40]}"; degrees are wanted.')
        names = [(text_of(place, f"Name{axis}") or usual).upper() for axis, usual in ((1, "RA"), (2, "DEC"))]
        cells = [text_of(place, value, f"C{axis}") or "" for axis in (1, 2)]
        if names == ["DEC", "RA"]:
            cells.reverse()
        elif names[0] != "RA" or not names[1].startswith("DEC"):
            raise UnreadableFile(f"{file_name}: the axes are {' and '.join(names)[:60]}; RA and Dec are wanted.")
        return cells[0], cells[1]
    raise UnreadableFile(f"{file_name}: the event says no position (no Position2D or Position3D).")


def _time(coords: Element, system: _System, file_name: str) -> float:
    """MJD in the event's own scale, or in TAI of GPS's."""
    text = text_of(coords, "Time", "TimeInstant", "ISOTime")
    if text is None:
        raise UnreadableFile(f"{file_name}: the event says no time of its position (no ISOTime).")
    try:
        mjd, _ = parse_iso(text)
    except InvalidInput as fault:
        raise UnreadableFile(f"{file_name}: {fault.message[:200]}.") from None
    return mjd + (_TAI_MINUS_GPS_S / SECONDS_PER_DAY if system.scale == "GPS" else 0.0)


def _facts(event: Element, system: _System, file_name: str) -> dict[str, Any]:
    scale = "tai" if system.scale == "GPS" else system.scale
    facts = time_facts(MJD_ORIGIN, scale, _PLACES[system.place], file_name)
    ivorn = (event.get("ivorn") or "").partition("://")[2].partition("#")[0]
    return {"time_scale": "utc", "source_name": ivorn or _ROOT} | facts


def _said(event: Element, coords: Element) -> dict[str, Any]:
    """What is kept with the position: the event's identity, its place and time as written, and its parameters."""
    observatory = next(children(event, "WhereWhen", "ObsDataLocation", "ObservatoryLocation"), None)
    said = {
        "ivorn": event.get("ivorn"), "role": event.get("role"), "system": coords.get("coord_system_id"),
        "ISOTime": text_of(coords, "Time", "TimeInstant", "ISOTime"),
        "C1": text_of(coords, "Position2D", "Value2", "C1"), "C2": text_of(coords, "Position2D", "Value2", "C2"),
        "Error2Radius": text_of(coords, "Position2D", "Error2Radius"),
        "observatory": observatory.get("id") if observatory is not None else None,
        "concept": text_of(event, "Why", "Concept"), "description": text_of(event, "What", "Description"),
    }  # fmt: skip
    return {name: value for name, value in said.items() if value} | _params(event)


def _params(event: Element) -> dict[str, str]:
    """``What``'s parameters, those of a group as ``group.name``."""
    found: dict[str, str] = {}
    for group, param in _each_param(event):
        name = param.get("name") or param.get("ucd") or "parameter"
        value = param.get("value") or text_of(param, "Value")
        if value and len(found) < _MOST_PARAMS:
            found[f"{group}.{name}" if group else f"What.{name}"] = value
    return found


def _each_param(event: Element) -> list[tuple[str, Element]]:
    alone = [("", param) for param in children(event, "What", "Param")]
    groups = [each for what in children(event, "What") for each in what if local_name(each) == "Group"]
    return alone + [(group.get("name") or "", param) for group in groups for param in children(group, "Param")]


def _note(system: _System, reading: Reading) -> None:
    if system.frame != "ICRS":
        words = f"the position is in {system.frame}, taken as ICRS; they differ by less than 0.1 arcsec"
        reading.notes.append(Note("INFO", "FRAME_ASSUMED", words))
    if reading.astrometry is not None and math.isfinite(radius := float(reading.astrometry.ra_error_arcsec[0])):
        words = f"the error radius, {radius:g} arcsec, is taken as one sigma in each direction"
        reading.notes.append(Note("INFO", "ERROR_ASSUMED", words))
