"""Our rows in TOM Toolkit's shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tomgql.domain.positions import galactic
from tomgql.domain.target_files import PLAIN_COLUMNS, write_extra
from tomgql.reading import ids
from tomgql.web.tomtoolkit.given_data import TIME, VALUE
from tomgql.web.tomtoolkit.given_targets import NAMESPACE, SHARERS, object_in


def target_shape(row: Mapping[str, Any]) -> dict[str, Any]:
    """A target as TOM Toolkit's serializer writes it; our extras are among its own, as text."""
    bag = object_in(row["extras"], NAMESPACE)
    ours = {key: write_extra(value) for key, value in row["extras"].items() if key != NAMESPACE}
    longitude, latitude = (None, None) if row["ra"] is None else galactic(row["ra"], row["dec"])
    shape = {
        "id": row["id"],
        "targetextra_set": [
            {"key": key, "value": value} for key, value in {**ours, **object_in(bag, "extras")}.items()
        ],
        "aliases": row["aliases"],
        "target_lists": row["target_lists"],
        "groups": [],
        "created": row["created"],
        "modified": row["modified"],
        "galactic_lng": longitude,
        "galactic_lat": latitude,
        **{name: row[name] for name in PLAIN_COLUMNS},
        "scheme": row["scheme"] or "",
        **{name: bag.get(name, "") for name in SHARERS},
    }
    unknown = {name: value for name, value in object_in(bag, "columns").items() if shape.get(name) is None}
    return {**shape, **unknown}


def datum_shape(row: Mapping[str, Any]) -> dict[str, Any]:
    """A reduced datum: its value as it was reported, or in 2.x's names where that says no brightness by itself."""
    return {
        "id": row["id"],
        "data_product": row["data_product_id"],
        "data_type": row["data_type"],
        "source_name": row["source_name"],
        "source_location": row["source_location"],
        "timestamp": row["timestamp"],
        "value": _VALUES.get(row["data_type"], _reported)(row),
        "target": row["target_id"],
    }


def product_shape(row: Mapping[str, Any], base_url: Any) -> dict[str, Any]:
    """A data product; its data are listed by themselves."""
    return {
        "id": row["id"],
        "product_id": row["product_id"],
        "target": row["target_id"],
        "observation_record": None,
        "data": f"{base_url}files/{ids.encode('data_products', row['id'])}",
        "extra_data": row["extra_data"],
        "data_product_type": row["data_product_type"],
        "reduceddatum_set": [],
        "groups": [],
    }


def _reported(row: Mapping[str, Any]) -> Any:
    said: dict[str, Any] = row["reported"]
    if VALUE in said and set(said) <= {TIME, VALUE}:
        return said[VALUE]
    return {name: value for name, value in said.items() if name != TIME}


def _photometry(row: Mapping[str, Any]) -> Any:
    said = _reported(row)
    if {"magnitude", "brightness", "limit"} & set(said):
        return said
    detected = row["magnitude"] is not None
    found = {"magnitude": row["magnitude"], "error": row["magnitude_error"]} if detected else {"limit": row["depth"]}
    return _known({**found, "filter": row["band"], "unit": "AB mag", **_equipment(row)})


def _spectrum(row: Mapping[str, Any]) -> Any:
    arrays = {"wavelength": row["wavelength_angstrom"], "flux": row["flux_values"], "error": row["flux_error_values"]}
    units = {"wavelength_units": "Angstrom", "flux_units": row["flux_unit"]}
    return _known({**arrays, **units, **_equipment(row)})


def _position(row: Mapping[str, Any]) -> Any:
    errors = {name: row[f"{name}_arcsec"] for name in ("ra_error", "dec_error")}
    units = {f"{name}_units": "arcsec" for name, error in errors.items() if error is not None}
    return _known({"ra": row["ra_deg"], "dec": row["dec_deg"], **errors, **units, **_equipment(row)})


def _equipment(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("telescope", "instrument")}


def _known(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: cell for name, cell in value.items() if cell is not None}


_VALUES = {"photometry": _photometry, "spectroscopy": _spectrum, "astrometry": _position}
"""How the value of each kind is written; of other data it is what was reported."""
