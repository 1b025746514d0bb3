"""The schema, put together."""

from __future__ import annotations

import strawberry
from strawberry.schema.config import StrawberryConfig

from tomgql.graphql.data import AstrometryDatum, GenericDatum, PhotometryDatum, SpectroscopyDatum
from tomgql.graphql.executor import CompilingExecutor, read_field
from tomgql.graphql.limits import extensions
from tomgql.graphql.mutations import Mutation
from tomgql.graphql.people import Token, User, UserGroup
from tomgql.graphql.query import Query
from tomgql.graphql.scalars import SCALARS
from tomgql.graphql.subscription import Subscription
from tomgql.settings import Settings


def build_schema(settings: Settings) -> strawberry.Schema:
    """The executable schema with this site's limits."""
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[PhotometryDatum, SpectroscopyDatum, AstrometryDatum, GenericDatum, User, UserGroup, Token],
        extensions=extensions(settings),
        execution_context_class=CompilingExecutor,
        config=StrawberryConfig(default_resolver=read_field, scalar_map=SCALARS),
    )


def schema_text() -> str:
    """The schema in the GraphQL schema language, as ``schema.graphql`` holds it."""
    return build_schema(Settings()).as_str() + "\n"
