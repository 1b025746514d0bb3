"""The rows of uploads: who may go on with one, how many a user may have open, and which have ended."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from tomgql.access.principal import Principal
from tomgql.errors import Conflict, NotFound
from tomgql.runtime import Runtime
from tomgql.store.transaction import Transaction

logger = logging.getLogger(__name__)

_OPEN = (
    "u.expires > now() and exists (select from tokens k where k.id = u.token_id and k.revoked is null"
    " and (k.expires is null or k.expires > now()))"
)
"""Whether an upload has not expired, and the token that it was begun with is still good."""


@dataclass(frozen=True)
class Upload:
    """An upload: what it becomes (``product``, the fields of `NewProduct`), and what was answered when it was whole."""

    address: str
    target_id: int
    product: dict[str, Any]
    size_bytes: int
    sha256: str | None
    expires: datetime
    answer: dict[str, Any] | None = None


async def find_upload(pool: asyncpg.Pool, actor: Principal, address: str) -> Upload:
    """The upload at an address. Permission: who began it. Raises NotFound, also for one that has ended."""
    row = await pool.fetchrow(
        "select u.address, u.target_id, u.product, u.size_bytes, u.sha256, u.expires, u.answer from file_uploads u"
        f" where u.address = $1 and u.user_id = $2 and {_OPEN}",
        address,
        actor.user_id,
    )
    if row is None:
        raise NotFound("There is no such upload.")
    return Upload(**row)


async def require_room(tx: Transaction, user_id: int, most: int) -> None:
    """The user may begin another upload, else Conflict; whoever asks for the same user waits until this one is done."""
    await tx.execute("select from users where id = $1 for no key update", user_id)
    count = await tx.value(
        f"select count(*) from file_uploads u where u.user_id = $1 and u.answer is null and {_OPEN}", user_id
    )
    if count >= most:
        raise Conflict(f"You have {count} open uploads, as many as this server allows; finish or cancel one.")


async def insert_upload(tx: Transaction, actor: Principal, upload: Upload) -> None:
    """Write the row of an upload that the actor begins."""
    await tx.execute(
        "insert into file_uploads (address, user_id, token_id, target_id, product, size_bytes, sha256, expires)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8)",
        upload.address,
        actor.user_id,
        actor.token_id,
        upload.target_id,
        upload.product,
        upload.size_bytes,
        upload.sha256,
        upload.expires,
    )


async def discard_ended_uploads(rt: Runtime) -> int:
    """Forget the uploads that have ended, and the bytes of files that no open upload waits for; returns how many.

    Idempotent. An upload's row is there before its first byte, so no file that was found first belongs to a new one.
    """
    names = await asyncio.to_thread(rt.files.partial_names)
    await rt.writes.execute(f"delete from file_uploads u where not ({_OPEN})")
    rows = await rt.writes.fetch(
        "select address from file_uploads where answer is null and address = any($1::text[])", names
    )
    ended = set(names) - {row["address"] for row in rows}
    for name in ended:
        await asyncio.to_thread(rt.files.discard_partial, name)
    if ended:
        logger.info("discarded %d files that were never sent whole", len(ended))
    return len(ended)
