"""ADES, the IAU's Astrometry Data Exchange Standard, as XML and as PSV (values between bars).

Format: https://github.com/IAU-ADES/ADES-Master, versions 2017 and 2022. Times are UTC, the middle of the exposure;
positions ICRS, degrees; rmsRA (times cos dec) and rmsDec arcsec, one sigma. An occultation or an offset gives a star's
place and how far the object was from it, deltaRA (times cos dec) and deltaDec in arcsec, or dist and pa. Radar measures
no position.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from tomgql.builtin.processors.ades_psv import parse_psv, psv_confidence
from tomgql.builtin.processors.ades_xml import parse_xml
from tomgql.builtin.processors.position_files import POSITION_OPTIONS, Records, note_magnitudes, read_positions, taken
from tomgql.builtin.processors.readings import options_schema
from tomgql.builtin.processors.text_files import head_text, read_text, says_encoding
from tomgql.builtin.processors.xml_files import read_xml, root_name
from tomgql.domain.measurements import Note, Reading, rows_text
from tomgql.domain.positions import parse_declination, parse_right_ascension
from tomgql.errors import InvalidCoordinates, UnreadableFile
from tomgql.plugins.contracts import SourceFile

_ROOT = "ades"
_NAMES = ("permID", "provID", "trkSub", "artSat")
"""What an observation calls its object, the best first."""

_ROLES = {"ra_error": "rmsRA", "dec_error": "rmsDec", "observatory_code": "stn", "external_id": "obsID"}
_POLE_DEG = 89.9999
"""Declination beyond which an offset in right ascension says nothing."""


class AdesProcessor:
    """Reads optical and occultation observations in ADES."""

    name: ClassVar[str] = "ades"
    title: ClassVar[str] = "ADES astrometry (XML or PSV)"
    version: ClassVar[str] = "1"
    data_types: ClassVar[tuple[str, ...]] = ("astrometry",)
    options_schema: ClassVar[Mapping[str, Any]] = options_schema(POSITION_OPTIONS)

    def confidence(self, file: SourceFile) -> int:
        """95 when ades is the root element, or a version and a line of ADES's names are there."""
        if root_name(file) == _ROOT:
            return 95
        return psv_confidence(head_text(file) or "")

    @says_encoding
    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read all observations. Raises `UnreadableFile` when none is a position of the target."""
        if (head_text(file) or "").lstrip().startswith("<"):
            kind, found = "XML", parse_xml(read_xml(file, _ROOT, "ADES document"))
        else:
            kind, found = "PSV", parse_psv(read_text(file))
        records = _records(found)
        if not records.said:
            raise UnreadableFile(f"{file.name}: the ADES {kind} holds no observation.")
        facts = {"time_format": "iso", "time_scale": "utc", "time_reference": "middle", "source_name": "MPC"}
        reading = read_positions(file, records, _ROLES, facts, options, f"ADES {kind}")
        note_magnitudes(records, reading)
        _note_offsets(records, reading)
        return reading


def _records(found: Iterable[dict[str, str] | str]) -> Records:
    """Observations as records; a text is why there is none."""
    records = Records()
    for said in found:
        if isinstance(said, str):
            records.reject("RAGGED_ROW", said)
            continue
        fault = _fault(said)
        if fault is not None:
            records.reject(*fault)
            continue
        ra, dec = _position(said)
        names = tuple(said[name] for name in _NAMES if said.get(name))
        records.add(dict(said), said.get("obsTime"), ra, dec, names)
    return records


def _fault(said: Mapping[str, str]) -> tuple[str, str] | None:
    """Why an observation gives no position, as a code and words."""
    kind = said.get("kind") or ("radar" if "delay" in said or "doppler" in said else "optical")
    if "deprecated" in said:
        return "REPLACED", "the observation is deprecated; another one replaces it"
    if kind == "radar" and "ra" not in said:
        return "NO_POSITION", "a radar observation has a delay or Doppler shift, and no position"
    if _has(said, "ra", "dec"):
        return None
    if not _has(said, "raStar", "decStar"):
        return "NO_POSITION", f"{_article(kind)} observation without ra and dec"
    if not _has(said, "deltaRA", "deltaDec") and not _has(said, "dist", "pa"):
        return "NO_POSITION", f"{_article(kind)} observation with a star's place but no offset from it"
    if _position(said) == (None, None):
        return "UNREADABLE_POSITION", "cannot read the star's place or the offset from it"
    return None


def _article(kind: str) -> str:
    return f"{'an' if kind[:1] in 'aeio' else 'a'} {kind[:30]}"


def _has(said: Mapping[str, str], *names: str) -> bool:
    return all(name in said for name in names)


def _position(said: Mapping[str, str]) -> tuple[float | str | None, float | str | None]:
    """As it is written, or the star's with the offset added; None where that cannot be computed."""
    if _has(said, "ra", "dec"):
        return said["ra"], said["dec"]
    try:
        ra, dec = parse_right_ascension(said["raStar"]), parse_declination(said["decStar"])
        east, north = _offset_arcsec(said)
    except (InvalidCoordinates, ValueError):
        return None, None
    dec_deg = dec + north / 3600.0
    if abs(dec) > _POLE_DEG or not math.isfinite(east + dec_deg):
        return None, None
    return (ra + east / 3600.0 / math.cos(math.radians(dec))) % 360.0, dec_deg


def _offset_arcsec(said: Mapping[str, str]) -> tuple[float, float]:
    """Arcsec towards east (times cos dec) and north. Raises ValueError for what is no number."""
    if _has(said, "deltaRA", "deltaDec"):
        return float(said["deltaRA"]), float(said["deltaDec"])
    distance, angle = float(said["dist"]), math.radians(float(said["pa"]))
    return distance * math.sin(angle), distance * math.cos(angle)


def _note_offsets(records: Records, reading: Reading) -> None:
    count = sum("ra" not in said for said in taken(records, reading))
    if count:
        words = f"{rows_text(count)} with a star's place and an offset; the position is their sum"
        reading.notes.append(Note("INFO", "OFFSET_ADDED", words, count=count))
