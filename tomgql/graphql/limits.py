"""Limits on documents and on time, from the settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

from graphql import (
    ASTValidationRule,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationContext,
)
from strawberry.extensions import (
    AddValidationRules,
    MaxTokensLimiter,
    ParserCache,
    SchemaExtension,
    ValidationCache,
)
from strawberry.types.graphql import OperationType

from tomgql.graphql.errors import ShapeErrors
from tomgql.settings import Settings


class FreshBudget(SchemaExtension):
    """Gives every operation its own budget of reads; operations of one WebSocket share a context.

    One that asks where the event log ends is read at one moment, so that a subscription can go on from what it shows.
    The context learns whether the operation changes anything.
    """

    async def on_execute(self) -> AsyncIterator[None]:
        """See strawberry."""
        context, kind = self.execution_context.context, self.execution_context.operation_type
        context.changes = kind is OperationType.MUTATION
        reads = context.reads
        reads.renew()
        asks_place = "latestCursor" in (self.execution_context.query or "")
        if asks_place and kind is OperationType.QUERY:
            async with reads.as_of_one_moment():
                yield
        else:
            yield


DOCUMENTS_KEPT = 100
"""Documents whose parsed and validated form is kept."""

LONGEST_KEPT = 4_000
"""Characters of a document that is kept: a stranger's long ones, ever new, must not fill the memory."""


class KeptDocuments(ParserCache):
    """Parses a document once: a front end asks the same few again and again."""

    def __init__(self) -> None:
        super().__init__(maxsize=DOCUMENTS_KEPT)

    def on_parse(self) -> Iterator[None]:
        """See strawberry; leaves long documents, and those that do not parse, to the ordinary way."""
        running = self.execution_context
        if len(running.query or "") <= LONGEST_KEPT:
            with suppress(GraphQLError):
                running.graphql_document = self.cached_parse_document(running.query, **running.parse_options)
        yield


class KeptVerdicts(ValidationCache):
    """Validates a document once."""

    def __init__(self) -> None:
        super().__init__(maxsize=DOCUMENTS_KEPT)

    def on_validate(self) -> Iterator[None]:
        """See strawberry; leaves long documents to the ordinary way."""
        if len(self.execution_context.query or "") > LONGEST_KEPT:
            yield
        else:
            yield from super().on_validate()


class OneOperation(SchemaExtension):
    """Refuses a document of several operations when none is named; strawberry would run the first.

    See https://spec.graphql.org/October2021/#GetOperation().
    """

    def on_validate(self) -> Iterator[None]:
        """See strawberry; after the verdict of `KeptVerdicts`."""
        running = self.execution_context
        definitions = running.graphql_document.definitions if running.graphql_document else ()
        names = [each.name for each in definitions if isinstance(each, OperationDefinitionNode)]
        if not running.pre_execution_errors and len(names) > 1 and running._provided_operation_name is None:
            listed = ", ".join(name.value for name in names if name)
            message = f"The document holds several operations; say which by `operationName`: {listed}."
            running.pre_execution_errors = [GraphQLError(message)]
        yield


class Measure:
    """Depth and aliases of a document's selections, each fragment measured once.

    strawberry's own limiters follow every spread anew: thirty fragments that each spread the next twice, one kilobyte,
    take them hours.
    """

    def __init__(self, document: DocumentNode) -> None:
        definitions = document.definitions
        self._fragments = {each.name.value: each for each in definitions if isinstance(each, FragmentDefinitionNode)}
        self._known: dict[str, tuple[int, int]] = {}

    def of(self, selections: SelectionSetNode | None) -> tuple[int, int]:
        """Nesting below, and aliases within, as often as they are spread."""
        depth = aliases = 0
        for each in selections.selections if selections else ():
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

    def _of_fragment(self, name: str) -> tuple[int, int]:
        if name not in self._known and name in self._fragments:
            self._known[name] = 0, 0  # while it is being measured: one that spreads itself is refused elsewhere
            self._known[name] = self.of(self._fragments[name].selection_set)
        return self._known.get(name, (0, 0))


def size_rule(max_depth: int, max_aliases: int) -> type[ASTValidationRule]:
    """A validation rule that refuses documents that nest too deep or hold too many aliases."""

    class SizeRule(ASTValidationRule):
        def __init__(self, context: ValidationContext) -> None:
            super().__init__(context)
            measure = Measure(context.document)
            operations = [each for each in context.document.definitions if isinstance(each, OperationDefinitionNode)]
            sizes = [measure.of(each.selection_set) for each in operations]
            if any(depth > max_depth for depth, _ in sizes):
                context.report_error(GraphQLError(f"The document exceeds the maximum depth of {max_depth}."))
            if sum(aliases for _, aliases in sizes) > max_aliases:
                context.report_error(GraphQLError(f"The document holds more than {max_aliases} aliases."))

    return SizeRule


def extensions(settings: Settings) -> list[Any]:
    """The schema's extensions; tokens first, since counting them is what keeps every other check cheap."""
    rule = size_rule(settings.max_query_depth, settings.max_query_aliases)
    return [
        ShapeErrors,
        FreshBudget,
        lambda: MaxTokensLimiter(max_token_count=settings.max_query_tokens),
        lambda: AddValidationRules([rule]),
        KeptDocuments,
        KeptVerdicts,
        OneOperation,
    ]
