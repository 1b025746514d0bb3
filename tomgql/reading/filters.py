"""Where inputs as SQL conditions.

A filter arrives as the plain dictionary that graphql-core coerced from the query. Each Where type has a table of
its fields; ``and`` / ``or`` / ``not`` nest anywhere. A field that is null is no condition. Ids that name nothing
match nothing: what does not exist and what is of another kind look the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import radians, sin
from typing import Any
from uuid import UUID

from tomgql.access import predicates
from tomgql.access.principal import Principal
from tomgql.domain.json_values import why_refused
from tomgql.domain.names import simplify_name
from tomgql.errors import InvalidCoordinates, InvalidInput, QueryTooCostly
from tomgql.reading import ids
from tomgql.reading.catalog import brightness
from tomgql.reading.catalog.model import Predicate, RowContext
from tomgql.reading.catalog.targets import unit_vector
from tomgql.reading.comparisons import Condition, id_filter, number_filter, short_list, text_filter, time_filter
from tomgql.store.sql import Bind, conjunction

MOST_CONDITIONS = 300
"""Most conditions in one filter, over all nesting."""

DEEPEST_NESTING = 12
"""Deepest nesting of and / or / not."""

HALF_TURN_ARCSEC = 648_000
"""180 degrees: the largest radius of a cone."""

RIM_RADIANS = 5e-15
"""1e-9 arcsec by which cones are wider: sines and cosines of one point, written as RA 0 and 360 say, differ by less."""


@dataclass
class Filter:
    """One filter being turned into SQL for ``actor``; counts its conditions against the limits."""

    bind: Bind
    actor: Principal
    conditions: int = 0
    nested: int = 0

    def where(self, where_type: str, row: str, given: Mapping[str, Any] | None, depth: int = 0) -> str:
        """SQL of a Where input about the row with alias ``row``."""
        if depth > DEEPEST_NESTING:
            raise QueryTooCostly(f"A filter may nest {DEEPEST_NESTING} levels of and, or and not.")
        parts = [
            self._one(where_type, row, name, value, depth) for name, value in (given or {}).items() if value is not None
        ]
        return conjunction([f"({part})" for part in parts])

    def _one(self, where_type: str, row: str, name: str, value: Any, depth: int) -> str:
        if name == "disabled" and depth and value is False:
            return "true"  # the input's default, which means something at the outermost level alone
        self.conditions += 1
        if self.conditions > MOST_CONDITIONS:
            raise QueryTooCostly(f"A filter may hold {MOST_CONDITIONS} conditions.")
        if name == "not":
            return f"({self.where(where_type, row, value, depth + 1)}) is not true"
        if name in ("and", "or"):
            if len(value) > MOST_CONDITIONS:
                raise QueryTooCostly(f"A filter may hold {MOST_CONDITIONS} conditions.")
            parts = [f"({self.where(where_type, row, each, depth + 1)})" for each in value]
            empty = "true" if name == "and" else "false"
            return f" {name} ".join(parts) or empty
        return WHERE_FIELDS[where_type][name](self, row, value)


def reference(resource: str, sql: str) -> Condition:
    """A condition about one id of another resource; ``{id}`` in ``sql`` is its bound key."""

    def condition(running: Filter, row: str, given: str) -> str:
        key = ids.decode(resource, given)
        return sql.format(row=row, id=running.bind(key[-1], "bigint")) if key else "false"

    return condition


def seen_reference(resource: str, column: str, visible: Predicate) -> Condition:
    """A condition about one id of another resource, for rows that may be seen although what they name may not."""

    def condition(running: Filter, row: str, given: str) -> str:
        key = ids.decode(resource, given)
        if key is None:
            return "false"
        named = f"{row}.{column}"
        shown = visible(running.actor, named, running.bind)
        return f"{named} = {running.bind(key[-1], 'bigint')} and {shown}"

    return condition


def references(resource: str, sql: str) -> Condition:
    """A condition about several ids of another resource; ``{ids}`` in ``sql`` are their bound keys."""

    def condition(running: Filter, row: str, given: list[str]) -> str:
        keys = [key[-1] for each in short_list(given) if (key := ids.decode(resource, each))]
        return sql.format(row=row, ids=running.bind(keys, "bigint[]"))

    return condition


def equals(sql: str, sql_type: str) -> Condition:
    """Equality of an SQL expression with one given value."""
    return lambda running, row, given: f"{sql.format(row=row)} = {running.bind(_plain(given), sql_type)}"


def equals_uuid(running: Filter, row: str, given: str) -> str:
    """Is the global id; a text that is no UUID is nobody's, and one that no text can hold is refused as elsewhere."""
    try:
        return f"{row}.global_id = {running.bind(UUID(given), 'uuid')}"
    except ValueError:
        return f"{row}.global_id::text = {running.bind(given, 'text')}"


