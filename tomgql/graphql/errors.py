"""What clients learn of errors: our own errors with their stable code, everything else masked with an id.

Payload errors (`UserError`) are for what a user of a mutation can mend; reads and refused sign-ins are top-level
errors with ``extensions.code``.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.extensions import MaskErrors

from tomgql.errors import NotAuthenticated, TomError, Unavailable
from tomgql.runtime import OUTAGES

logger = logging.getLogger(__name__)

ABORTED = "Validation aborted."
"""What graphql-core says of a document that takes it too long to validate."""

TOO_TANGLED = (
    "This document asks for the same fields, or spreads its fragments, so often in one place that it is not validated;"
    " ask for each once."
)
"""What we say of it."""


@strawberry.type(description="An expected failure of a mutation: what is wrong, where, and what would be right.")
class UserError:
    code: str = strawberry.field(description="Stable machine-readable code, such as NOT_FOUND or DUPLICATE_NAME.")
    message: str = strawberry.field(description="What is wrong and what would be right, for people.")
    path: list[str] | None = strawberry.field(description="Path of the input field concerned, from `input` on.")


def user_errors(error: TomError) -> list[UserError]:
    """A verb's refusal as a payload carries it."""
    return [UserError(code=error.code, message=error.message, path=camel_path(error.path))]


def camel_path(path: Sequence[str] | None) -> list[str] | None:
    """A path in the spelling of the schema."""
    return None if path is None else [_camel(part) for part in path]


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)


class ShapeErrors(MaskErrors):
    """Gives every top-level error its code, and masks what was not raised on purpose."""

    def __init__(self) -> None:
        super().__init__()

    def _process_errors(self, errors: list[GraphQLError]) -> list[GraphQLError]:
        return [shape(error) for error in errors]


def shape(error: GraphQLError) -> GraphQLError:
    """The error as a client may see it."""
    original = error.original_error
    if original is None or isinstance(original, GraphQLError):
        message = TOO_TANGLED if error.message == ABORTED else error.message
        return _with(error, message, error.extensions or {"code": "GRAPHQL_VALIDATION_FAILED"})
    known = as_tom_error(original)
    if known is not None:
        extensions: dict[str, Any] = {"code": known.code}
        if known.path:
            extensions["path"] = camel_path(known.path)
        return _with(error, known.message, extensions)
    error_id = uuid.uuid4().hex[:12]
    logger.error("internal error %s at %s", error_id, error.path, exc_info=original)
    return _with(error, f"Internal error {error_id}.", {"code": "INTERNAL", "errorId": error_id})


def as_tom_error(error: BaseException) -> TomError | None:
    """An error of our tree, or what a broken connection to our own servers means; None for a bug."""
    if isinstance(error, TomError):
        return error
    if isinstance(error, OUTAGES):
        return Unavailable("A part of this server cannot be reached just now; try again.")
    return None


def _with(error: GraphQLError, message: str, extensions: dict[str, Any]) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )


def refused_at_top(error: TomError) -> bool:
    """Whether a mutation's refusal is a top-level error: who did not sign in, and our own outages."""
    return isinstance(error, (NotAuthenticated, Unavailable))
