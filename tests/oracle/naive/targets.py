"""Targets, their positions and orbits, target lists."""

from __future__ import annotations

from typing import Any

from tests.oracle.naive import measures
from tests.oracle.naive.curves import light_curve
from tests.oracle.naive.pages import connection
from tests.oracle.naive.rights import RIGHTS, Asker
from tests.oracle.naive.rules import Rules, columns, linked, moments, newest_first, public_id
from tests.oracle.naive.sky import Row
from tests.oracle.naive.summaries import summary


def of_target(table: str, **wanted: Any) -> Any:
    """Finds the rows of a table that belong to a target and have these values."""

    def find(ask: Asker, target: Row) -> list[Row]:
        mine = [row for row in ask.rows(table) if row.target_id == target.id]
        return [row for row in mine if all(getattr(row, name) == value for name, value in wanted.items())]

    return find


def _aliases(ask: Asker, target: Row) -> list[str]:
    names = [row for row in ask.sky.tables["target_names"] if row.target_id == target.id]
    return [row.name for row in names if not row.is_primary]


TARGET: Rules = {
    "id": public_id,
    **columns("name", "extras", "distancePc", "distanceErrorPc", "type", "access", "revision"),
    "globalId": lambda _ask, row: str(row.global_id),
    **moments("created", "modified"),
    "aliases": _aliases,
    "coordinates": lambda _ask, row: None if row.ra_deg is None or row.dec_deg is None else row,
    "orbit": lambda _ask, row: None if row.scheme is None else row,
    "dataProducts": connection("data_products", of_target("data_products"), "DataProductWhere"),
    "reducedData": connection("reduced_data", of_target("reduced_data"), "ReducedDatumWhere"),
    "lightCurve": light_curve,
    "summary": summary,
    "spectra": connection("reduced_data", of_target("reduced_data", data_type="spectroscopy"), "ReducedDatumWhere"),
    "targetLists": linked("target_lists", "target_list_members", "target_id", "target_list_id"),
    "observations": connection("observations", of_target("observations")),
    "viewerCan": lambda ask, row: [right for right in RIGHTS if ask.holds(right, row)],
    "jobs": connection("jobs", of_target("jobs"), "JobWhere"),
    "continuousShares": lambda ask, row: newest_first(of_target("continuous_shares")(ask, row)),
}

COORDINATES: Rules = {
    **columns("raDeg", "decDeg", "epoch", "parallaxMas", "properMotionRaMasYr", "properMotionDecMasYr"),
    "raHms": lambda _ask, row: measures.hms(row.ra_deg),
    "decDms": lambda _ask, row: measures.dms(row.dec_deg),
    "galacticLDeg": lambda _ask, row: measures.galactic(row.ra_deg, row.dec_deg)[0],
    "galacticBDeg": lambda _ask, row: measures.galactic(row.ra_deg, row.dec_deg)[1],
    "constellation": lambda _ask, row: measures.constellation(row.ra_deg, row.dec_deg),
    "separationArcsec": lambda _ask, row, ra_deg, dec_deg: measures.separation(
        row.ra_deg, row.dec_deg, ra_deg, dec_deg
    ),
}

ORBIT: Rules = columns(
    "scheme",
    "epochOfElementsMjd",
    "inclinationDeg",
    "ascendingNodeLongitudeDeg",
    "perihelionArgumentDeg",
    "eccentricity",
    "meanAnomalyDeg",
    "semimajorAxisAu",
    "meanDailyMotionDeg",
    "perihelionDistanceAu",
    "perihelionEpochMjd",
    "absoluteMagnitude",
    "slope",
)

TARGET_LIST: Rules = {
    "id": public_id,
    **columns("name"),
    "targets": connection("targets", linked("targets", "target_list_members", "target_list_id", "target_id")),
}
