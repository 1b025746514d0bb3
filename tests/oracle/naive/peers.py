"""Servers that are followed, and what was not taken of them."""

from __future__ import annotations

from tests.oracle.naive.rights import Asker
from tests.oracle.naive.rules import Rules, columns, moments, newest_first, public_id, row_of
from tests.oracle.naive.sky import Row


def _refusals(ask: Asker, subscription: Row) -> list[Row]:
    return newest_first([row for row in ask.sky.tables["peer_refusals"] if row.peer_subscription_id == subscription.id])


def _instance(_ask: Asker, subscription: Row) -> str | None:
    return None if subscription.instance_id is None else str(subscription.instance_id)


PEER_SUBSCRIPTION: Rules = {
    "id": public_id,
    **columns("name", "address", "where", "enabled", "message", "cursor", "state", "access"),
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
