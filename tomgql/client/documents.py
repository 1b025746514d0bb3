"""What the client must know of a document: where a stream's cursor stands, and which payloads a mutation answers.

A stream is resumed by the argument ``after`` of its only root field. It may be given as a variable of any name; where
the field has none, the client adds it. A cursor written into the document itself would be sent again at every
connection, so it is refused. A mutation's payload without ``errors`` would fail in silence: the client adds them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    parse,
)

from tomgql.client.errors import InvalidCall, Refused, ServerError

ADDED = "resumeAfter"
"""Variable that the client adds for the cursor."""

USER_ERRORS = " errors { code message path } "
"""What is asked of a payload that the caller asked no errors of."""


@dataclass(frozen=True)
class Stream:
    """A subscription that can be resumed: the document to send, and where events hold their cursor."""

    document: str
    root: str
    cursor: str
    variable: str

    def cursor_of(self, data: Any) -> str:
        """The cursor of an event; raises InvalidCall when @skip or @include left it out."""
        event = data.get(self.root) if isinstance(data, dict) else None
        cursor = event.get(self.cursor) if isinstance(event, dict) else None
        if not isinstance(cursor, str):
            raise InvalidCall(f"An event came without `{self.root}.{self.cursor}`; select `cursor` unconditionally.")
        return cursor


def stream(document: str) -> Stream:
    """Read a subscription document; raises InvalidCall, or Refused for what no server can parse."""
    parsed = _Parsed.read(document, OperationType.SUBSCRIPTION)
    root = parsed.root_fields()
    if len(root) != 1:
        raise InvalidCall(f"A subscription has one root field, not {len(root)}; subscribe once for each.")
    cursor = next((each for each in parsed.fields(root[0].selection_set) if each.name.value == "cursor"), None)
    if cursor is None:
        name = root[0].name.value
        raise InvalidCall(f"Select `cursor` under `{name}`: a stream is resumed behind its last event.")
    given = next((each for each in root[0].arguments or () if each.name.value == "after"), None)
    if given is None:
        return Stream(_with_after(document, parsed, root[0]), _key(root[0]), _key(cursor), ADDED)
    if not isinstance(given.value, VariableNode):
        raise InvalidCall("Give the argument `after` as a variable, or leave it out and use `subscribe(after=...)`.")
    return Stream(document, _key(root[0]), _key(cursor), given.value.name.value)


def mutation(document: str) -> tuple[str, list[str]]:
    """A mutation that asks for the errors of each payload, and the keys of its payloads; raises like `stream`."""
    parsed = _Parsed.read(document, OperationType.MUTATION)
    roots = parsed.root_fields()
    silent = [each for each in roots if "errors" not in map(_key, parsed.fields(each.selection_set))]
    # Before the closing brace of each payload's selection; one that has none is the server's to refuse.
    places = {_end(each.selection_set) - 1: USER_ERRORS for each in silent if each.selection_set}
    return _inserted(document, places), [_key(each) for each in roots]


@dataclass
class _Parsed:
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode] = field(default_factory=dict)

    @classmethod
    def read(cls, document: str, wanted: OperationType) -> _Parsed:
        try:
            parsed = parse(document)
        except GraphQLError as error:
            place = "".join(f"line {each.line}, column {each.column}: " for each in error.locations or ())
            raise Refused([ServerError("GRAPHQL_VALIDATION_FAILED", place + error.message)]) from error
        operations = [each for each in parsed.definitions if isinstance(each, OperationDefinitionNode)]
        if len(operations) != 1 or operations[0].operation != wanted:
            raise InvalidCall(f"The document must hold one operation, a {wanted.value}.")
        fragments = [each for each in parsed.definitions if isinstance(each, FragmentDefinitionNode)]
        return cls(operations[0], {each.name.value: each for each in fragments})

    def root_fields(self) -> list[FieldNode]:
        return list(self.fields(self.operation.selection_set))

    def fields(self, selections: SelectionSetNode | None, within: tuple[str, ...] = ()) -> Iterator[FieldNode]:
        """The fields of a selection, those of its fragments among them."""
        for each in selections.selections if selections else ():
            if isinstance(each, FieldNode):
                yield each
            elif isinstance(each, InlineFragmentNode):
                yield from self.fields(each.selection_set, within)
            elif isinstance(each, FragmentSpreadNode) and each.name.value not in within:
                fragment = self.fragments.get(each.name.value)
                yield from self.fields(fragment.selection_set if fragment else None, (*within, each.name.value))


def _key(node: FieldNode) -> str:
    return (node.alias or node.name).value


def _with_after(document: str, parsed: _Parsed, root: FieldNode) -> str:
    operation = parsed.operation
    variables, arguments = operation.variable_definitions, root.arguments
    head = _end(operation.name) if operation.name else _start(operation) + len(operation.operation.value)
    variable = {_end(variables[-1]): f", ${ADDED}: Cursor"} if variables else {head: f"(${ADDED}: Cursor)"}
    argument = {_end(arguments[-1]): f", after: ${ADDED}"} if arguments else {_end(root.name): f"(after: ${ADDED})"}
    return _inserted(document, variable | argument)


def _inserted(document: str, texts: dict[int, str]) -> str:
    for place in sorted(texts, reverse=True):
        document = document[:place] + texts[place] + document[place:]
    return document


def _start(node: Node) -> int:
    assert node.loc is not None  # noqa: S101 - the parser notes every place
    return node.loc.start


def _end(node: Node) -> int:
    assert node.loc is not None  # noqa: S101 - the parser notes every place
    return node.loc.end
