"""Limits on documents and on time, from the settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

from graphql import GraphQLError, OperationDefinitionNode
from strawberry.extensions import (
    MaxTokensLimiter,
    ParserCache,
    SchemaExtension,
    ValidationCache,
)
from strawberry.types.graphql import OperationType

from tomgql.graphql.documents import DocumentSize
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
        """See strawberry; leaves long documents to the ordinary way, and alone what is refused already."""
        running = self.execution_context
        if running.pre_execution_errors or len(running.query or "") > LONGEST_KEPT:
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


def extensions(settings: Settings) -> list[Any]:
    """The schema's extensions; tokens first, since counting them is what keeps every other check cheap."""
    return [
        ShapeErrors,
        FreshBudget,
        lambda: MaxTokensLimiter(max_token_count=settings.max_query_tokens),
        KeptDocuments,
        lambda: DocumentSize(settings),
        KeptVerdicts,
        OneOperation,
    ]
