"""Filters: whether a row meets a Where input.

Everything but ``isNull`` needs a value: a comparison with null holds for nothing, and neither does ``ne``. So a
condition either holds or it does not, and ``not`` holds exactly where it does not.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from tests.oracle.naive import brightness, measures
from tests.oracle.naive.rights import Asker
from tests.oracle.naive.rules import known
from tests.oracle.naive.sky import Row

Condition = Callable[[Asker, Row, Any], bool]
Test = Callable[[Any, Any], bool]

COMPARISONS: dict[str, Test] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}
MEMBERSHIPS: dict[str, Test] = {
    "in": lambda value, given: value in given,
    "notIn": lambda value, given: value not in given,
}



def like(value: str, pattern: str) -> bool:
    """SQL's LIKE: ``%`` any text, ``_`` one character, a backslash takes the next character for itself."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    expression = "".join(wild.get(each) or re.escape(each[-1]) for each in parts)
    return re.fullmatch(expression, value, re.DOTALL) is not None


TEXT_TESTS: dict[str, Test] = {
    **COMPARISONS,
    **MEMBERSHIPS,
    "like": like,
    "contains": lambda value, given: given in value,
    "startsWith": lambda value, given: value.startswith(given),
}
FLOAT_TESTS = TIME_TESTS = {**COMPARISONS, **MEMBERSHIPS}
ID_TESTS: dict[str, Test] = {"eq": operator.eq, "ne": operator.ne, **MEMBERSHIPS}


def holds(ask: Asker, where_type: str, row: Row, given: dict[str, Any] | None, *, outermost: bool = True) -> bool:
    """Whether a row meets a Where input; null conditions are none."""
    return all(
        _holds(ask, where_type, row, name, value, outermost)
        for name, value in (given or {}).items()
        if value is not None
    )


def _holds(ask: Asker, where_type: str, row: Row, name: str, value: Any, outermost: bool) -> bool:
    if name == "and":
        return all(holds(ask, where_type, row, each, outermost=False) for each in value)
    if name == "or":
        return any(holds(ask, where_type, row, each, outermost=False) for each in value)
    if name == "not":
        return not holds(ask, where_type, row, value, outermost=False)
    if name == "disabled" and value is False and not outermost:
        return True  # the input's default, which is no condition here
    return bool(known(CONDITIONS[where_type], name, where_type)(ask, row, value))


def lower(text: str) -> str:
    """Lower case letter by letter, as the database's C.UTF-8 has it: no letter becomes two."""
    return "".join(each.lower() if len(each.lower()) == 1 else each for each in text)


def compare(tests: dict[str, Test], owner: str, value: Any, given: dict[str, Any]) -> bool:
    """Whether a value passes all of a comparison input's tests."""
    return all(_passes(tests, owner, name, value, each) for name, each in given.items() if each is not None)


def _passes(tests: dict[str, Test], owner: str, name: str, value: Any, given: Any) -> bool:
    if name == "isNull":
        return (value is None) == given
    test = known(tests, name, owner)
    if value is None:
        return name == "notIn" and not given  # nothing is named, so whatever it is, it is not among them
    return test(value, given)


def text(column: str) -> Condition:
    """StringFilter."""

    def condition(_ask: Asker, row: Row, given: dict[str, Any]) -> bool:
        tests = {name: each for name, each in given.items() if name != "caseSensitive"}
        value = getattr(row, column)
        if given.get("caseSensitive") is False:
            tests = {name: _folded(each) for name, each in tests.items()}
            value = _folded(value)
        return compare(TEXT_TESTS, "StringFilter", value, tests)

    return condition


def _folded(value: Any) -> Any:
    if isinstance(value, list):
        return [lower(each) for each in value]
    return lower(value) if isinstance(value, str) else value


def number(read: Callable[[Row], float | None]) -> Condition:
    """FloatFilter."""
    return lambda _ask, row, given: compare(FLOAT_TESTS, "FloatFilter", read(row), given)


