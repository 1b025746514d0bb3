"""The same call with the same key is done once and answered the same."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import orjson

from tomgql.domain.json_values import why_refused
from tomgql.errors import Conflict, InvalidInput
from tomgql.store.transaction import Transaction

LONGEST_KEY = 200
"""Characters of an idempotency key."""


async def earlier_answer(
    tx: Transaction, user_id: int, key: str | None, operation: str, request: dict[str, Any]
) -> dict[str, Any] | None:
    """The answer given to this call before, or None when it is the first.

    The first call holds its key until its transaction ends, so a second one that runs meanwhile waits for it. Raises
    Conflict when the key was used for another call.
    """
    if key is None:
        return None
    require_key(key)
    digest = hashlib.sha256(_canonical([operation, request])).hexdigest()
    first = await tx.value(
        "insert into idempotency_keys (user_id, key, operation, request_sha256, answer)"
        " values ($1, $2, $3, $4, '{}') on conflict (user_id, key) do nothing returning id",
        user_id,
        key,
        operation,
        digest,
    )
    if first is not None:
        return None
    row = await tx.row(
        "select request_sha256, answer from idempotency_keys where user_id = $1 and key = $2", user_id, key
    )
    if row is None or row["request_sha256"] != digest:
        raise Conflict(
            "This idempotency key was used for another call; take a new key for a new call.",
            path=["input", "idempotencyKey"],
        )
    answer: dict[str, Any] = row["answer"]
    return answer


def require_key(key: str) -> None:
    """The key is one that can be kept; raises InvalidInput."""
    if not 0 < len(key) <= LONGEST_KEY or "\x00" in key:
        raise InvalidInput(f"`idempotencyKey` needs 1 to {LONGEST_KEY} characters.", path=["input", "idempotencyKey"])


def _canonical(call: list[Any]) -> bytes:
    """A call as bytes that no other call has; orjson writes infinities as null, and not every whole number."""
    try:
        text = orjson.dumps(call, option=orjson.OPT_SORT_KEYS)
        if b"null" not in text or why_refused(call) is None:
            return text
    except TypeError:
        pass
    try:
        return json.dumps(call, sort_keys=True, default=str).encode()
    except RecursionError as error:
        raise InvalidInput("A JSON value of this call is nested too deep.", path=["input"]) from error


async def remember(tx: Transaction, user_id: int, key: str | None, answer: dict[str, Any]) -> None:
    """Keep the answer to a keyed call, in the call's own transaction."""
    if key is not None:
        await tx.execute(
            "update idempotency_keys set answer = $3 where user_id = $1 and key = $2", user_id, key, answer
        )
