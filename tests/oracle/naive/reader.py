"""The naive reader itself: the schema's text made executable by graphql-core, every field answered by its rule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    build_schema,
    execute_sync,
    get_named_type,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)

from tests.oracle.naive import curves, data, pages, peers, people, products, root, shares, summaries, targets
from tests.oracle.naive.filters import INPUTS
from tests.oracle.naive.rights import Asker
from tests.oracle.naive.rules import Rule, Rules, arguments_of, known, snake
from tests.oracle.naive.sky import Sky, load
from tomgql.access.principal import Principal
from tomgql.errors import InvalidCursor

RULES: dict[str, Rules] = {
    "Query": root.QUERY,
    "Band": root.BAND,
    "Processor": root.PROCESSOR,
    "SurveyService": root.SURVEY_SERVICE,
    "DataProductType": root.PRODUCT_TYPE,
    "Target": targets.TARGET,
    "SkyCoordinates": targets.COORDINATES,
    "OrbitalElements": targets.ORBIT,
    "TargetList": targets.TARGET_LIST,
    "DataProduct": products.DATA_PRODUCT,
    "DataProductGroup": products.DATA_PRODUCT_GROUP,
    "IngestNote": products.NOTE,
    "Observation": products.OBSERVATION,
    "Job": products.JOB,
    "JobError": products.JOB_ERROR,
    "HarvestRule": products.HARVEST_RULE,
    "PeerSubscription": peers.PEER_SUBSCRIPTION,
    "PeerRefusal": peers.PEER_REFUSAL,
    "Share": shares.SHARE,
    "ShareItem": shares.SHARE_ITEM,
    "ContinuousShare": shares.CONTINUOUS_SHARE,
    "ShareLag": shares.SHARE_LAG,
    "PhotometryDatum": data.PHOTOMETRY,
    "SpectroscopyDatum": data.SPECTROSCOPY,
    "AstrometryDatum": data.ASTROMETRY,
    "GenericDatum": data.DATUM,
    "LightCurve": curves.LIGHT_CURVE,
    "TargetSummary": summaries.TARGET_SUMMARY,
    "BandSummary": summaries.BAND_SUMMARY,
    "DataTypeSummary": summaries.DATA_TYPE_SUMMARY,
    "Viewer": people.VIEWER,
    "User": people.USER,
    "UserGroup": people.USER_GROUP,
    "Token": people.TOKEN,
    "PageInfo": pages.PAGE_INFO,
}
"""Type -> field -> rule; connections and edges are all alike."""


class NaiveReader:
    """Answers any read of a schema from one sky."""

    def __init__(self, schema_text: str, sky: Sky) -> None:
        self.sky = sky
        self.schema = build_schema(schema_text)
        self._askers: dict[Principal, Asker] = {}
        for kind in self.schema.type_map.values():
            _teach(kind)

    @classmethod
    async def of(cls, schema_text: str, address: str) -> NaiveReader:
        """A reader of the database as it is now."""
        return cls(schema_text, await load(address))

    def answer(self, document: DocumentNode, variables: dict[str, Any], actor: Principal) -> Any:
        """The data of the answer; raises what a rule raises, of which InvalidCursor is an answer as well."""
        ask = self._askers.setdefault(actor, Asker(self.sky, actor))
        result = execute_sync(self.schema, document, variable_values=variables, context_value=ask)
        for error in result.errors or ():
            if isinstance(error.original_error, InvalidCursor):
                raise error.original_error
            raise AssertionError(str(error)) from error.original_error
        return result.data

    def unknown(self, but: set[str]) -> list[str]:
        """What can be asked for and has no rule here, except for some root fields."""
        query = self.schema.query_type
        assert query is not None
        seen: dict[str, GraphQLNamedType] = {query.name: query}
        _walk(self.schema, query, seen, but)
        excused = {f"Query.{name}" for name in but}
        return sorted({name for kind in seen.values() for name in _unknown(kind)} - excused)


def _rules(type_name: str) -> Rules:
    if type_name.endswith("Connection"):
        return pages.CONNECTION
    return pages.EDGE if type_name.endswith("Edge") else RULES.get(type_name, {})


def _teach(kind: GraphQLNamedType) -> None:
    """Give a type of the schema its rules."""
    if (is_object_type(kind) or is_interface_type(kind)) and not kind.name.startswith("__"):
        for name, field in kind.fields.items():
            field.resolve, field.type = _resolver(kind.name, name), _with_tolerances(field.type)
    if is_interface_type(kind):
        kind.resolve_type = lambda row, *_: row.type_name
    elif kind.name == "DateTime":
        kind.coerce_input_value = _read_time
        kind.coerce_input_literal = lambda node, *_: _read_time(node.value)


UNTOUCHED_FLOAT = GraphQLScalarType("UntouchedFloat", coerce_output_value=lambda value: value)
"""GraphQL's own Float would turn a number with a tolerance into a plain one."""


def _with_tolerances(kind: Any) -> Any:
    if is_list_type(kind) or is_non_null_type(kind):
        return type(kind)(_with_tolerances(kind.of_type))
    return UNTOUCHED_FLOAT if kind.name == "Float" else kind


def _resolver(type_name: str, field_name: str) -> Rule:
    def resolve(thing: Any, info: Any, **given: Any) -> Any:
        rule = known(_rules(type_name), field_name, type_name)
        return rule(info.context, thing, **{snake(name): value for name, value in given.items()})

    return resolve


def _read_time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _walk(schema: Any, kind: Any, seen: dict[str, GraphQLNamedType], but: set[str]) -> None:
    """All types that can be reached."""
    fields = {name: each for name, each in getattr(kind, "fields", {}).items() if name not in but}
    near = [each.type for each in fields.values()]
    near += [argument.type for each in fields.values() for argument in getattr(each, "args", {}).values()]
    near += schema.get_possible_types(kind) if is_interface_type(kind) else []
    for each in map(get_named_type, near):
        if each.name not in seen:
            seen[each.name] = each
            _walk(schema, each, seen, but)


def _unknown(kind: GraphQLNamedType) -> Iterator[str]:
    if is_object_type(kind):
        yield from _unknown_fields(kind)
    elif is_input_object_type(kind):
        yield from _unknown_inputs(kind)
    elif is_enum_type(kind):
        yield from _unknown_orders(kind)


def _unknown_fields(kind: GraphQLObjectType) -> Iterator[str]:
    rules = _rules(kind.name)
    for name, field in kind.fields.items():
        if name not in rules:
            yield f"{kind.name}.{name}"
        else:
            known_here = arguments_of(rules[name])
            yield from (f"{kind.name}.{name}({each}:)" for each in field.args if snake(each) not in known_here)


def _unknown_inputs(kind: GraphQLInputObjectType) -> Iterator[str]:
    yield from (f"{kind.name}.{name}" for name in kind.fields if name not in INPUTS.get(kind.name, ()))


def _unknown_orders(kind: GraphQLEnumType) -> Iterator[str]:
    if kind.name.endswith("OrderField"):
        keys = pages.SORT_KEYS.get(pages.ORDER_FIELDS.get(kind.name, ""), {})
        yield from (f"{kind.name}.{name}" for name in kind.values if name not in keys)
