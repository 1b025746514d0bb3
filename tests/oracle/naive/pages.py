"""Lists: sorted whole in Python, then cut.

Null is larger than every value. Rows with equal keys stand by their own key, in the direction of the last sort key.
A page lies behind ``after`` and before ``before``, whose places are those of the rows that the cursors were given for.
The oracle's cursors are those of whole lists at the root: lists that hang on something or are filtered refuse them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any

from tests.oracle.naive import measures
from tests.oracle.naive.filters import holds
from tests.oracle.naive.leaves import Place, place_of
from tests.oracle.naive.rights import Asker
from tests.oracle.naive.rules import Rule, Rules, known
from tests.oracle.naive.sky import Row
from tomgql.errors import InvalidCursor

DEFAULT_PAGE = 100
"""Items of a page whose size is not given."""

Point = dict[str, float]

Order = list[tuple[str, str, Point | None]]
"""Order field, direction ASC or DESC, and the point from which it measures, if it does."""


def _separation(row: Row, point: Point) -> float | None:
    if row.ra_deg is None or row.dec_deg is None:
        return None
    return measures.separation(row.ra_deg, row.dec_deg, point["raDeg"], point["decDeg"])


SORT_KEYS: dict[str, dict[str, Callable[..., Any]]] = {
    "targets": {
        "NAME": lambda row: row.name,
        "CREATED": lambda row: row.created,
        "MODIFIED": lambda row: row.modified,
        "RA": lambda row: row.ra_deg,
        "DEC": lambda row: row.dec_deg,
        "SEPARATION": _separation,
    },
    "data_products": {
        "CREATED": lambda row: row.created,
        "MODIFIED": lambda row: row.modified,
        "FILE_NAME": lambda row: row.file_name,
    },
    "reduced_data": {"TIMESTAMP": lambda row: row.mjd, "CREATED": lambda row: row.created},
    "observations": {"CREATED": lambda row: row.created},
    "jobs": {"CREATED": lambda row: row.created},
    "harvest_rules": {"CREATED": lambda row: row.created},
    **{
        table: {"CREATED": lambda row: row.created}
        for table in ("peer_subscriptions", "shares", "share_ledger", "continuous_shares")
    },
}
"""Table -> order field -> what to sort by, given the row, and the point if the order has one.

Text is sorted by code point, as Python does.
"""

ORDER_FIELDS = {
    "TargetOrderField": "targets",
    "DataProductOrderField": "data_products",
    "ReducedDatumOrderField": "reduced_data",
}
"""Enumeration of order fields -> table."""

DEFAULT_ORDERS: dict[str, Order] = {
    "targets": [("CREATED", "ASC", None)],
    "data_products": [("CREATED", "DESC", None)],
    "reduced_data": [("TIMESTAMP", "ASC", None)],
    "observations": [("CREATED", "DESC", None)],
    "jobs": [("CREATED", "DESC", None)],
    "harvest_rules": [("CREATED", "DESC", None)],
    **{table: [("CREATED", "DESC", None)] for table in ("peer_subscriptions", "shares", "continuous_shares")},
}
"""Orders of lists that ask for none; the others stand as they were entered."""


@dataclass
class Page:
    """A whole list in order, and the part of it that was asked for."""

    whole: list[Row]
    wanted: list[Row]
    more_before: bool
    more_behind: bool


def _compare(table: str, order: Order) -> Callable[[Row, Row], int]:
    keys: list[tuple[Callable[[Row], Any], str]] = [(_key(table, name, point), way) for name, way, point in order]
    keys.append((lambda row: row.id, order[-1][1] if order else "ASC"))

    def compare(one: Row, other: Row) -> int:
        for key, way in keys:
            found = _compare_values(key(one), key(other))
            if found:
                return found if way == "ASC" else -found
        return 0

    return compare


def _key(table: str, name: str, point: Point | None) -> Callable[[Row], Any]:
    key = known(SORT_KEYS[table], name, f"order of {table}")
    return key if point is None else lambda row: key(row, point)


def _compare_values(one: Any, other: Any) -> int:
    if one is None or other is None:
        return (one is None) - (other is None)
    return (one > other) - (one < other)


def _order(table: str, asked: list[dict[str, Any]] | None) -> Order:
    order: dict[str, tuple[str, str, Point | None]] = {}
    for each in asked or ():
        order.setdefault(each["field"], (each["field"], each["direction"], each.get("from")))
    return list(order.values()) or DEFAULT_ORDERS.get(table, [])


def page_of(ask: Asker, table: str, rows: list[Row], order_by: Any, sizes: Any, after: Any, before: Any) -> Page:
    """The page of a list; ``sizes`` are `first` and `last`."""
    compare = _compare(table, _order(table, order_by))
    whole = sorted(rows, key=cmp_to_key(compare))
    behind = [row for row in whole if after is not None and compare(row, _row(ask, table, after)) <= 0]
    beyond = [row for row in whole if before is not None and compare(row, _row(ask, table, before)) >= 0]
    inside = [row for row in whole if row not in behind and row not in beyond]
    first, last = sizes
    if last is not None:
        cut = max(len(inside) - last, 0)
        return Page(whole, inside[cut:], cut > 0, bool(beyond))
    size = DEFAULT_PAGE if first is None else first
    return Page(whole, inside[:size], bool(behind), len(inside) > size)


def _row(ask: Asker, table: str, cursor: str) -> Row:
    return ask.sky.by_key[table, place_of(cursor)]


def connection(table: str, find: Callable[[Asker, Any], list[Row]], where_type: str = "") -> Rule:
    """A connection over the rows that ``find`` finds; lists of reduced data show what is in use when not told."""

    def rule(
        ask: Asker,
        parent: Any,
        where: Any = None,
        order_by: Any = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Page:
        if (after is not None or before is not None) and (parent is not None or where):
            raise InvalidCursor("This cursor belongs to another list, filter or order; use one of this list.")
        given = {"disabled": False} if where is None and table == "reduced_data" else where
        rows = [row for row in find(ask, parent) if not given or holds(ask, where_type, row, given)]
        return page_of(ask, table, rows, order_by, (first, last), after, before)

    return rule


def everything(table: str, where_type: str = "") -> Rule:
    """A connection over everything of a table that may be seen."""
    return connection(table, lambda ask, _parent: ask.rows(table), where_type)


def _place(row: Row) -> Place:
    return Place(row.id)


CONNECTION: Rules = {
    "nodes": lambda _ask, page: page.wanted,
    "edges": lambda _ask, page: page.wanted,
    "pageInfo": lambda _ask, page: page,
    "totalCount": lambda _ask, page: len(page.whole),
}
EDGE: Rules = {"node": lambda _ask, row: row, "cursor": lambda _ask, row: _place(row)}
PAGE_INFO: Rules = {
    "hasNextPage": lambda _ask, page: page.more_behind,
    "hasPreviousPage": lambda _ask, page: page.more_before,
    "startCursor": lambda _ask, page: _place(page.wanted[0]) if page.wanted else None,
    "endCursor": lambda _ask, page: _place(page.wanted[-1]) if page.wanted else None,
}
