"""The schema, put together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import strawberry
from graphql import GraphQLError, Undefined, is_input_object_type, is_interface_type, is_object_type
from strawberry.schema.config import StrawberryConfig
from strawberry.types.graphql import OperationType

from tomgql.graphql.data import AstrometryDatum, GenericDatum, PhotometryDatum, SpectroscopyDatum
from tomgql.graphql.executor import CompilingExecutor, read_field
from tomgql.graphql.limits import extensions
from tomgql.graphql.mutations import Mutation
from tomgql.graphql.people import Token, User, UserGroup
from tomgql.graphql.query import Query
from tomgql.graphql.scalars import SCALARS
from tomgql.graphql.subscription import Subscription
from tomgql.settings import Settings


class QuietSchema(strawberry.Schema):
    """A schema that does not log clients' mistakes with a traceback each; `ShapeErrors` logs what is a bug."""

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        """See strawberry."""

    async def execute(  # type: ignore[override]
        self, query: str | None, variable_values: Any = None, context_value: Any = None, **given: Any
    ) -> Any:
        """See strawberry; plain requests and answers, so no subscriptions: those are streamed over WebSocket."""
        allowed = set(given.pop("allowed_operation_types", None) or OperationType) - {OperationType.SUBSCRIPTION}
        return await super().execute(
            query, variable_values, context_value, **given, allowed_operation_types=allowed
        )


def build_schema(settings: Settings) -> strawberry.Schema:
    """The executable schema with this site's limits."""
    schema = QuietSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[PhotometryDatum, SpectroscopyDatum, AstrometryDatum, GenericDatum, User, UserGroup, Token],
        extensions=extensions(settings),
        execution_context_class=CompilingExecutor,
        config=StrawberryConfig(default_resolver=read_field, scalar_map=SCALARS),
    )
    _forget_null_defaults(schema)
    return schema


def _forget_null_defaults(schema: strawberry.Schema) -> None:
    """Optional arguments without a default, as the contract has them: strawberry writes None as a default of null."""
    for kind in schema._schema.type_map.values():
        if is_input_object_type(kind):
            _forget(kind.fields.values())
        elif is_object_type(kind) or is_interface_type(kind):
            for field in kind.fields.values():
                _forget(field.args.values())


def _forget(places: Iterable[Any]) -> None:
    for place in places:
        if place.default_value is None:
            place.default_value = Undefined


def schema_text() -> str:
    """The schema in the GraphQL schema language, as ``schema.graphql`` holds it."""
    return build_schema(Settings()).as_str() + "\n"
