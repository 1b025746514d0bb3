"""The contract with clients: what stands in it keeps its name, type, nullability and defaults in our schema.

``contract.graphql`` beside this file is the contract itself. What the schema does not have yet is listed here by name,
so that the list can only shrink: a name that has come, or that was dropped, fails the test.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graphql import DocumentNode, parse, print_ast

from tomgql.graphql.schema import schema_text

CONTRACT = parse((Path(__file__).parent / "contract.graphql").read_text())

TO_COME = {
    "Query.plots",
    "Target.plot",
}


def places(document: DocumentNode) -> Iterator[tuple[str, str]]:
    """Every type, field, argument and enum value by its path, with its type and default."""
    for definition in document.definitions:
        name = definition.name.value  # type: ignore[attr-defined]
        yield name, type(definition).__name__
        for value in getattr(definition, "values", None) or ():
            yield f"{name}.{value.name.value}", "value"
        for field in getattr(definition, "fields", None) or ():
            yield f"{name}.{field.name.value}", _shape(field)
            for argument in getattr(field, "arguments", None) or ():
                yield f"{name}.{field.name.value}.{argument.name.value}", _shape(argument)


def _shape(node: Any) -> str:
    default = getattr(node, "default_value", None)
    return print_ast(node.type) + (f" = {print_ast(default)}" if default is not None else "")


def test_the_schema_keeps_the_contract() -> None:
    ours = dict(places(parse(schema_text())))
    theirs = dict(places(CONTRACT))
    changed = {path: (shape, ours[path]) for path, shape in theirs.items() if path in ours and ours[path] != shape}
    assert changed == {}
    parents = {path for path in theirs if path not in ours}
    missing = {path for path in parents if not any(path.startswith(f"{other}.") for other in parents)}
    assert missing == TO_COME
