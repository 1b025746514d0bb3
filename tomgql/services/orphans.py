"""Files that no data product names any more: of deleted products, and of uploads that were refused after all."""

from __future__ import annotations

import logging

from tomgql.runtime import Runtime

logger = logging.getLogger(__name__)

HASHES_PER_QUESTION = 1_000
"""Hashes that one statement asks the database about."""


async def discard_orphans(rt: Runtime) -> int:
    """Remove the files whose bytes came longer than ``orphan_age_s`` ago and that no row names; returns how many.

    An upload stores its bytes before its row is committed, so young files are left alone. Idempotent.
    """
    age_s = rt.settings.orphan_age_s
    found = 0
    old = await rt.files.older_than(age_s)
    for start in range(0, len(old), HASHES_PER_QUESTION):
        hashes = old[start : start + HASHES_PER_QUESTION]
        known = await rt.writes.fetch(
            "select sha256 from data_products where sha256 = any($1::text[])"
            " union select thumbnail_sha256 from data_products where thumbnail_sha256 = any($1::text[])",
            hashes,
        )
        for orphan in set(hashes) - {row["sha256"] for row in known}:
            found += await rt.files.discard(orphan, age_s)
    if found:
        logger.info("discarded %d files that no data product names", found)
    return found
