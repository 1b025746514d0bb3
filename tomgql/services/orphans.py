"""Files that no data product names any more: of deleted products, and of uploads that were refused after all."""

from __future__ import annotations

import logging

from tomgql.runtime import Runtime
from tomgql.store.transaction import Transaction, transaction

logger = logging.getLogger(__name__)

HASHES_PER_QUESTION = 1_000
"""Hashes that one statement asks the database about."""


_NAMED = (
    "select sha256 from data_products where sha256 = any($1::text[])"
    " union select thumbnail_sha256 from data_products where thumbnail_sha256 = any($1::text[])"
)
"""Which of these hashes rows name."""

_LOCK = "select pg_advisory_xact_lock{}(hashtextextended($1, 0))"
"""Holds one file until the transaction ends: shared by those who name it, alone for who discards it."""


async def hold_file(tx: Transaction, rt: Runtime, sha256: str) -> None:
    """Keep a stored file from being discarded before the transaction ends, which is to name it.

    Raises Unavailable when that has happened since it was stored: its bytes were there already, unnamed, and old.
    """
    await tx.execute(_LOCK.format("_shared"), sha256)
    await rt.files.size_of(sha256)


async def discard_orphans(rt: Runtime) -> int:
    """Remove the files whose bytes came longer than ``orphan_age_s`` ago and that no row names; returns how many.

    An upload stores its bytes before its row is committed, so young files are left alone. Idempotent.
    """
    old = await rt.files.older_than(rt.settings.orphan_age_s)
    found = 0
    for start in range(0, len(old), HASHES_PER_QUESTION):
        hashes = old[start : start + HASHES_PER_QUESTION]
        named = {row["sha256"] for row in await rt.writes.fetch(_NAMED, hashes)}
        for orphan in set(hashes) - named:
            found += await _discard(rt, orphan)
    if found:
        logger.info("discarded %d files that no data product names", found)
    return found


async def _discard(rt: Runtime, sha256: str) -> bool:
    async with transaction(rt.writes) as tx:
        await tx.execute(_LOCK.format(""), sha256)
        named = await tx.value(_NAMED, [sha256])  # by who held it until now
        return named is None and await rt.files.discard(sha256, rt.settings.orphan_age_s)
