"""Reduced data of all kinds, and light curves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.oracle.naive import brightness, measures
from tests.oracle.naive.filters import holds
from tests.oracle.naive.leaves import iso
from tests.oracle.naive.rights import Asker
from tests.oracle.naive.rules import Rules, columns, public_id, row_of
from tests.oracle.naive.sky import Row

ANGSTROM_PER_UNIT = {"ANGSTROM": 1.0, "NM": 10.0, "MICRON": 1e4}


def _revisions(ask: Asker, datum: Row) -> list[Row]:
    """What the datum was before, newest first; each follows the product that it came from."""
    mine = [each for each in ask.sky.revisions if (each.target_id, each.id) == (datum.target_id, datum.id)]
    older = [each for each in mine if each.revision < datum.revision and ask.sees(each)]
    return sorted(older, key=lambda each: each.revision, reverse=True)


DATUM: Rules = {
    "id": public_id,
    **columns("dataType", "sourceName", "sourceLocation", "telescope", "instrument", "revision", "disabled"),
    **columns(value="reported"),
    "timestamp": lambda _ask, row: iso(measures.timestamp(row.mjd)),
    "mjd": lambda _ask, row, scale=None: measures.mjd(row.mjd, scale or "UTC"),
    "globalId": lambda _ask, row: str(row.global_id),
    "target": row_of("targets", "target_id"),
    "dataProduct": row_of("data_products", "data_product_id"),
    "revisions": _revisions,
}

PHOTOMETRY: Rules = {
    **DATUM,
    **columns("band", "forced", "difference", exposureSeconds="exposure_s"),
    "flux": lambda _ask, row, unit=None: brightness.in_unit(row.flux_ujy, unit),
    "fluxError": lambda _ask, row, unit=None: brightness.in_unit(row.flux_error_ujy, unit),
    "magnitude": lambda _ask, row, system=None, n_sigma=None: brightness.magnitude(row, system, n_sigma),
    "magnitudeError": lambda _ask, row: brightness.magnitude_error(row),
    "limit": lambda _ask, row, system=None, n_sigma=None: brightness.limit(row, system, n_sigma),
    "isDetection": lambda _ask, row, n_sigma=None: brightness.is_detection(row, n_sigma),
    "isCalibrated": lambda _ask, row: brightness.is_calibrated(row),
}


def _wavelength(_ask: Asker, row: Row, unit: str | None = None) -> list[float]:
    return [each / ANGSTROM_PER_UNIT[unit or "ANGSTROM"] for each in row.wavelength_angstrom]


SPECTROSCOPY: Rules = {
    **DATUM,
    **columns("fluxUnit", "medium", flux="flux_values", fluxError="flux_error_values", exposureSeconds="exposure_s"),
    "wavelength": _wavelength,
}

ASTROMETRY: Rules = {**DATUM, **columns("raDeg", "decDeg", "raErrorArcsec", "decErrorArcsec", "observatoryCode")}


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
) -> Curve:
    """The photometry in use of a target that may be seen, by time."""
    points = [
        datum
        for datum in ask.rows("reduced_data")
        if datum.target_id == target.id and datum.data_type == "photometry" and not datum.disabled
        if holds(ask, "PhotometryWhere", datum, where)
    ]
    points.sort(key=lambda datum: (datum.mjd, datum.id))
    return Curve(points, flux_unit, system, time_scale, n_sigma)


def _each(read: Callable[[Curve, Row], Any]) -> Any:
    return lambda _ask, curve: [read(curve, point) for point in curve.points]


LIGHT_CURVE: Rules = {
    "count": lambda _ask, curve: len(curve.points),
    "id": _each(lambda _, point: point.public_id),
    "mjd": _each(lambda curve, point: measures.mjd(point.mjd, curve.time_scale or "UTC")),
    "band": _each(lambda _, point: point.band),
    "flux": _each(lambda curve, point: brightness.in_unit(point.flux_ujy, curve.flux_unit)),
    "fluxError": _each(lambda curve, point: brightness.in_unit(point.flux_error_ujy, curve.flux_unit)),
    "magnitude": _each(lambda curve, point: brightness.magnitude(point, curve.system, curve.n_sigma)),
    "magnitudeError": _each(lambda _, point: brightness.magnitude_error(point)),
    "limit": _each(lambda curve, point: brightness.limit(point, curve.system, curve.n_sigma)),
    "isDetection": _each(lambda curve, point: brightness.is_detection(point, curve.n_sigma)),
    "telescope": _each(lambda _, point: point.telescope),
    "instrument": _each(lambda _, point: point.instrument),
    "sourceName": _each(lambda _, point: point.source_name),
}