def moment(read: Callable[[Row], Any]) -> Condition:
    """DateTimeFilter: by whole milliseconds, as times are shown."""

    def condition(_ask: Asker, row: Row, given: dict[str, Any]) -> bool:
        return compare(TIME_TESTS, "DateTimeFilter", _milliseconds(read(row)), _milliseconds(given))

    return condition


def _milliseconds(value: Any) -> Any:
    """Times without what is finer than a millisecond, wherever they stand."""
    if isinstance(value, datetime):
        return value.replace(microsecond=value.microsecond // 1000 * 1000)
    if isinstance(value, dict):
        return {name: _milliseconds(each) for name, each in value.items()}
    return [_milliseconds(each) for each in value] if isinstance(value, list) else value


def own_id(_ask: Asker, row: Row, given: dict[str, Any]) -> bool:
    """IdFilter."""
    return compare(ID_TESTS, "IdFilter", row.public_id, given)


def equals(column: str) -> Condition:
    """Equality with the one value given."""
    return lambda _ask, row, given: getattr(row, column) == given


def names(table: str, column: str) -> Condition:
    """One id, or one of several, that the column's row has; what may not be seen has none."""

    def condition(ask: Asker, row: Row, given: str | list[str]) -> bool:
        there = ask.one(table, getattr(row, column))
        return there is not None and there.public_id in ([given] if isinstance(given, str) else given)

    return condition


def member(table: str, links: str, group_column: str, member_column: str, column: str) -> Condition:
    """The id of a group that may be seen and that has the row's column as its member."""

    def condition(ask: Asker, row: Row, given: str) -> bool:
        group = ask.by_id(given, table)
        return group is not None and getattr(row, column) in ask.sky.linked(
            links, group_column, group.id, member_column
        )

    return condition


def simplified(name: str) -> str:
    """A target's name without case, blanks, '-', '_', '(' and ')'."""
    return "".join(each for each in name.lower() if not each.isspace() and each not in "-_()")


def has_name(ask: Asker, target: Row, given: str) -> bool:
    """Whether the target has this name or alias, in simplified spelling."""
    own = [each.name for each in ask.sky.tables["target_names"] if each.target_id == target.id]
    return simplified(given) in [simplified(each) for each in own]


def in_cone(_ask: Asker, target: Row, given: dict[str, float]) -> bool:
    """Within a circle on the sky, its rim included."""
    if target.ra_deg is None or target.dec_deg is None:
        return False
    apart = measures.separation(target.ra_deg, target.dec_deg, given["raDeg"], given["decDeg"])
    return apart <= given["radiusArcsec"] + apart.tolerance


def contains(whole: Any, part: Any) -> bool:
    """Whether JSON has all of another: pairs of objects, elements of arrays, equal values."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and contains(whole[key], part[key]) for key in part)
    if isinstance(part, list):
        return isinstance(whole, list) and all(any(contains(one, each) for one in whole) for each in part)
    return isinstance(whole, bool) == isinstance(part, bool) and bool(whole == part)


def has_reduced_data(ask: Asker, target: Row, given: dict[str, Any]) -> bool:
    """Has such data among those that may be seen."""
    data = [datum for datum in ask.rows("reduced_data") if datum.target_id == target.id]
    return any(holds(ask, "ReducedDatumWhere", datum, given) for datum in data)


def has_global_id(_ask: Asker, row: Row, given: str) -> bool:
    """Has this global id."""
    return str(row.global_id) == given


def came_not_via(ask: Asker, row: Row, given: list[str]) -> bool:
    """Its present state came neither from nor through one of these installations."""
    (path,) = [road.path for road in ask.sky.tables["roads"] if road.id == row.road_id] or [[]]
    return not {str(each) for each in path} & set(given)


def _photometry(ask: Asker, datum: Row, given: dict[str, Any]) -> bool:
    return datum.data_type == "photometry" and holds(ask, "PhotometryWhere", datum, given)


def _column(name: str) -> Callable[[Row], Any]:
    return operator.attrgetter(name)


CONDITIONS: dict[str, dict[str, Condition]] = {
    "TargetWhere": {
        "id": own_id,
        "name": text("name"),
        "matchName": has_name,
        "type": equals("type"),
        "access": equals("access"),
        "created": moment(_column("created")),
        "modified": moment(_column("modified")),
        "raDeg": number(_column("ra_deg")),
        "decDeg": number(_column("dec_deg")),
        "cone": in_cone,
        "targetList": member("target_lists", "target_list_members", "target_list_id", "target_id", "id"),
        "extras": lambda _ask, target, given: contains(target.extras, given),
        "hasReducedData": has_reduced_data,
        "globalId": has_global_id,
        "notVia": came_not_via,
    },
    "TargetListWhere": {"id": own_id, "name": text("name")},
    "DataProductWhere": {
        "id": own_id,
        "target": names("targets", "target_id"),
        "dataProductType": text("data_product_type"),
        "fileName": text("file_name"),
        "created": moment(_column("created")),
        "group": member(
            "data_product_groups", "data_product_group_products", "group_id", "data_product_id", "id"
        ),
        "observation": names("observations", "observation_id"),
        "featured": equals("featured"),
        "globalId": has_global_id,
        "notVia": came_not_via,
    },
    "ReducedDatumWhere": {
        "id": own_id,
        "target": names("targets", "target_id"),
        "targets": names("targets", "target_id"),
        "targetList": member("target_lists", "target_list_members", "target_list_id", "target_id", "target_id"),
        "dataProduct": names("data_products", "data_product_id"),
        "dataType": text("data_type"),
        "timestamp": moment(lambda datum: measures.timestamp(datum.mjd)),
        "mjd": number(_column("mjd")),
        "sourceName": text("source_name"),
        "telescope": text("telescope"),
        "instrument": text("instrument"),
        "photometry": _photometry,
        "notVia": came_not_via,
        "disabled": equals("disabled"),
    },
    "PhotometryWhere": {
        "band": text("band"),
        "mjd": number(_column("mjd")),
        "magnitude": number(brightness.magnitude),
        "signalToNoise": number(brightness.signal_to_noise),
        "detectionsOnly": lambda _ask, datum, given: not given or brightness.is_detection(datum),
        "sourceName": text("source_name"),
    },
    "ObservationWhere": {
        "id": own_id,
        "target": names("targets", "target_id"),
        "facility": text("facility"),
        "observationId": text("observation_id"),
        "status": text("status"),
        "created": moment(_column("created")),
    },
    "ShareItemWhere": {
        "kind": lambda _ask, item, given: item.subject_kind.upper() == given,
        "state": lambda _ask, item, given: item.state in given,
        "target": names("targets", "target_id"),
    },
    "JobWhere": {
        "id": own_id,
        "kind": text("kind"),
        "state": lambda _ask, job, given: job.state in given,
        "target": names("targets", "target_id"),
        "dataProduct": names("data_products", "data_product_id"),
        "created": moment(_column("created")),
    },
}
"""Where type -> field -> condition."""

NESTING = ("and", "or", "not")

INPUTS: dict[str, set[str]] = {
    **{name: {*conditions, *NESTING} for name, conditions in CONDITIONS.items()},
    "StringFilter": {*TEXT_TESTS, "caseSensitive", "isNull"},
    "FloatFilter": {*FLOAT_TESTS, "isNull"},
    "DateTimeFilter": {*TIME_TESTS, "isNull"},
    "IdFilter": set(ID_TESTS),
    **{name: {"field", "direction"} for name in ("DataProductOrder", "ReducedDatumOrder")},
    "TargetOrder": {"field", "direction", "from"},
    "PositionInput": {"raDeg", "decDeg"},
    "ConeInput": {"raDeg", "decDeg", "radiusArcsec"},
}
"""Input type -> fields that are understood here."""
