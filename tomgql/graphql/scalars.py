"""Scalars: DateTime, Cursor, JSON, Upload."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.file_uploads import Upload
from strawberry.file_uploads.scalars import UploadDefinition
from strawberry.scalars import JSON

Cursor = NewType("Cursor", str)


def write_datetime(value: Any) -> str:
    """ISO 8601 in UTC with whole milliseconds, as the compiled reads write it."""
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
    return str(value)


def read_datetime(value: Any) -> datetime:
    """A time with its zone; one without is UTC."""
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        raise GraphQLError(f"{value!r} is not an ISO 8601 time such as 2024-05-17T03:04:05Z.") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise GraphQLError("A cursor is text.")
    return value


SCALARS: dict[object, Any] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="A time in UTC as ISO 8601 with milliseconds. As input a time without a zone is taken as UTC.",
        serialize=write_datetime,
        parse_value=read_datetime,
    ),
    Cursor: strawberry.scalar(
        name="Cursor",
        description="An opaque position in the event log; grows in commit order.",
        serialize=str,
        parse_value=_text,
    ),
    JSON: strawberry.scalar(
        name="JSON", description="Any JSON value.", serialize=lambda value: value, parse_value=lambda value: value
    ),
    Upload: UploadDefinition,
}
"""Python types and the scalars that stand for them."""

__all__ = ["JSON", "SCALARS", "Cursor", "Upload"]
