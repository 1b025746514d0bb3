"""The published schema: up to date, described everywhere, with every kind of job and processor in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    build_schema,
    is_introspection_type,
    is_specified_scalar_type,
)

from tomgql.graphql.schema import schema_text
from tomgql.jobs.specs import SPECS
from tomgql.reading.catalog import RESOURCES
from workers.tasks import HANDLERS

ROOT = Path(__file__).parents[2]


def test_schema_file_is_what_tomgql_schema_prints() -> None:
    assert (ROOT / "schema.graphql").read_text() == schema_text(), "run: tomgql schema > schema.graphql"


def test_everything_in_the_schema_is_described() -> None:
    schema = build_schema(schema_text())
    kinds = [
        each
        for each in schema.type_map.values()
        if not is_introspection_type(each) and not is_specified_scalar_type(each)
    ]
    assert [place for each in kinds for place in _undescribed(each)] == []


def _undescribed(kind: Any) -> list[str]:
    places = [] if kind.description else [kind.name]
    if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)):
        for name, field in kind.fields.items():
            places += [] if field.description else [f"{kind.name}.{name}"]
            places += [f"{kind.name}.{name}({key})" for key, each in field.args.items() if not each.description]
    elif isinstance(kind, GraphQLInputObjectType):
        places += [f"{kind.name}.{name}" for name, field in kind.fields.items() if not field.description]
    elif isinstance(kind, GraphQLEnumType):
        places += [f"{kind.name}.{name}" for name, value in kind.values.items() if not value.description]
    return places


def test_every_kind_of_job_has_its_handler() -> None:
    assert set(HANDLERS) == set(SPECS)


def test_the_catalogue_speaks_of_fields_that_the_schema_has() -> None:
    schema = build_schema(schema_text())
    unknown = []
    for resource in RESOURCES.values():
        fields = schema.type_map[resource.type_name].fields  # type: ignore[attr-defined]
        for name in (*resource.fields, *resource.links, *resource.embedded):
            if name not in fields:
                unknown.append(f"{resource.type_name}.{name}")
        for type_name, own in resource.concrete_fields.items():
            concrete = schema.type_map[type_name].fields  # type: ignore[attr-defined]
            unknown += [f"{type_name}.{name}" for name in own if name not in concrete]
    assert unknown == []
