"""Our rows in TOM Toolkit's shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tomgql.domain.positions import galactic
from tomgql.domain.target_files import PLAIN_COLUMNS, write_extra
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
