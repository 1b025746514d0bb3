"""Servers that are followed, and what was not taken of them."""

from __future__ import annotations

from tests.oracle.naive.rights import Asker
from tests.oracle.naive.rules import Rules, columns, moments, newest_first, public_id, row_of
from tests.oracle.naive.sky import Row


def _refusals(ask: Asker, subscription: Row) -> list[Row]:
    return newest_first([row for row in ask.sky.tables["peer_refusals"] if row.peer_subscription_id == subscription.id])


def _is_left(subscription: Row) -> bool:
    """Whether it should be followed, and nobody does: nothing of the world has a lease."""
    return subscription.enabled and subscription.state in ("COPYING", "FOLLOWING") and not subscription.lease_until


def _instance(_ask: Asker, subscription: Row) -> str | None:
    return None if subscription.instance_id is None else str(subscription.instance_id)


PEER_SUBSCRIPTION: Rules = {
    "id": public_id,
    **columns("name", "address", "where", "enabled", "cursor", "access"),
    "state": lambda _ask, row: "INTERRUPTED" if _is_left(row) else row.state,
    "message": lambda _ask, row: "No worker of this site follows it just now." if _is_left(row) else row.message,
    "instanceId": _instance,
    **moments("heard", "created", "modified"),
    "targetList": row_of("target_lists", "target_list_id"),
    "createdBy": row_of("users", "created_by_id"),
    "refusals": _refusals,
}

PEER_REFUSAL: Rules = {
    **columns("kind", "name", "message"),
    "globalId": lambda _ask, row: str(row.global_id),
    **moments("created"),
}
