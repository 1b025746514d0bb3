"""What became of bulk calls, as their payload."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import strawberry

from tomgql.graphql.enums import NoteLevel, RowOutcome
from tomgql.graphql.payloads import RowReport
from tomgql.graphql.products import IngestNote
from tomgql.reading import ids
from tomgql.services.bulk import BulkOutcome


def bulk_payload(resource: str, outcome: BulkOutcome, spell: Callable[[str], str] = str) -> dict[str, Any]:
    """The payload of a bulk call about one resource; ``spell`` turns a field's name into what the caller wrote."""

    def public_id(key: Any) -> strawberry.ID:
        return strawberry.ID(ids.encode(resource, *key))

    def report(row: dict[str, Any]) -> RowReport:
        return RowReport(
            row=row["row"],
            outcome=RowOutcome(row["outcome"]),
            code=row["code"],
            message=row["message"],
            field=None if row["field"] is None else spell(row["field"]),
            id=None if row["key"] is None else public_id(row["key"]),
        )

    return {
        "created": outcome.created,
        "revised": outcome.revised,
        "unchanged": outcome.unchanged,
        "rejected": outcome.rejected,
        "rows": [report(row) for row in outcome.rows],
        "ids": [public_id(key) for key in outcome.keys],
        "notes": [IngestNote(**{**note, "level": NoteLevel(note["level"])}) for note in outcome.notes],
    }