def _one_of(sql: str) -> Condition:
    return lambda running, row, given: (
        f"{sql.format(row=row)} = any({running.bind([_plain(each) for each in given], 'text[]')})"
    )


def _plain(value: Any) -> Any:
    return getattr(value, "value", value)


def _match_name(running: Filter, row: str, given: str) -> str:
    simplified = running.bind(simplify_name(given), "text")
    return f"{row}.id in (select n.target_id from target_names n where n.simplified = {simplified})"


def _cone(running: Filter, row: str, given: dict[str, float]) -> str:
    """Within a radius, by the chord between unit vectors: right across RA 0/360 and at the poles (D8's table)."""
    radius_arcsec = given["radiusArcsec"]
    if not 0 <= radius_arcsec <= HALF_TURN_ARCSEC:
        raise InvalidInput(f"radiusArcsec must lie between 0 and 648000 (180 degrees), not {radius_arcsec!r}.")
    if not (0 <= given["raDeg"] <= 360 and -90 <= given["decDeg"] <= 90):
        raise InvalidCoordinates("A cone needs raDeg from 0 to 360 and decDeg from -90 to 90.")
    if radius_arcsec == HALF_TURN_ARCSEC:
        return f"{row}.position is not null"  # rounding could put the antipode beyond the longest chord
    center = unit_vector(given["raDeg"], given["decDeg"], running.bind)
    chord = running.bind(2 * sin(radians(radius_arcsec / 3600) / 2) + RIM_RADIANS, "float8")
    return (
        f"{row}.position <@ cube_enlarge({center}, {chord}, 3) and cube_distance({row}.position, {center}) <= {chord}"
    )


def _target_list(target_id: str) -> Condition:
    """In a target list that the reader may see."""

    def condition(running: Filter, row: str, given: str) -> str:
        key = ids.decode("target_lists", given)
        if key is None:
            return "false"
        visible = predicates.target_list_visible_to(running.actor, "y", running.bind)
        return (
            f"{target_id.format(row=row)} in (select x.target_id from target_list_members x"
            f" join target_lists y on y.id = x.target_list_id"
            f" where y.id = {running.bind(key[-1], 'bigint')} and {visible})"
        )

    return condition


def _contains_json(sql: str) -> Condition:
    """The JSON object holds these key/value pairs."""

    def condition(running: Filter, row: str, given: Any) -> str:
        if not isinstance(given, dict):
            raise InvalidInput("`extras` in a filter is a JSON object of pairs.", path=["where", "extras"])
        if why := why_refused(given):
            raise InvalidInput(f"A value in `extras` {why[1]}.", path=["where", "extras"])
        return f"{sql.format(row=row)} @> {running.bind(given, 'jsonb')}"

    return condition


def _has_reduced_data(running: Filter, row: str, given: dict[str, Any]) -> str:
    """Has data that match, of those that the reader may see."""
    running.nested += 1
    alias = f"h{running.nested}"
    shown = predicates.product_id_shown_to(running.actor, f"{alias}.data_product_id", running.bind)
    wanted = running.where("ReducedDatumWhere", alias, given)
    return f"exists (select from reduced_data {alias} where {alias}.target_id = {row}.id and {shown} and {wanted})"


def _photometry(running: Filter, row: str, given: dict[str, Any]) -> str:
    return f"{row}.data_type = 'photometry' and {running.where('PhotometryWhere', row, given)}"


def _product_group(running: Filter, row: str, given: str) -> str:
    """In a product group that the reader may see; what a hidden one holds must not show."""
    key = ids.decode("data_product_groups", given)
    if key is None:
        return "false"
    visible = predicates.product_group_visible_to(running.actor, "y", running.bind)
    group = running.bind(key[-1], "bigint")
    return (
        f"{row}.id in (select x.data_product_id from data_product_group_products x"
        f" join data_product_groups y on y.id = x.group_id where y.id = {group} and {visible})"
    )


