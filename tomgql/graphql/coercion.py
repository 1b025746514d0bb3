"""Inputs of the schema that come by other roads than a GraphQL document."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLError, GraphQLInputObjectType
from graphql.utilities import coerce_input_value, validate_input_value
from strawberry import Schema

from tomgql.errors import InvalidInput


def coerced_input(schema: Schema, type_name: str, value: Any) -> dict[str, Any]:
    """A JSON value as an input of the schema, in the schema's names. Raises InvalidInput with what is wrong first."""
    kind = schema._schema.type_map[type_name]
    assert isinstance(kind, GraphQLInputObjectType)  # noqa: S101 - named by our own routes
    errors: list[tuple[GraphQLError, Any]] = []
    validate_input_value(value, kind, lambda error, path: errors.append((error, path)))
    if errors or not isinstance(value, dict):
        reason = errors[0][0].message if errors else f"Expected an object of type {type_name}."
        place = [str(part) for part in errors[0][1]] if errors else []
        raise InvalidInput(reason, path=["where", *place])
    given: dict[str, Any] = coerce_input_value(value, kind)
    return given
