"""Reduced data of all kinds."""

from __future__ import annotations

from tests.oracle.naive import brightness, measures
from tests.oracle.naive.leaves import iso
from tests.oracle.naive.rights import Asker
from tests.oracle.naive.rules import Rules, columns, public_id, row_of
from tests.oracle.naive.sky import Row

ANGSTROM_PER_UNIT = {"ANGSTROM": 1.0, "NM": 10.0, "MICRON": 1e4}


def _has_product(ask: Asker, revision: Row) -> bool:
    """Whether the product that it came from is still there, if it came from one: else nobody sees it."""
    product = revision.data_product_id
    return product is None or ("data_products", product) in ask.sky.by_key


def _revisions(ask: Asker, datum: Row) -> list[Row]:
    """What the datum was before, newest first; each follows the product that it came from."""
    mine = [each for each in ask.sky.revisions if (each.target_id, each.id) == (datum.target_id, datum.id)]
    older = [each for each in mine if _is_older(each, datum) and ask.sees(each) and _has_product(ask, each)]
    return sorted(older, key=lambda each: each.revision, reverse=True)


def _is_older(revision: Row, datum: Row) -> bool:
    """Whether it came before; of two revisions of one number that two servers made, the superseded one did."""
    same_number = revision.revision == datum.revision
    return revision.revision < datum.revision or (same_number and revision.content != datum.content)


DATUM: Rules = {
    "id": public_id,
    **columns("dataType", "sourceName", "sourceLocation", "telescope", "instrument", "revision", "disabled"),
    **columns(value="reported"),
    "timestamp": lambda _ask, row: iso(measures.timestamp(row.mjd)),
    "mjd": lambda _ask, row, scale=None: measures.mjd(row.mjd, scale or "UTC"),
    "globalId": lambda _ask, row: str(row.global_id),
    "target": row_of("targets", "target_id"),
    "dataProduct": row_of("data_products", "data_product_id"),
    "job": row_of("jobs", "job_id"),
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
