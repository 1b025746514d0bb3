"""Light curves: the points as they are, binned, or thinned.

A bin is the mean of its fluxes weighted by their inverse variances, at the mean of their times under the same weights;
what follows from the flux follows from that mean. Fluxes without errors weigh alike and make bins of their own.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from tests.oracle.naive import brightness, measures
from tests.oracle.naive.filters import holds
from tests.oracle.naive.leaves import Measured
from tests.oracle.naive.rights import Asker
from tests.oracle.naive.rules import Rules
from tests.oracle.naive.sky import Row

MEAN_TOLERANCE_DAYS = 5e-11
"""How far means of times may differ by the order in which they are added up, days."""


@dataclass
class Curve:
    """The points of a light curve, and in what terms they are asked for."""

    points: list[Row]
    flux_unit: str | None
    system: str | None
    time_scale: str | None
    n_sigma: float | None


def light_curve(
    ask: Asker,
    target: Row,
    where: Any = None,
    flux_unit: str | None = None,
    system: str | None = None,
    time_scale: str | None = None,
    n_sigma: float | None = None,
    bin_days: float | None = None,
    max_points: int | None = None,
) -> Curve:
    """The photometry in use of a target that may be seen, by time."""
    points = [
        datum
        for datum in ask.rows("reduced_data")
        if datum.target_id == target.id and datum.data_type == "photometry" and not datum.disabled
        if holds(ask, "PhotometryWhere", datum, where)
    ]
    if bin_days is not None:
        points = _binned(points, bin_days)
    points.sort(key=_when)
    if max_points is not None and len(points) > max_points:
        points = sorted(_thinned(points, max_points), key=_when)
    return Curve(points, flux_unit, system, time_scale, n_sigma)


def _when(point: Row) -> tuple[float, int]:
    return point.mjd, point.id


def _groups(points: Iterable[Row], key: Callable[[Row], Any]) -> list[list[Row]]:
    return [list(members) for _, members in groupby(sorted(points, key=lambda each: repr(key(each))), key=key)]


def _binned(points: list[Row], days: float) -> list[Row]:
    def place(point: Row) -> Any:
        own = (point.telescope, point.instrument, point.band, point.difference, point.flux_error_ujy is None)
        return own, math.floor(point.mjd / days)

    return [_mean(members) for members in _groups([each for each in points if each.flux_ujy is not None], place)]


def _mean(members: list[Row]) -> Row:
    bare = members[0].flux_error_ujy is None
    weights = [1.0 if bare else each.flux_error_ujy**-2 for each in members]
    total = math.fsum(weights)

    def mean(name: str) -> float:
        return math.fsum(weight * getattr(each, name) for weight, each in zip(weights, members, strict=True)) / total

    fluxes = [each.flux_ujy for each in members]
    first = vars(min(members, key=_when))
    return Row("reduced_data", {
        **{name: None if name.startswith(("reported", "limit")) else value for name, value in first.items()},
        "mjd": mean("mjd"),
        "source_name": ", ".join(sorted({each.source_name for each in members})),
        "flux_ujy": mean("flux_ujy"),
        "flux_error_ujy": None if bare else total**-0.5,
        "bin_count": len(members),
        "flux_scatter_ujy": statistics.stdev(fluxes) if len(fluxes) > 1 else None,
    })  # fmt: skip


def _series(point: Row) -> tuple[str, int]:
    """Fluxes, magnitudes without one and bare limits of one band are looked at apart."""
    kind = 1 if point.flux_ujy is not None else 2 if point.reported_magnitude is not None else 3
    return point.band, kind


def _height(point: Row) -> float:
    magnitude, limit = (
        None if each is None else -each for each in (point.reported_magnitude, point.reported_limit)
    )
    return next((each for each in (point.flux_ujy, magnitude, point.limit_flux_ujy, limit) if each is not None), 0.0)


def _thinned(points: list[Row], most: int) -> list[Row]:
    """The lowest and the highest point of every stretch; each series has stretches by its share, at least one."""
    kept: list[Row] = []
    series = _groups(points, _series)
    for members in series:
        members.sort(key=_when)
        stretches = 1 + max(most - 2 * len(series), 0) * len(members) // len(points) // 2
        for number in range(stretches):
            stretch = [each for n, each in enumerate(members) if n * stretches // len(members) == number]
            ends = {min(stretch, key=_height), max(stretch, key=_height)} if stretch else set()
            kept += ends
    return kept


def _each(read: Callable[[Curve, Row], Any]) -> Any:
    return lambda _ask, curve: [read(curve, point) for point in curve.points]


def _mjd(curve: Curve, point: Row) -> Measured:
    found = measures.mjd(point.mjd, curve.time_scale or "UTC")
    return found if _bin_count(point) == 1 else Measured(found, found.tolerance + MEAN_TOLERANCE_DAYS)


def _bin_count(point: Row) -> int:
    return int(vars(point).get("bin_count", 1))


LIGHT_CURVE: Rules = {
    "count": lambda _ask, curve: len(curve.points),
    "id": _each(lambda _, point: point.public_id),
    "mjd": _each(_mjd),
    "band": _each(lambda _, point: point.band),
    "flux": _each(lambda curve, point: brightness.in_unit(point.flux_ujy, curve.flux_unit)),
    "fluxError": _each(lambda curve, point: brightness.in_unit(point.flux_error_ujy, curve.flux_unit)),
    "fluxScatter": _each(lambda curve, point: brightness.in_unit(vars(point).get("flux_scatter_ujy"), curve.flux_unit)),
    "magnitude": _each(lambda curve, point: brightness.magnitude(point, curve.system, curve.n_sigma)),
    "magnitudeError": _each(lambda _, point: brightness.magnitude_error(point)),
    "limit": _each(lambda curve, point: brightness.limit(point, curve.system, curve.n_sigma)),
    "isDetection": _each(lambda curve, point: brightness.is_detection(point, curve.n_sigma)),
    "telescope": _each(lambda _, point: point.telescope),
    "instrument": _each(lambda _, point: point.instrument),
    "sourceName": _each(lambda _, point: point.source_name),
    "binCount": _each(lambda _, point: _bin_count(point)),
}
