"""What `previewDataProduct` answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import strawberry

from tomgql.graphql.enums import NoteLevel
from tomgql.graphql.errors import UserError
from tomgql.graphql.products import IngestNote
from tomgql.graphql.scalars import JSON


def _count(what: str) -> Any:
    return strawberry.field(default=0, description=what)


def _maybe(what: str) -> Any:
    return strawberry.field(default=None, description=what)


@strawberry.type(description="What would come of a file, or why nothing would.")
class PreviewPayload:
    processor: str | None = _maybe("The processor that reads it; null where the file would only be kept.")
    version: str | None = _maybe("Version of the processor.")
    format: str | None = _maybe("What the file turned out to be, such as delimited text.")
    columns: JSON | None = _maybe(
        "The columns, at most 1,000: an array of objects with `name` (in the file), `meaning` (a word of the column"
        " mapping, or several joined by commas; null of a column that is only kept as reported, or that a derived one"
        " was made of), `unit` (how its values are taken: a unit, a zero point, or format and scale of times; null"
        " where none is known) and `derived` (whether the processor worked it out). Null where the processor does"
        " not tell."
    )
    rows: list[JSON] = strawberry.field(
        default_factory=list,
        description="The first data as they would be stored, at most 20 and 1 MiB: objects by stored column, whose"
        " names hold the units (mjd is UTC days), without columns that are empty in all of them. Arrays are shown by"
        " their first 10 numbers.",
    )
    created: int = _count("Data that would be new.")
    revised: int = _count("Data that are there with other content, and would become new revisions.")
    unchanged: int = _count("Data that are there already.")
    rejected: int = _count("Rows that would not be taken.")
    withdrawn: int = _count("Data of earlier readings of the same file that would be disabled.")
    notes: list[IngestNote] = strawberry.field(
        default_factory=list, description="What was assumed, skipped, converted or warned of while it was read."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why it was refused or cannot be read; empty when it was read."
    )


def previewed(
    result: Mapping[str, Any] | None,
    columns: Sequence[Mapping[str, Any]],
    rows: Sequence[Mapping[str, Any]],
    notes: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """The fields of the payload; ``result`` is that of a job, None where no job would read the file."""
    return {
        **(result or {}),
        "columns": JSON(list(columns)) if columns else None,
        "rows": [JSON(row) for row in rows],
        "notes": [IngestNote(**{**note, "level": NoteLevel(note["level"])}) for note in notes],
    }
