"""What a document may hold, measured before graphql-core validates it, which takes time by the square of its size.

Fragments are measured once each: strawberry's own limiters follow every spread anew, and thirty fragments that each
spread the next twice, one kilobyte, take them hours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)
from graphql.validation.rules import overlapping_fields_can_be_merged as overlaps
from strawberry.extensions import SchemaExtension

from tomgql.settings import Settings

MOST_COMPARISONS = 20_000
"""What graphql-core may spend on whether fields of one name can be merged; its own 500,000 take seconds.

The standard introspection query, and a front end's page, take less than 500.
"""

MOST_OF_A_NAME = 50
"""Fields of one response name in one selection set: each is compared with each."""

INTROSPECTION = ("__schema", "__type")
"""Fields that tell of the schema."""

MEMBERS = frozenset({"fields", "inputFields", "interfaces", "possibleTypes", "enumValues"})
"""Lists that hang on a type: within one another they multiply to what takes seconds."""

overlaps.MAX_COMPLEXITY_BUDGET = MOST_COMPARISONS


@dataclass
class Measure:
    """Depth, aliases and selections of a document, and what it asks of the schema itself."""

    document: DocumentNode

    def __post_init__(self) -> None:
        definitions = self.document.definitions
        self._fragments = {each.name.value: each for each in definitions if isinstance(each, FragmentDefinitionNode)}
        self._known: dict[str, tuple[int, int]] = {}
        self.written = self._written()

    def of(self, selections: SelectionSetNode | None) -> tuple[int, int]:
        """Nesting below, and aliases within, as often as they are spread."""
        depth = aliases = 0
        for each in _selections(selections):
            if isinstance(each, FragmentSpreadNode):
                deeper, more = self._of_fragment(each.name.value)
            else:
                deeper, more = self.of(each.selection_set)  # type: ignore[attr-defined]
            if isinstance(each, FieldNode):
                more += each.alias is not None
                introspection = each.name.value.startswith("__")
                deeper = 0 if introspection or each.selection_set is None else deeper + 1
            depth, aliases = max(depth, deeper), aliases + more
        return depth, aliases

    def operations(self) -> Iterator[tuple[int, int]]:
        """Depth and aliases of each operation."""
        for each in self.document.definitions:
            if isinstance(each, OperationDefinitionNode):
                yield self.of(each.selection_set)

    def most_of_a_name(self) -> tuple[str, int]:
        """The response name that one selection set asks for most often, inline fragments with it."""
        found = [("", 0)]
        for node in (*self.document.definitions, *self.written):
            fields = _flat(getattr(node, "selection_set", None))
            found += Counter(each.alias.value if each.alias else each.name.value for each in fields).most_common(1)
        return max(found, key=lambda each: each[1])

    def introspection_fault(self) -> str | None:
        """What is wrong with what a document asks of the schema; None where nothing is."""
        entries = [each for each in self.written if isinstance(each, FieldNode) and each.name.value in INTROSPECTION]
        if len({each.name.value for each in entries}) < len(entries):
            return "A document may ask for `__schema` and for `__type` once each."
        for entry in entries:
            for each, within in self._below(entry, within=False, seen=set()):
                if each.alias is not None:
                    return f'"{each.alias.value}": what tells of the schema takes no aliases.'
                if within and each.name.value in MEMBERS:
                    return f'"{each.name.value}" of a type cannot be asked for below a list of another type.'
        return None

    def _of_fragment(self, name: str) -> tuple[int, int]:
        if name not in self._known and name in self._fragments:
            self._known[name] = 0, 0  # while it is being measured: one that spreads itself is refused elsewhere
            self._known[name] = self.of(self._fragments[name].selection_set)
        return self._known.get(name, (0, 0))

    def _written(self) -> list[SelectionNode]:
        """All selections as they are written, each once."""
        found: list[SelectionNode] = []
        waiting: list[Node] = list(self.document.definitions)
        while waiting:
            selections = _selections(getattr(waiting.pop(), "selection_set", None))
            found += selections
            waiting += selections
        return found

    def _below(self, node: Node, *, within: bool, seen: set[tuple[str, bool]]) -> Iterator[tuple[FieldNode, bool]]:
        """Each field below, and whether it lies within the members of a type."""
        for each in _selections(getattr(node, "selection_set", None)):
            if isinstance(each, FragmentSpreadNode):
                place = each.name.value, within
                if place not in seen and each.name.value in self._fragments:
                    seen.add(place)
                    yield from self._below(self._fragments[each.name.value], within=within, seen=seen)
                continue
            if isinstance(each, FieldNode):
                yield each, within
            deeper = within or (isinstance(each, FieldNode) and each.name.value in MEMBERS)
            yield from self._below(each, within=deeper, seen=seen)


class DocumentSize(SchemaExtension):
    """Refuses a document over a limit, instead of validating it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def on_validate(self) -> Iterator[None]:
        """See strawberry; before `KeptVerdicts`, which leaves a refused document alone."""
        running = self.execution_context
        if running.graphql_document is not None:
            faults = list(faults_of(Measure(running.graphql_document), self._settings))
            running.pre_execution_errors = [GraphQLError(fault) for fault in faults] or running.pre_execution_errors
        yield


def faults_of(measure: Measure, limits: Settings) -> Iterator[str]:
    """What exceeds the limits in a document."""
    if len(measure.written) > limits.max_query_selections:
        yield f"The document holds more than {limits.max_query_selections} fields and fragments."
        return  # what takes longer to find out is not worth it
    sizes = list(measure.operations())
    if any(depth > limits.max_query_depth for depth, _ in sizes):
        yield f"The document exceeds the maximum depth of {limits.max_query_depth}."
    if sum(aliases for _, aliases in sizes) > limits.max_query_aliases:
        yield f"The document holds more than {limits.max_query_aliases} aliases."
    name, times = measure.most_of_a_name()
    if times > MOST_OF_A_NAME:
        yield f'The document asks for "{name}" {times} times in one place; at most {MOST_OF_A_NAME} are merged.'
    if fault := measure.introspection_fault():
        yield fault


def _selections(given: SelectionSetNode | None) -> tuple[SelectionNode, ...]:
    return tuple(given.selections) if given else ()


def _flat(selections: SelectionSetNode | None) -> Iterator[FieldNode]:
    for each in _selections(selections):
        if isinstance(each, FieldNode):
            yield each
        elif isinstance(each, InlineFragmentNode):
            yield from _flat(each.selection_set)
