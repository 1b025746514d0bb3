"""Pages of a list: sizes, orders and keyset cursors.

A cursor holds the order it was made for, a digest of its list (`tomgql.reading.seals`) and the row's sort keys, with a
keyed checksum: one that was changed, or that belongs to another list or order, is refused. Null sort keys have a
place (last ascending, first descending, as PostgreSQL sorts them), so a page can begin behind them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from tomgql.errors import InvalidCoordinates, InvalidCursor, InvalidInput, QueryTooCostly
from tomgql.reading.catalog.model import OrderKey, Resource
from tomgql.reading.seals import FOREIGN, Seal, checked
from tomgql.store.sql import Bind, conjunction

CHECKSUM_DIGITS = 12
"""Hexadecimal digits of a cursor's checksum: enough to refuse every accident and casual change."""


LONGEST_ORDER = 10
"""Most keys of one order."""


@dataclass(frozen=True)
class Sort:
    """One key of an order: its name, its direction, and the point that a distance is measured from."""

    name: str
    descending: bool
    origin: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        place = ",".join(f"{value!r}" for value in self.origin.values())
        return f"{self.name}{f'@{place}' if place else ''}{'-' if self.descending else '+'}"


@dataclass(frozen=True)
class Page:
    """What part of a list is asked for, in which order. ``size`` rows are wanted; ``backward`` from the end."""

    size: int
    order: tuple[Sort, ...]
    after: str | None = None
    before: str | None = None
    backward: bool = False


def page_of(resource: Resource, arguments: Mapping[str, Any]) -> Page:
    """The page that a field's arguments ask for.

    Raises InvalidInput for sizes below zero or ``first`` together with ``last``, QueryTooCostly above the cap.
    """
    first, last = arguments.get("first"), arguments.get("last")
    if first is not None and last is not None:
        raise InvalidInput("Give either `first` or `last`, not both.", path=["last"])
    name, asked = ("last", last) if last is not None else ("first", first)
    size = min(resource.default_page, resource.largest_page) if asked is None else asked
    if size < 0:
        raise InvalidInput(f"`{name}` must be 0 or more, not {size}.", path=[name])
    if size > resource.largest_page:
        raise QueryTooCostly(f"`{name}` may be at most {resource.largest_page} here, not {size}.", path=[name])
    return Page(size, _order(resource, arguments), arguments.get("after"), arguments.get("before"), last is not None)


def _order(resource: Resource, arguments: Mapping[str, Any]) -> tuple[Sort, ...]:
    asked: dict[str, Sort] = {}
    if len(arguments.get("orderBy") or ()) > LONGEST_ORDER:
        raise QueryTooCostly(f"An order may have {LONGEST_ORDER} keys.", path=["orderBy"])
    for each in arguments.get("orderBy") or ():
        asked.setdefault(each["field"], Sort(each["field"], each["direction"] == "DESC", _origin(each)))
    order = list(asked.values()) or [Sort(*each) for each in resource.default_order]
    if not any(each.name == "ID" for each in order):
        order.append(Sort("ID", order[-1].descending))
    return tuple(order)


def _origin(order: Mapping[str, Any]) -> dict[str, float]:
    """The point of an order by distance; raises InvalidInput when it is missing, or given to another order."""
    point = order.get("from")
    if (point is not None) != (order["field"] == "SEPARATION"):
        raise InvalidInput("An order by SEPARATION, and no other, needs the point `from`.", path=["orderBy", "from"])
    if point is None:
        return {}
    if not (0 <= point["raDeg"] <= 360 and -90 <= point["decDeg"] <= 90):
        raise InvalidCoordinates("`from` needs raDeg from 0 to 360 and decDeg from -90 to 90.", path=["orderBy"])
    return {name: float(point[name]) for name in ("raDeg", "decDeg")}


