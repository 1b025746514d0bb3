"""What was deleted, for who has copies."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from tomgql.errors import InvalidInput
from tomgql.reading.execute import ReadSession

MOST_IDS = 1_000
"""Global ids of one question."""


async def deleted_among(session: ReadSession, global_ids: Sequence[str]) -> list[str]:
    """Those global ids whose things were deleted where they were made. Raises InvalidInput for what is no UUID."""
    try:
        asked = [UUID(each) for each in global_ids]
    except ValueError:
        raise InvalidInput("`globalIds` are UUIDs.", path=["globalIds"]) from None
    rows = await session.rows(
        "select global_id::text as id from tombstones where by_origin and global_id = any($1::uuid[]) order by id",
        [asked],
    )
    return [row["id"] for row in rows]
