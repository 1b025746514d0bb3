"""One execution of an operation that answers more than once, as finished JSON."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from graphql import GraphQLError
from strawberry import Schema
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from tomgql.access.principal import Principal
from tomgql.errors import QueryTooCostly, TomError, Unavailable
from tomgql.events.mailbox import Frame
from tomgql.graphql.context import Context
from tomgql.graphql.departure import to_its_end
from tomgql.graphql.errors import camel_path, shape
from tomgql.reading.streams import Feed

LONGEST_ID = 100
"""Characters of the id that a client gives an operation, which is sent with each event."""


class StreamRefused(Exception):  # noqa: N818 - named by what happened, like our own errors
    """An operation ends with errors instead of results: formatted as GraphQL answers carry them."""

    def __init__(self, errors: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(errors[0]["message"])
        self.errors = list(errors)


@dataclass(frozen=True)
class Asked:
    """An operation as a client sent it."""

    document: str
    variables: dict[str, Any] = field(default_factory=dict)
    operation_name: str | None = None
    may_mutate: bool = True

    @property
    def allowed(self) -> set[OperationType]:
        """Kinds of operation that may be run."""
        return set(OperationType) - (set() if self.may_mutate else {OperationType.MUTATION})

    def key(self, scope: Principal, resumed_by: str | None) -> tuple[Any, ...]:
        """What two subscriptions have in common that may share results; where they began matters no more."""
        given = {name: value for name, value in self.variables.items() if name != resumed_by}
        return self.document, self.operation_name, orjson.dumps(given, option=orjson.OPT_SORT_KEYS), scope


SIGNED = "signedUrl"
"""The field whose value holds the token of who asks."""


def scope_of(actor: Principal, asked: Asked) -> Principal:
    """All that decides what somebody is answered: rights, and the token they were proved by only where it shows."""
    return actor if SIGNED in asked.document else replace(actor, token_id=None)


async def results_of(schema: Schema, asked: Asked, context: Context) -> AsyncGenerator[Frame]:
    """One execution of an operation; raises StreamRefused, and Unavailable when the database is away."""
    source = await schema.stream(
        asked.document,
        variable_values=asked.variables,
        context_value=context,
        operation_name=asked.operation_name,
        allowed_operation_types=asked.allowed,
    )
    async with aclosing(source):
        result = await _first(source, context, may_change="mutation" in asked.document)
        if result is not None:
            yield _frame(result, context.feed)
        async for later in source:
            yield _frame(later, context.feed)


async def _first(source: AsyncGenerator[Any], context: Context, *, may_change: bool) -> ExecutionResult | None:
    """The first result, in the time that a request may take; a subscription may let wait for it.

    ``may_change`` is false of what surely is no mutation.
    """
    limit_s = context.rt.settings.request_timeout_s
    try:
        async with asyncio.timeout(limit_s) as limit:
            context.feed.begun = lambda: limit.reschedule(None)
            coming: Awaitable[ExecutionResult | None] = anext(source, None)
            if may_change:
                coming = to_its_end(coming, context, lambda: not limit.expired())
            result = await coming
    except TimeoutError as error:
        raise QueryTooCostly(f"This took longer than {limit_s:g} seconds; ask for less at once.") from error
    if isinstance(result, PreExecutionError):
        raise StreamRefused([error.formatted for error in result.errors or ()])
    return result


def _frame(result: Any, feed: Feed) -> Frame:
    """A result as finished JSON. Raises StreamRefused when the stream itself broke, Unavailable to have it retried."""
    errors = [error.formatted for error in result.errors or ()]
    if feed.place is not None:
        if any(error.get("extensions", {}).get("code") == Unavailable.code for error in errors):
            raise Unavailable("The database cannot be reached just now.")
        _end_if_too_costly(errors)
        if result.data is None and not any("path" in error for error in errors):
            raise StreamRefused(errors)
    elif result.data is None and errors and not any("path" in error for error in errors):
        raise StreamRefused(errors)
    payload: dict[str, Any] = {"data": result.data}
    cursor = feed.now.cursor if feed.now else ""
    if errors:
        payload["errors"] = errors
        payload["extensions"] = {"cursor": cursor} if cursor else {}
    text = orjson.dumps(payload).decode().replace("\n", "")  # between rows of json_agg; JSON strings hold none
    return Frame(feed.now.event.id if feed.now else 0, cursor, text)


def _end_if_too_costly(errors: Sequence[Mapping[str, Any]]) -> None:
    """Raises QueryTooCostly for an event that was refused: the next would cost as much, as long as there are any."""
    for error in errors:
        if error.get("extensions", {}).get("code") == QueryTooCostly.code:
            raise QueryTooCostly(error["message"])


def formatted(error: TomError, cursor: str | None = None) -> dict[str, Any]:
    """An error as GraphQL answers carry it; ``cursor`` says behind which event to go on."""
    extensions: dict[str, Any] = {"code": error.code}
    if error.path:
        extensions["path"] = camel_path(error.path)
    if cursor is not None:
        extensions["cursor"] = cursor
    return {"message": error.message, "extensions": extensions}


def shaped(error: Exception) -> StreamRefused:
    """What clients are told of a bug: an id, which stands in the log."""
    return StreamRefused([dict(shape(GraphQLError("broken", original_error=error)).formatted)])
