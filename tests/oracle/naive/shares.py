"""Shares, the ledger's rows, continuous shares and how far they are behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.oracle.naive.pages import connection
from tests.oracle.naive.rights import Asker
from tests.oracle.naive.rules import Rules, columns, moments, public_id, row_of
from tests.oracle.naive.sky import Row

FARTHEST = 100_000
"""How far behind its place the log is looked through."""


def _counted(state: str) -> Callable[[Asker, Row], int]:
    """Items of the row's job in a state; a number of them, whoever may see which."""
    return lambda ask, row: sum(
        each.job_id == row.job_id and each.state == state for each in ask.sky.tables["share_ledger"]
    )


def _items(ask: Asker, share: Row) -> list[Row]:
    return [item for item in ask.rows("share_ledger") if item.job_id == share.job_id]


def _datum(ask: Asker, item: Row) -> Row | None:
    if item.subject_kind != "reduced_datum":
        return None
    (found,) = [
        each
        for each in ask.rows("reduced_data")
        if (each.target_id, each.id) == (item.target_id, item.subject_id)
    ] or [None]
    return found


def _behind(ask: Asker, share: Row) -> int:
    listed = ask.sky.linked("target_list_members", "target_list_id", share.target_list_id, "target_id")
    return sum(
        share.place < event.id <= share.place + FARTHEST
        and event.topic in ("targets", "reduced_data")
        and event.target_id in {share.target_id, *listed}
        for event in ask.sky.tables["events"]
    )


SHARE: Rules = {
    "id": public_id,
    **columns("destination", "message", "items", "unchanged"),
    **{state.lower(): _counted(state) for state in ("QUEUED", "SENT", "FAILED", "REFUSED")},
    **moments("created"),
    "createdBy": row_of("users", "created_by_id"),
    "job": row_of("jobs", "job_id"),
    "ledger": connection("share_ledger", _items, "ShareItemWhere"),
}

SHARE_ITEM: Rules = {
    "id": public_id,
    **columns("destination", "state", "attempts", "answer", "remoteId"),
    "kind": lambda _ask, item: item.subject_kind.upper(),
    "globalId": lambda _ask, item: str(item.subject_global_id),
    **moments("created", "sent"),
    "due": lambda ask, item: moments("due")["due"](ask, item) if item.state == "QUEUED" else None,
    "target": row_of("targets", "target_id"),
    "dataProduct": lambda ask, item: (
        ask.one("data_products", item.subject_id) if item.subject_kind == "data_product" else None
    ),
    "reducedDatum": _datum,
}

CONTINUOUS_SHARE: Rules = {
    "id": public_id,
    **columns("destination", "options", "paused", "message"),
    "queued": _counted("QUEUED"),
    "failed": _counted("FAILED"),
    **moments("created", "modified"),
    "lag": lambda _ask, share: share,
    "target": row_of("targets", "target_id"),
    "targetList": row_of("target_lists", "target_list_id"),
    "createdBy": row_of("users", "created_by_id"),
    "job": row_of("jobs", "job_id"),
}

SHARE_LAG: dict[str, Any] = {"events": _behind}
