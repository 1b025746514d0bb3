"""Random valid argument values, from the types of the schema and from what the world holds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLNamedType,
    get_named_type,
    is_list_type,
    is_non_null_type,
)

from tests.support.world import MJD, NAMES, World

ID_KINDS = {
    "target": "t",
    "targets": "t",
    "dataProduct": "p",
    "dataProducts": "p",
    "group": "pg",
    "reducedDatum": "d",
    "job": "j",
    "observation": "o",
    "ObservationWhere": "o",
    "TargetWhere": "t",
    "DataProductWhere": "p",
    "ReducedDatumWhere": "d",
    "JobWhere": "j",
    "ShareItemWhere": "t",
    "targetList": "l",
    "TargetListWhere": "l",
}
"""Field or input type -> prefix of the ids that mean something there."""

BOGUS_IDS = (
    *("t999999", "d1-999999", "p0", "", "x1", "t1 or 1=1", "d5", "t9223372036854775808", "ü", "t012"),
    *("t01", "p001", "j01"),
)

JSONS: tuple[dict[str, Any], ...] = ({}, {"redshift": 0.031}, {"on": True}, {"nested": {"a": {}}}, {"no": 1})

TEXTS = (
    *NAMES,
    *(name.upper() for name in NAMES),
    *("%", "_", "\\", "'", '"', "", "a", "ü", "Ü", "file", "FILE", "alias 1 of %_\\'\"", "at2021ab_C"),
    *("sdss", "bessellv", "BESSELLV", "sdssr", "2massks", "photometry", "spectroscopy", "polarimetry", "ATLAS"),
    *("LCO", "request 1", "COMPLETED"),
    *("Faulkes_North", "faulkes", "FLOYDS", "100%", "O'Neil\\", "process_data_product", "share"),
)

PATTERNS = ("%", "_%", "%\\%%", "%e%", "F__LDS", "sdss_", "100\\%%", "", "%ü%", "\\\\%", "%\n%")

FLOATS = (0.0, -0.0, 1.0, -3.25, 5.0, 18.9, 20.5, 30.0, 45.5, 90.0, -90.0, 180.0, 359.99, MJD, MJD + 0.5, 1e-9, 1e300)
TIMES = (
    "2024-02-29T23:59:59.999Z",
    "2024-03-02T00:00:00+05:30",
    "2024-03-01T01:00:00",
    "1970-01-01",
    "9999-12-31T23:00Z",
)

INSTALLATIONS = tuple(str(UUID(int=each << 96)) for each in (1, 2, 3))
GLOBAL_IDS = tuple(str(UUID(int=number << 64)) for number in range(0, 90, 3))

BOUNDED: dict[str, Sequence[float]] = {
    "ConeInput.raDeg": (0.0, 360.0, 359.99, 180.0, 123.4),
    "ConeInput.decDeg": (0.0, 90.0, -90.0, 45.5, -0.005),
    "ConeInput.radiusArcsec": (0.0, 30.0, 36.5, 3600.0, 200_000.0, 400_000.0),
    "PositionInput.raDeg": (0.0, 360.0, 359.99, 180.0, 123.4),
    "PositionInput.decDeg": (45.5, -0.005, 89.5, -33.0),  # none from which rounding decides what of the world is nearer
    "separationArcsec.raDeg": (0.0, 180.0, 180.0000001, 359.99, 303.4),
    "separationArcsec.decDeg": (90.0, -90.0, 0.0, 45.5, -45.5, 45.50000001),
    "binDays": (0.3, 0.25, 1.0, 1e5, 1e-6),
    "maxPoints": (2, 3, 5, 1000),
    "nSigma": (3.0, 0.5, 1, 5.0, 1000.0, 0.001),
}
"""Numbers whose range is checked; asking for others is an error, which is not compared here."""


class Enum(str):
    """An enum value: without quotes in a document."""

    __slots__ = ()


@dataclass
class Values:
    """Draws values of input types."""

    random: Random
    world: World

    def of(self, type_: Any, owner: str, name: str, depth: int = 0) -> Any:
        """A value; ``owner`` is the field or input type it belongs to, ``name`` the argument or input field."""
        if is_non_null_type(type_):
            return self._of(type_.of_type, owner, name, depth)
        return None if self.chance(8) else self._of(type_, owner, name, depth)

    def chance(self, percent: int) -> bool:
        """True in so many cases of a hundred."""
        return self.random.random() * 100 < percent

    def pick(self, choices: Any) -> Any:
        """One of several."""
        return self.random.choice(choices)

    def number(self, least: int, most: int) -> int:
        """A number, both ends included."""
        return self.random.randint(least, most)

    def some(self, choices: Sequence[str], least: int, most: int) -> list[str]:
        """Several, some perhaps twice."""
        return [self.pick(choices) for _ in range(self.number(least, most))] if choices else []

    def _of(self, type_: Any, owner: str, name: str, depth: int) -> Any:
        if is_list_type(type_):
            size = self.number(0, 3)
            return [self.of(type_.of_type, owner, name, depth) for _ in range(size)]
        if isinstance(type_, GraphQLInputObjectType):
            return self._object(type_, owner, name, depth)
        if isinstance(type_, GraphQLEnumType):
            return Enum(self.pick(list(type_.values)))
        return self._scalar(type_, owner, name)

    def _object(self, type_: GraphQLInputObjectType, owner: str, name: str, depth: int) -> dict[str, Any]:
        deep = depth >= 3
        optional = [key for key, field in type_.fields.items() if not is_non_null_type(field.type)]
        usable = [key for key in optional if not (deep and key in ("and", "or", "not"))]
        if type_.name == "TargetOrder":
            return self._target_order(type_, owner, depth)
        few = self.some(usable, 0 if self.chance(10) else 1, 2)
        keys = [key for key in type_.fields if key in few or key not in optional]
        # A filter on an id does not know what it filters; its owner does.
        return {key: self.of(type_.fields[key].type, _owner(type_, owner), key, depth + 1) for key in keys}

    def _target_order(self, type_: GraphQLInputObjectType, owner: str, depth: int) -> dict[str, Any]:
        """An order of targets: a point goes with SEPARATION, and with that alone."""
        keys = ["field", "direction"]
        given = {key: self.of(type_.fields[key].type, _owner(type_, owner), key, depth + 1) for key in keys}
        if given["field"] == "SEPARATION":
            point = type_.fields["from"].type
            given["from"] = self._of(point, _owner(type_, owner), "from", depth + 1)
        return given

    def _scalar(self, type_: GraphQLNamedType, owner: str, name: str) -> Any:
        bounded = BOUNDED.get(f"{owner}.{name}") or BOUNDED.get(name)
        if bounded is not None:
            return self.pick(bounded)
        if name == "notVia":
            return self.pick(INSTALLATIONS)
        if name == "globalId":
            return self.pick(GLOBAL_IDS)
        if name == "like":
            return self.pick(PATTERNS)
        if type_.name == "ID":
            return self.id(owner, name)
        if type_.name == "Boolean":
            return self.chance(50)
        if type_.name == "Int":
            return self.number(0, 5)
        if type_.name == "JSON":
            return self.pick(JSONS)
        if type_.name == "Float":
            return self.pick(FLOATS)
        return self.pick(TIMES if type_.name == "DateTime" else TEXTS)

    def id(self, owner: str, name: str) -> str:
        """Mostly the id of something of the right kind."""
        if self.chance(6):
            return str(self.pick(BOGUS_IDS))
        prefix = ID_KINDS.get(name) or ID_KINDS.get(owner)
        if prefix is None:
            prefix = self.pick(list(self.world.ids))
        return str(self.pick(self.world.ids[prefix]))


def _owner(type_: GraphQLInputObjectType, owner: str) -> str:
    return owner if type_.name == "IdFilter" else type_.name


def literal(value: Any) -> str:
    """A value as it stands in a GraphQL document."""
    if isinstance(value, Enum):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {literal(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(literal(each) for each in value) + "]"
    return json.dumps(value)


def named(type_: Any) -> str:
    """Name of a type without its wrappers."""
    return str(get_named_type(type_).name)
