"""Designations of minor planets, comets and natural satellites, packed as the Minor Planet Center does, and plain.

Source: https://www.minorplanetcenter.net/iau/info/PackedDes.html. ``00085`` is (85), ``K20Q04A`` is 2020 QA4,
``CJ95O010`` is C/1995 O1. A number and a provisional designation of one object are two designations; which belong
together only a file or the target's aliases can say.
"""

from __future__ import annotations

import re

from tomgql.domain.names import simplify_name

_BASE_62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_HALF_MONTH, _SECOND = "[A-HJ-Y]", "[A-HJ-Z]"
_SECOND_LETTERS = "ABCDEFGHJKLMNOPQRSTUVWXYZ"
_TILDED = 620_000
"""Number from which four digits of base 62 follow a tilde; from 100,000 the first of five characters is a letter."""

_FIRST_LONG_CYCLE = 620
"""Cycle of second letters from which a packed provisional designation begins with an underscore."""

_ORBITS = "PCDXAIS"
"""Letters before the packed designation of a comet, an interstellar object or a satellite."""

_PLANETS = {"J": "Jupiter", "S": "Saturn", "U": "Uranus", "N": "Neptune", "P": "Pluto"}

_LONGEST = 100
"""Characters; a longer name is nothing but itself."""

_PACKED_NUMBER = re.compile(r"[0-9A-Za-z]\d{4}", re.ASCII)
_PACKED_LARGE_NUMBER = re.compile(r"~[0-9A-Za-z]{4}")
_PACKED_COMET_NUMBER = re.compile(r"(\d{4})([PDCXAI])", re.ASCII)
_PACKED_SATELLITE_NUMBER = re.compile(r"([JSUNP])(\d{3})S", re.ASCII)
_PACKED_PROVISIONAL = re.compile(rf"([I-L])(\d\d)({_HALF_MONTH})([0-9A-Za-z])(\d)({_SECOND})", re.ASCII)
_PACKED_LONG = re.compile(rf"_([0-9A-Za-z])({_HALF_MONTH})([0-9A-Za-z]{{4}})")
_PACKED_SURVEY = re.compile(r"(PL|T1|T2|T3)S(\d{4})", re.ASCII)
_PACKED_ORDER = re.compile(rf"([A-L])(\d\d)({_HALF_MONTH})([0-9A-Za-z])(\d)([0a-z])", re.ASCII)
_PACKED_SATELLITE = re.compile(r"([A-L])(\d\d)([A-Z])([0-9A-Za-z])(\d)0", re.ASCII)

_NUMBERED = re.compile(r"\(?0*([1-9]\d{0,7})\)?")
_NUMBER_AND_MORE = re.compile(r"\(0*([1-9]\d{0,7})\)\s*(\S.*)|([1-9]\d{0,7})\s+([A-Z][a-z].*)")
_COMET_AND_NAME = re.compile(r"(\d{1,4}[PDI](?:-[A-Z]{1,2})?)\s*/\s*\D.*")
_BRACKETED_TAIL = re.compile(r"(.*\S)\s*\([^()]*\)")
_OLD_YEAR = re.compile(rf"A(\d{{3}} {_HALF_MONTH}{_SECOND})")
"""``A908 CJ``: the Center writes years before 1925 with an A in place of the 1."""


def unpack_number(packed: str) -> str | None:
    """``85`` of ``00085``, ``100345`` of ``A0345``, ``620061`` of ``~000z``, ``1P`` of ``0001P``; None for others."""
    if _PACKED_NUMBER.fullmatch(packed):
        number = _BASE_62.index(packed[0]) * 10_000 + int(packed[1:])
        return str(number) if number else None
    if _PACKED_LARGE_NUMBER.fullmatch(packed):
        return str(_TILDED + _base_62(packed[1:]))
    comet = _PACKED_COMET_NUMBER.fullmatch(packed)
    if comet is not None:
        return f"{int(comet[1])}{comet[2]}" if int(comet[1]) else None
    satellite = _PACKED_SATELLITE_NUMBER.fullmatch(packed)
    return f"{_PLANETS[satellite[1]]} {int(satellite[2])}" if satellite is not None else None


