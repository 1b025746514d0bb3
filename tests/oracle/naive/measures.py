"""Times and positions by astropy and by vectors; nothing of `tomgql.domain`.

A float MJD of today is exact to 7e-12 days (0.6 microseconds) and suffers two roundings on its way through a scale.
TDB comes from ERFA's series, the product's from a shorter one that the schema calls good to 10 microseconds.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
from astropy import units
from astropy.coordinates import Angle, SkyCoord
from astropy.time import Time

from tests.oracle.naive.leaves import Measured

TOLERANCE_DAYS = {"UTC": 0.0, "TAI": 2e-11, "TT": 2e-11, "TDB": 10e-6 / 86400 + 2e-11}
"""How far a time in each scale may be off, days."""

TOLERANCE_ARCSEC = 3e-10
"""How far apart two good formulas for an angle may be: products of sines and cosines are good to 1e-15 radians."""

TOLERANCE_GALACTIC_DEG = 1e-5
"""How far galactic positions may be off, degrees: the product's pole is the Hipparcos catalogue's, rounded to 1e-5;
astropy's hangs on FK5, which is turned against ICRS by some 20 mas."""

MJD_EPOCH = datetime(1858, 11, 17, tzinfo=UTC)


@cache
def mjd(days: float, scale: str) -> Measured:
    """An MJD in UTC in another scale, days."""
    if scale == "UTC":
        return Measured(days, 0.0)
    moment = Time(days, format="mjd", scale="utc")
    return Measured(float(getattr(moment, scale.lower()).mjd), TOLERANCE_DAYS[scale])


@cache
def timestamp(days: float) -> datetime:
    """An MJD in UTC as a time, to the nearest millisecond."""
    milliseconds = math.floor((days - int(days)) * 86_400_000 + 0.5)
    return MJD_EPOCH + timedelta(days=int(days), milliseconds=milliseconds)


def _vector(ra_deg: float, dec_deg: float) -> np.ndarray:
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    return np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])


@cache
def separation(ra_deg: float, dec_deg: float, ra0_deg: float, dec0_deg: float) -> Measured:
    """Angle between two positions (degrees), arcsec: from the cross and the dot product of their unit vectors."""
    one, other = _vector(ra_deg, dec_deg), _vector(ra0_deg, dec0_deg)
    angle = math.atan2(float(np.linalg.norm(np.cross(one, other))), float(np.dot(one, other)))
    arcsec = math.degrees(angle) * 3600
    return Measured(arcsec, max(TOLERANCE_ARCSEC, 1e-12 * arcsec))


@cache
def galactic(ra_deg: float, dec_deg: float) -> tuple[Measured, Measured]:
    """Galactic longitude and latitude, degrees."""
    there = SkyCoord(ra_deg, dec_deg, unit="deg", frame="icrs").galactic
    along = TOLERANCE_GALACTIC_DEG / math.cos(there.b.rad)
    return Measured(there.l.deg, along), Measured(there.b.deg, TOLERANCE_GALACTIC_DEG)


@cache
def constellation(ra_deg: float, dec_deg: float) -> str:
    """Name of the constellation."""
    return str(SkyCoord(ra_deg, dec_deg, unit="deg", frame="icrs").get_constellation())


@cache
def hms(ra_deg: float) -> str:
    """Right ascension as hours, minutes and seconds, to the millisecond."""
    text = str(Angle(ra_deg, units.deg).to_string(units.hourangle, sep=":", precision=3, pad=True))
    return text.replace("24:00:00", "00:00:00")


@cache
def dms(dec_deg: float) -> str:
    """Declination as degrees, arcminutes and arcseconds, to the hundredth, with its sign."""
    return str(Angle(dec_deg, units.deg).to_string(units.deg, sep=":", precision=2, pad=True, alwayssign=True))
