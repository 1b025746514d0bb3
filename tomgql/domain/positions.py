"""Positions as text: decimal degrees or sexagesimal, read and written.

Frame: ICRS throughout; degrees. Right ascension in sexagesimal form is in hours, unless it carries a degree sign
or ``d``. `astropy.coordinates` is not used because importing it takes a second.
"""

from __future__ import annotations

import math
import re

import numpy as np
from numpy.typing import ArrayLike

from tomgql.errors import InvalidCoordinates

_SEXAGESIMAL = re.compile(
    r"""(?P<sign>[+-]?)\s*(?P<first>\d{1,3})\s*(?P<mark>[:hd°\s])\s*(?P<minutes>\d{1,2})\s*(?:[:m'′\s]\s*
        (?:(?P<seconds>\d{1,2}(?:\.\d*)?)\s*[s"″]?)?)?""",
    re.VERBOSE,
)
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
POLE_RA_DEG, POLE_DEC_DEG = 192.85948, 27.12825
"""The north galactic pole, ICRS, degrees (Hipparcos catalogue, ESA 1997)."""

POLE_LONGITUDE_DEG = 122.93192
"""Galactic longitude of the north celestial pole, degrees: the node's 32.93192 and 90."""

_EXAMPLES = {"right ascension": "155.127083 or 10:20:30.5", "declination": "-5.5 or -05:30:00"}


def require_point(ra_deg: float, dec_deg: float, what: str, path: list[str] | None = None) -> None:
    """The two numbers are a point of the sky, else InvalidCoordinates; not a number is none."""
    if not (0 <= ra_deg <= 360 and -90 <= dec_deg <= 90):
        raise InvalidCoordinates(f"{what} needs raDeg from 0 to 360 and decDeg from -90 to 90.", path=path)


def parse_right_ascension(value: str | float) -> float:
    """Degrees, 0 <= ra < 360, from ``155.127083``, ``10:20:30.5``, ``10 20 30.5`` or ``10h20m30.5s``.

    Raises `InvalidCoordinates` for unreadable text and values out of range.
    """
    degrees = _parse("right ascension", value, hours=True)
    if not 0.0 <= degrees < 360.0:
        raise InvalidCoordinates(f"Right ascension {value} is outside 0 to 360 degrees (0 to 24 hours).")
    return degrees


def parse_declination(value: str | float) -> float:
    """Degrees, -90 <= dec <= 90, from ``-5.5``, ``-05:30:00``, ``-05 30 00`` or ``-05d30m00s``.

    Raises `InvalidCoordinates` for unreadable text and values out of range.
    """
    degrees = _parse("declination", value, hours=False)
    if not -90.0 <= degrees <= 90.0:
        raise InvalidCoordinates(f"Declination {value} is outside -90 to +90 degrees.")
    return degrees


def _parse(what: str, value: str | float, *, hours: bool) -> float:
    if isinstance(value, (int, float)):
        return _finite(what, float(value))
    text = value.strip().replace("−", "-")
    if _DECIMAL.fullmatch(text):
        return _finite(what, float(text))
    match = _SEXAGESIMAL.fullmatch(text)
    if match is None:
        raise InvalidCoordinates(f'Cannot read {what} "{value}". Write it as {_EXAMPLES[what]}.')
    return _from_parts(what, value, match, hours=hours)


def _finite(what: str, degrees: float) -> float:
    if not math.isfinite(degrees):
        raise InvalidCoordinates(f"The {what} is not a finite number.")
    return degrees


def _from_parts(what: str, value: str, match: re.Match[str], *, hours: bool) -> float:
    mark = match["mark"]
    if mark == "h" and not hours:
        raise InvalidCoordinates(f'Declination "{value}" is written in hours; write degrees.')
    minutes, seconds = int(match["minutes"]), float(match["seconds"] or 0.0)
    if minutes >= 60 or seconds >= 60.0:
        raise InvalidCoordinates(f'In {what} "{value}" minutes and seconds must be below 60.')
    size = int(match["first"]) + minutes / 60.0 + seconds / 3600.0
    scale = 15.0 if hours and mark not in "d°" else 1.0
    return scale * (-size if match["sign"] == "-" else size)


def format_right_ascension(ra_deg: float, decimals: int = 3) -> str:
    """``10:20:30.500``: hours, minutes and seconds, rounded so that no part reads 60."""
    return _format(ra_deg % 360.0 / 15.0, decimals, wrap=24)


def format_declination(dec_deg: float, decimals: int = 2) -> str:
    """``-05:30:00.00``: degrees, minutes and seconds, always with a sign."""
    sign = "-" if math.copysign(1.0, dec_deg) < 0 else "+"
    return sign + _format(abs(dec_deg), decimals)


def _format(size: float, decimals: int, wrap: int | None = None) -> str:
    ticks = 10**decimals
    total = round(size * 3600 * ticks)
    whole, fraction = divmod(total, ticks)
    minutes, seconds = divmod(whole, 60)
    first, minutes = divmod(minutes, 60)
    first = first % wrap if wrap else first
    tail = f".{fraction:0{decimals}d}" if decimals else ""
    return f"{first:02d}:{minutes:02d}:{seconds:02d}{tail}"


def galactic(ra_deg: float, dec_deg: float) -> tuple[float, float]:
    """Galactic longitude (0 to below 360) and latitude in degrees of an ICRS position in degrees.

    Pole and node of the Hipparcos catalogue (ESA 1997, SP-1200, vol. 1, section 1.5.3).
    """
    ra, dec, pole = math.radians(ra_deg - POLE_RA_DEG), math.radians(dec_deg), math.radians(POLE_DEC_DEG)
    up = math.sin(pole) * math.sin(dec) + math.cos(pole) * math.cos(dec) * math.cos(ra)
    east = math.cos(dec) * math.sin(ra)
    north = math.cos(pole) * math.sin(dec) - math.sin(pole) * math.cos(dec) * math.cos(ra)
    longitude = (POLE_LONGITUDE_DEG - math.degrees(math.atan2(east, north))) % 360.0
    return longitude, math.degrees(math.atan2(up, math.hypot(east, north)))


def separation_arcsec(ra_deg: ArrayLike, dec_deg: ArrayLike, ra0_deg: float, dec0_deg: float) -> np.ndarray:
    """Angles in arcsec between positions, shape ``(n,)``, and one position.

    Haversines of the angle and of its supplement, so that it is exact for small angles and near the antipode.
    """
    ra, dec = np.asarray(ra_deg, float), np.asarray(dec_deg, float)
    half_ra = np.radians(ra - ra0_deg) / 2
    cosines = np.cos(np.radians(dec)) * math.cos(math.radians(dec0_deg))
    near = np.sin(np.radians(dec - dec0_deg) / 2) ** 2 + cosines * np.sin(half_ra) ** 2
    far = np.sin(np.radians(dec + dec0_deg) / 2) ** 2 + cosines * np.cos(half_ra) ** 2
    angles: np.ndarray = np.degrees(2 * np.arctan2(np.sqrt(np.maximum(near, 0)), np.sqrt(np.maximum(far, 0)))) * 3600.0
    return angles
