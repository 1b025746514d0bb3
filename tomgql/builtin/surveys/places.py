"""Where a target is when a survey looks at it, and which object of a catalogue it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TypeVar

from tomgql.domain.positions import separation_arcsec
from tomgql.errors import InvalidInput
from tomgql.plugins.surveys import SurveyTarget

Item = TypeVar("Item")

_MAS_PER_DEGREE = 3_600_000.0
_POLE_COSINE = 1e-6


def place_at(target: SurveyTarget, year: float) -> tuple[float, float]:
    """ICRS position in degrees at a Julian year, moved along by the proper motion.

    Raises `InvalidInput` for a target that has lost its position since it was asked about.
    """
    if target.ra_deg is None or target.dec_deg is None:
        raise InvalidInput("The target has no position any more.")
    years = year - (target.epoch or 2000.0)
    cosine = max(math.cos(math.radians(target.dec_deg)), _POLE_COSINE)
    ra = target.ra_deg + (target.proper_motion_ra_mas_yr or 0.0) * years / _MAS_PER_DEGREE / cosine
    dec = target.dec_deg + (target.proper_motion_dec_mas_yr or 0.0) * years / _MAS_PER_DEGREE
    return ra % 360.0, max(-90.0, min(90.0, dec))


def place_refusal(target: SurveyTarget, southern_limit_deg: float = -90.0) -> str | None:
    """Why a survey of fixed positions cannot be asked: a moving target, no position, or below its sky."""
    if target.type != "SIDEREAL":
        return "it is asked by position, and the target moves."
    if target.ra_deg is None or target.dec_deg is None:
        return "the target has no position."
    if target.dec_deg < southern_limit_deg:
        return f"its sky ends at declination {southern_limit_deg:g}; the target lies at {target.dec_deg:.2f}."
    return None


def nearest(
    items: Iterable[Item], place_of: Callable[[Item], tuple[float, float]], at: tuple[float, float], most_arcsec: float
) -> tuple[Item, float] | None:
    """The item nearest to a position (ICRS, degrees) and its separation in arcsec; None when none is near enough."""
    found = [(float(separation_arcsec(*place_of(item), *at)), item) for item in items]
    within = [(separation, number) for number, (separation, _) in enumerate(found) if separation <= most_arcsec]
    if not within:
        return None
    separation, number = min(within)
    return found[number][1], separation