def unpack_provisional(packed: str, orbit: str = "") -> str | None:
    """``2020 QA4`` of ``K20Q04A``; None for temporary designations.

    ``orbit`` is the letter before a comet's or a satellite's: ``C/1995 O1`` of ``J95O010`` and C.
    """
    prefix = f"{orbit}/" if orbit else ""
    found = _PACKED_PROVISIONAL.fullmatch(packed)
    if found is not None:
        return f"{prefix}{_year(found[1], found[2])} {found[3]}{found[6]}{_cycle(found[4], found[5]) or ''}"
    if orbit:
        return _unpack_order(packed, orbit)
    survey = _PACKED_SURVEY.fullmatch(packed)
    if survey is not None:
        return f"{survey[2]} {survey[1][0]}-{survey[1][1]}"
    return _unpack_long(packed)


def _unpack_long(packed: str) -> str | None:
    found = _PACKED_LONG.fullmatch(packed)
    if found is None:
        return None
    cycle, letter = divmod(_base_62(found[3]), len(_SECOND_LETTERS))
    year = 2000 + _BASE_62.index(found[1])
    return f"{year} {found[2]}{_SECOND_LETTERS[letter]}{cycle + _FIRST_LONG_CYCLE}"


def _unpack_order(packed: str, orbit: str) -> str | None:
    """``C/1995 O1`` or, of a fragment, ``D/1993 F2-B``; ``S/2003 J 1`` of a satellite of Jupiter."""
    if orbit == "S":
        found = _PACKED_SATELLITE.fullmatch(packed)
        return found and f"S/{_year(found[1], found[2])} {found[3]} {_cycle(found[4], found[5])}"
    found = _PACKED_ORDER.fullmatch(packed)
    if found is None:
        return None
    fragment = "" if found[6] == "0" else f"-{found[6].upper()}"
    return f"{orbit}/{_year(found[1], found[2])} {found[3]}{_cycle(found[4], found[5])}{fragment}"


def _base_62(digits: str) -> int:
    value = 0
    for digit in digits:
        value = value * 62 + _BASE_62.index(digit)
    return value


def _year(century: str, year: str) -> str:
    return f"{_BASE_62.index(century)}{year}"


def _cycle(tens: str, ones: str) -> int:
    return _BASE_62.index(tens) * 10 + int(ones)


def name_keys(name: str) -> frozenset[str]:
    """The forms under which a name is compared: each designation in it, packed or not, and the name itself.

    ``(85) Io`` has the keys of 85 and of Io as well; ``C/2020 F3 (NEOWISE)`` those of C/2020 F3 and ``1P/Halley``
    that of 1P.
    """
    plain = name.strip()
    parts = [plain, *_parts(plain)] if len(plain) <= _LONGEST else [plain]
    unpacked = [found for part in parts if (found := _unpacked(part)) is not None]
    return frozenset(key for part in (*parts, *unpacked) if (key := _key(part)))


def _parts(name: str) -> list[str]:
    match = _NUMBER_AND_MORE.fullmatch(name)
    if match is not None:
        return [part for part in match.groups() if part]
    comet, tail = _COMET_AND_NAME.fullmatch(name), _BRACKETED_TAIL.fullmatch(name)
    return [found[1] for found in (comet, tail) if found is not None]


def _unpacked(name: str) -> str | None:
    """What a packed designation stands for; a text of five digits is a number in either form."""
    orbit = name[0] if len(name) == 8 and name[0] in _ORBITS else ""
    return unpack_number(name) or unpack_provisional(name) or (unpack_provisional(name[1:], orbit) if orbit else None)


def _key(name: str) -> str:
    number, old = _NUMBERED.fullmatch(name), _OLD_YEAR.fullmatch(name)
    return number[1] if number is not None else simplify_name(f"1{old[1]}" if old is not None else name)
