"""What is asked: the same question to GraphQL servers as a document, and to the bare endpoint as a path."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import orjson

PHOTOMETRY = 'where: {dataType: {eq: "photometry"}}'

DATUM = "id mjd sourceName telescope instrument ... on PhotometryDatum { band flux fluxError }"
"""Eight fields of a datum."""

COLUMNS = "id mjd sourceName telescope instrument band flux fluxError"
"""The same eight as columns."""

MAGNITUDES = "mjd band magnitude magnitudeError limit"
"""Columns that the database computes."""


@dataclass(frozen=True)
class Question:
    """One question; ``bare`` is the bare endpoint's path, ``place`` where a GraphQL answer holds what that sends."""

    document: str
    variables: dict[str, Any] = field(default_factory=dict)
    bare: str = ""
    place: tuple[str, ...] = ()

    def body(self) -> bytes:
        """The body of a GraphQL request."""
        return orjson.dumps({"query": self.document, "variables": self.variables})

    def found_in(self, content: bytes) -> Any:
        """What a GraphQL answer says; fails on errors."""
        answer = orjson.loads(content)
        assert "errors" not in answer, answer["errors"]
        found = answer["data"]
        for name in self.place:
            found = found[name]
        return found


def rows(count: int) -> Question:
    """A flat list of photometry in time order, eight fields each."""
    return Question(
        f"query ($n: Int!) {{ reducedData({PHOTOMETRY}, first: $n) {{ nodes {{ {DATUM} }} }} }}",
        {"n": count},
        f"/rows?n={count}",
        ("reducedData", "nodes"),
    )


def page(count: int, after: str | None) -> Question:
    """A page of the same list with the cursor of the next; only tomgql pages."""
    return Question(
        f"query ($n: Int!, $after: String) {{ reducedData({PHOTOMETRY}, first: $n, after: $after)"
        f" {{ nodes {{ {DATUM} }} pageInfo {{ hasNextPage endCursor }} }} }}",
        {"n": count, "after": after},
        place=("reducedData",),
    )


def nested(targets: int, points: int) -> Question:
    """Targets, each with its newest photometry, eight fields each."""
    return Question(
        f"query ($t: Int!, $n: Int!) {{ targets(first: $t) {{ nodes {{ id name access coordinates {{ raDeg decDeg }}"
        f" reducedData({PHOTOMETRY}, first: $n, orderBy: [{{field: TIMESTAMP, direction: DESC}}])"
        f" {{ nodes {{ {DATUM} }} }} }} }} }}",
        {"t": targets, "n": points},
        f"/nested?n={targets}&n={points}",
        ("targets", "nodes"),
    )


def curve_objects(target: int, count: int) -> Question:
    """All photometry of one target as objects."""
    return Question(
        f"query ($id: ID!, $n: Int!) {{ target(id: $id) {{ reducedData({PHOTOMETRY}, first: $n)"
        f" {{ nodes {{ {DATUM} }} }} }} }}",
        {"id": f"t{target}", "n": count},
        f"/curve_objects?n={target}",
        ("target", "reducedData", "nodes"),
    )


def curve_columns(target: int, columns: str = COLUMNS) -> Question:
    """The same photometry as columns."""
    return Question(
        f"query ($id: ID!) {{ target(id: $id) {{ lightCurve {{ {columns} }} }} }}",
        {"id": f"t{target}"},
        f"/curve_columns?n={target}",
        ("target", "lightCurve"),
    )


def tiny(target: int) -> Question:
    """Two fields of one target."""
    document = "query ($id: ID!) { target(id: $id) { id name } }"
    return Question(document, {"id": f"t{target}"}, f"/tiny?n={target}", ("target",))


def all_curves(targets: int) -> Question:
    """The light curves of many targets at once."""
    document = f"query ($t: Int!) {{ targets(first: $t) {{ nodes {{ lightCurve {{ {COLUMNS} }} }} }} }}"
    return Question(document, {"t": targets})


def cone(ra_deg: float, dec_deg: float, radius_arcsec: float) -> Question:
    """Targets around a position; at most 1,000."""
    return Question(
        "query ($cone: ConeInput!) { targets(where: {cone: $cone}, first: 1000)"
        " { nodes { id name coordinates { raDeg decDeg } } } }",
        {"cone": {"raDeg": ra_deg, "decDeg": dec_deg, "radiusArcsec": radius_arcsec}},
        place=("targets", "nodes"),
    )


def same(one: Any, other: Any) -> bool:
    """Whether two answers are equal; computed floats may differ in their last digit."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-14)
    return bool(one == other)