def _not_via(running: Filter, row: str, given: list[str]) -> str:
    """The present state came from none of these installations, nor through one of them."""
    passed = running.bind(_installations(given), "uuid[]")
    return f"({row}.road_id is null or {row}.road_id not in (select w.id from roads w where w.path && {passed}))"


def _installations(given: list[str]) -> list[UUID]:
    try:
        return [UUID(each) for each in short_list(given)]
    except ValueError:
        words = "`notVia` takes ids of installations, UUIDs, as `server.instanceId` gives them."
        raise InvalidInput(words, path=["where", "notVia"]) from None


def _detections(running: Filter, row: str, given: bool) -> str:
    return brightness.detection(RowContext(row, {}, running.bind, running.actor)) if given else "true"


WHERE_FIELDS: dict[str, dict[str, Condition]] = {
    "TargetWhere": {
        "id": id_filter("targets"),
        "name": text_filter("{row}.name"),
        "matchName": _match_name,
        "type": equals("{row}.type", "text"),
        "access": equals("{row}.access", "text"),
        "created": time_filter("{row}.created"),
        "modified": time_filter("{row}.modified"),
        "raDeg": number_filter("{row}.ra_deg"),
        "decDeg": number_filter("{row}.dec_deg"),
        "cone": _cone,
        "targetList": _target_list("{row}.id"),
        "extras": _contains_json("{row}.extras"),
        "hasReducedData": _has_reduced_data,
        "globalId": equals_uuid,
        "notVia": _not_via,
    },
    "TargetListWhere": {
        "id": id_filter("target_lists"),
        "name": text_filter("{row}.name"),
    },
    "DataProductWhere": {
        "id": id_filter("data_products"),
        "target": reference("targets", "{row}.target_id = {id}"),
        "dataProductType": text_filter("{row}.data_product_type"),
        "fileName": text_filter("{row}.file_name"),
        "created": time_filter("{row}.created"),
        "group": _product_group,
        "observation": reference("observations", "{row}.observation_id = {id}"),
        "featured": equals("{row}.featured", "boolean"),
        "globalId": equals_uuid,
        "notVia": _not_via,
    },
    "ReducedDatumWhere": {
        "id": id_filter("reduced_data"),
        "target": reference("targets", "{row}.target_id = {id}"),
        "targets": references("targets", "{row}.target_id = any({ids})"),
        "targetList": _target_list("{row}.target_id"),
        "dataProduct": reference("data_products", "{row}.data_product_id = {id}"),
        "dataType": text_filter("{row}.data_type"),
        "timestamp": time_filter("{row}.timestamp"),
        "mjd": number_filter("{row}.mjd"),
        "sourceName": text_filter("{row}.source_name"),
        "telescope": text_filter("{row}.telescope"),
        "instrument": text_filter("{row}.instrument"),
        "photometry": _photometry,
        "disabled": equals("{row}.disabled", "boolean"),
        "notVia": _not_via,
    },
    "PhotometryWhere": {
        "band": text_filter("{row}.band"),
        "mjd": number_filter("{row}.mjd"),
        "magnitude": number_filter(
            lambda running, row: brightness.magnitude(RowContext(row, {}, running.bind, running.actor)),
        ),
        "signalToNoise": number_filter("{row}.flux_ujy / {row}.flux_error_ujy"),
        "detectionsOnly": _detections,
        "sourceName": text_filter("{row}.source_name"),
    },
    "ObservationWhere": {
        "id": id_filter("observations"),
        "target": reference("targets", "{row}.target_id = {id}"),
        "facility": text_filter("{row}.facility"),
        "observationId": text_filter("{row}.observation_id"),
        "status": text_filter("{row}.status"),
        "created": time_filter("{row}.created"),
    },
    "ShareItemWhere": {
        "kind": equals("upper({row}.subject_kind)", "text"),
        "state": _one_of("{row}.state"),
        "target": seen_reference("targets", "target_id", predicates.target_id_visible_to),
    },
    "JobWhere": {
        "id": id_filter("jobs"),
        "kind": text_filter("{row}.kind"),
        "state": _one_of("{row}.state"),
        "target": seen_reference("targets", "target_id", predicates.target_id_visible_to),
        "dataProduct": seen_reference("data_products", "data_product_id", predicates.product_id_visible_to),
        "created": time_filter("{row}.created"),
    },
}
"""Where type -> field -> condition."""