class Keyset:
    """The sort keys of one page over one alias, as SQL."""

    def __init__(self, resource: Resource, row: str, page: Page, bind: Bind, seal: Seal) -> None:
        self.page = page
        self.keys: list[tuple[OrderKey, str, bool]] = [
            (key, key.sql(row, each.origin, bind) if callable(key.sql) else key.sql.format(row=row), each.descending)
            for each in page.order
            for key in (resource.orders[each.name],)
        ]
        self.signature = f"{resource.name}:" + ",".join(str(each) for each in page.order)
        self._bind = bind
        self._seal = seal

    def order_by(self) -> str:
        """The ORDER BY list in the direction of reading (reversed for a page from the end)."""
        return ", ".join(
            f"{sql} {'desc' if descending != self.page.backward else 'asc'}" for _, sql, descending in self.keys
        )

    def display_order(self) -> str:
        """The ORDER BY list in the list's own direction."""
        return ", ".join(f"{sql} {'desc' if descending else 'asc'}" for _, sql, descending in self.keys)

    def cursor(self) -> str:
        """SQL for the cursor of a row."""
        parts = ", ".join(key.to_json.format(sql) for key, sql, _ in self.keys)
        position = f"json_build_array({self._bind(self.signature, 'text')}, {self._seal.sql}, {parts})::text"
        return f"tomgql_cursor({self._bind(self._seal.key, 'text')}, {position})"

    def checked(self, query: str) -> str:
        """SQL of the list's JSON that refuses cursors of the same list below another row."""
        given = (("after", self.page.after), ("before", self.page.before))
        asked = [(self._position(cursor, name)[1], name) for name, cursor in given if cursor is not None]
        return query if self._seal.digest is not None else checked(query, asked, self._seal.sql, self._bind)

    def bounds(self) -> list[str]:
        """Conditions that rows lie behind ``after`` and before ``before``."""
        bounds = []
        if self.page.after is not None:
            bounds.append(self._beyond(self._read(self.page.after, "after"), forward=True))
        if self.page.before is not None:
            bounds.append(self._beyond(self._read(self.page.before, "before"), forward=False))
        return bounds

    def passed(self) -> str:
        """Condition of the rows that the page begins behind: those up to the cursor in the direction of reading."""
        cursor, argument = (self.page.before, "before") if self.page.backward else (self.page.after, "after")
        if cursor is None:
            return "false"
        return self._beyond(self._read(cursor, argument), forward=self.page.backward, inclusive=True)

    def _read(self, cursor: str, argument: str) -> list[Any]:
        return self._position(cursor, argument)[2:]

    def _position(self, cursor: str, argument: str) -> list[Any]:
        """Order, list and sort keys of a cursor; raises InvalidCursor."""
        position = decode_cursor(self._seal.key, cursor, argument)
        if position[0] != self.signature or len(position) != len(self.keys) + 2:
            raise InvalidCursor(FOREIGN, path=[argument])
        if self._seal.digest not in (None, position[1]):
            raise InvalidCursor(FOREIGN, path=[argument])
        return position

    def _beyond(self, values: Sequence[Any], *, forward: bool, inclusive: bool = False) -> str:
        directions = {descending for _, _, descending in self.keys}
        if len(directions) == 1 and not any(key.nullable for key, _, _ in self.keys):
            rows = ", ".join(sql for _, sql, _ in self.keys)
            bound = ", ".join(self._value(key, value) for (key, _, _), value in zip(self.keys, values, strict=True))
            comparison = ("<" if directions.pop() == forward else ">") + ("=" if inclusive else "")
            return f"({rows}) {comparison} ({bound})"
        return self._expanded(values, forward=forward, inclusive=inclusive)

    def _expanded(self, values: Sequence[Any], *, forward: bool, inclusive: bool) -> str:
        """Lexicographic comparison spelled out: right for mixed directions and for nulls."""
        alternatives: list[str] = []
        equal: list[str] = []
        for (key, sql, descending), value in zip(self.keys, values, strict=True):
            alternatives.append(conjunction([*equal, self._strictly(key, sql, value, descending == forward)]))
            equal.append(f"{sql} is null" if value is None else f"{sql} = {self._value(key, value)}")
        if inclusive:
            alternatives.append(conjunction(equal))
        return "(" + " or ".join(f"({each})" for each in alternatives) + ")"

    def _strictly(self, key: OrderKey, sql: str, value: Any, smaller: bool) -> str:
        # PostgreSQL sorts nulls as larger than every value.
        if value is None:
            return f"{sql} is not null" if smaller else "false"
        comparison = f"{sql} {'<' if smaller else '>'} {self._value(key, value)}"
        return f"({comparison} or {sql} is null)" if key.nullable and not smaller else comparison

    def _value(self, key: OrderKey, value: Any) -> str:
        return key.from_json.format(self._bind(value, key.json_type or key.sql_type))


def decode_cursor(cursor_key: str, cursor: str, argument: str) -> list[Any]:
    """The position that a cursor holds; raises InvalidCursor for what this server did not make."""
    refused = InvalidCursor(
        "This is not a cursor of this server; use `endCursor` or `cursor` as given.", path=[argument]
    )
    try:
        position = bytes.fromhex(cursor[CHECKSUM_DIGITS:])
        expected = hashlib.sha256(cursor_key.encode() + position).hexdigest()[:CHECKSUM_DIGITS]
        if cursor[:CHECKSUM_DIGITS] != expected:
            raise refused
        decoded = orjson.loads(position)
    except ValueError:
        raise refused from None
    if not isinstance(decoded, list) or not decoded:
        raise refused
    return decoded
