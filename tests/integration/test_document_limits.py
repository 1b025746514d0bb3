"""Documents that cost much to validate or to introspect are refused before, and what tools send is answered."""

from __future__ import annotations

import time
from typing import Any

import pytest
from graphql import get_introspection_query

from tests.support.site import Site

MEMBERS = "types {fields {args {type {name ofType {name}}} type {name fields {name}}}}"
SEVERAL = " ".join(f"a{n}: __schema {{{MEMBERS}}}" for n in range(40))
SPREADS = " ".join(f"...F{n}" for n in range(280))
FRAGMENTS = " ".join(f"fragment F{n} on Query {{server {{version}}}}" for n in range(280))
FIFTY = "server {version} " * 50

TANGLED = (
    "This document asks for the same fields, or spreads its fragments, so often in one place that it is not validated;"
    " ask for each once."
)

REFUSED = {
    "introspection under aliases": (
        f"{{{SEVERAL}}}",
        "A document may ask for `__schema` and for `__type` once each.",
    ),
    "aliases within introspection": (
        "{__schema {types {...T}}} fragment T on __Type {a: fields {name} b: fields {name}}",
        '"a": what tells of the schema takes no aliases.',
    ),
    "members within members": (
        f"{{__schema {{{MEMBERS}}}}}",
        '"fields" of a type cannot be asked for below a list of another type.',
    ),
    "members within members by a fragment": (
        "{__schema {types {...T fields {type {...T}}}}} fragment T on __Type {enumValues {name}}",
        '"enumValues" of a type cannot be asked for below a list of another type.',
    ),
    "selections": ("{" + "server {version} " * 990 + "}", "The document holds more than 1000 fields and fragments."),
    "one name": (
        f"{{{FIFTY} ... {{server {{name}}}}}}",
        'The document asks for "server" 51 times in one place; at most 50 are merged.',
    ),
    "one name below aliases": (
        "{server {" + "version " * 51 + "}}",
        'The document asks for "version" 51 times in one place; at most 50 are merged.',
    ),
    "fragments that overlap": (f"{{{SPREADS}}} {FRAGMENTS}", TANGLED),
}


@pytest.mark.parametrize("name", list(REFUSED))
async def test_what_costs_much_before_it_runs_is_refused(site: Site, name: str) -> None:
    document, message = REFUSED[name]
    began = time.monotonic()
    answer = await site.client().ask(document)
    assert time.monotonic() - began < 1.5
    assert answer["data"] is None
    assert [error["message"] for error in answer["errors"]] == [message]
    assert answer["errors"][0]["extensions"] == {"code": "GRAPHQL_VALIDATION_FAILED"}


EVERYTHING = {
    "descriptions": True,
    "specified_by_url": True,
    "directive_is_repeatable": True,
    "schema_description": True,
    "input_value_deprecation": True,
}


@pytest.mark.parametrize("options", [{}, EVERYTHING], ids=["gql", "GraphiQL"])
async def test_the_standard_introspection_is_answered(site: Site, options: dict[str, Any]) -> None:
    answer = await site.client().query(get_introspection_query(**options))
    assert {"Query", "Target"} < {each["name"] for each in answer["__schema"]["types"]}


@pytest.mark.parametrize(
    "document",
    [
        "{__schema {queryType {name}} t: __type(name: \"Target\") {name fields {name type {name ofType {name}}}}}",
        f"{{{FIFTY}}}",
        "query a {server {version}}" + "".join(f" query b{n} {{server {{version}}}}" for n in range(60)),
    ],
    ids=["schema and type", "fifty of a name", "operations"],
)  # fmt: skip
async def test_documents_within_the_limits_run(site: Site, document: str) -> None:
    body = await site.client().post(document, None)
    messages = [error["message"] for error in body.json().get("errors", [])]
    assert [each for each in messages if not each.startswith("The document holds several operations")] == []
