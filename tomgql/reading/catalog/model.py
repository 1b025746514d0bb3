"""The vocabulary of the catalogue: resource, field, link, embedded object, order key."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tomgql.access.principal import Principal
from tomgql.store.sql import Bind

Predicate = Callable[[Principal, str, Bind], str]
"""Given actor, alias and bind, SQL that says whether the actor may see the row."""

_PARENT = re.compile(r"\bparent\.(\w+)")
"""A column of the row that a link starts from."""


@dataclass(frozen=True)
class RowContext:
    """What a field's expression may use: the row's alias, the field's arguments, ``bind`` for values, who reads."""

    row: str
    arguments: Mapping[str, Any]
    bind: Bind
    actor: Principal


@dataclass(frozen=True)
class Field:
    """A leaf: SQL with ``{row}`` for the alias, or a function of the row's context.

    ``fetched`` says that the slow path cannot compute the field from the table's own columns and must select the
    expression (aliases of a target, say, which stand in another table).
    """

    sql: str | Callable[[RowContext], str]
    fetched: bool = False

    def expression(self, context: RowContext) -> str:
        """The field's SQL for one row."""
        return self.sql(context) if callable(self.sql) else self.sql.format(row=context.row)


@dataclass(frozen=True)
class Link:
    """An edge to another resource: ``on`` joins ``{child}`` to ``{row}``.

    ``shown`` may replace the child's own predicate by a cheaper one where the parent's visibility already implies a
    part of it; None keeps the child's own.
    """

    resource: str
    on: str
    shown: Predicate | None = None
    source: str | None = None

    def parent_columns(self) -> list[str]:
        """Columns of the row that the link starts from, each once."""
        return list(dict.fromkeys(_PARENT.findall(self._joined())))

    def pinned(self) -> str:
        """``on`` as a pin: ``{row}`` for the child's alias, ``{0}``, ``{1}``... for the columns of the parent."""
        names = self.parent_columns()
        return _PARENT.sub(lambda found: f"{{{names.index(found[1])}}}", self._joined())

    def _joined(self) -> str:
        return self.on.format(child="{row}", row="parent")


@dataclass(frozen=True)
class Embedded:
    """An object made of the same row's columns; null where ``present`` is false."""

    fields: Mapping[str, Field]
    present: str = "true"


@dataclass(frozen=True)
class OrderKey:
    """What a list can be sorted by: an SQL expression, its type, and whether it can be null.

    ``to_json`` turns the expression into what a cursor holds and ``from_json`` a bound cursor value back. A function
    makes the expression from the row's alias, the point of the order's argument ``from``, and bind.
    """

    sql: str | Callable[[str, Mapping[str, float], Bind], str]
    sql_type: str
    nullable: bool = False
    to_json: str = "{0}"
    from_json: str = "{0}"
    json_type: str = ""


@dataclass(frozen=True)
class Resource:
    """Rows of one kind: table, GraphQL type, who may see them, and what every field means.

    ``table`` may be a function that gives a derived table of what an actor may see. ``key`` are the columns that tell
    its rows apart, ``id_columns`` those that make a public id, of the resource ``id_of``.

    ``concrete`` maps the object types of an interface to the SQL condition that makes a row one of them, the last
    being the catch-all; their own fields stand in ``concrete_fields``. ``default_where`` is the filter of a list
    that is given none.
    """

    name: str
    table: str | Callable[[Principal, Bind], str]
    type_name: str
    visible: Predicate
    fields: Mapping[str, Field]
    links: Mapping[str, Link] = field(default_factory=dict)
    embedded: Mapping[str, Embedded] = field(default_factory=dict)
    orders: Mapping[str, OrderKey] = field(default_factory=dict)
    default_order: tuple[tuple[str, bool], ...] = (("ID", False),)
    where_type: str = ""
    default_where: Mapping[str, Any] = field(default_factory=dict)
    default_page: int = 100
    largest_page: int = 1_000
    concrete: Mapping[str, str] = field(default_factory=dict)
    concrete_fields: Mapping[str, Mapping[str, Field]] = field(default_factory=dict)
    key: tuple[str, ...] = ("id",)
    id_columns: tuple[str, ...] = ("id",)
    id_of: str = ""

    def source(self, actor: Principal, bind: Bind) -> str:
        """The table, or the derived table of what the actor may see."""
        return self.table(actor, bind) if callable(self.table) else self.table


TIME_FORMAT = '\'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"\''
"""How times are written: ISO 8601, UTC, whole milliseconds. Connections run in UTC."""


def column(name: str) -> Field:
    """A field that is a column as it stands."""
    return Field("{row}." + name)


def time(name: str) -> Field:
    """A timestamptz column as ISO 8601 UTC text."""
    return Field("to_char({row}." + name + f", {TIME_FORMAT})")


ID_ORDER = OrderKey("{row}.id", "bigint")
"""The last key of every order: makes it total."""


def time_order(name: str) -> OrderKey:
    """Order by a timestamptz column; cursors hold whole microseconds, which is its resolution."""
    return OrderKey(
        "{row}." + name,
        "timestamptz",
        to_json="(extract(epoch from {0}) * 1000000)::bigint",
        from_json="'epoch'::timestamptz + {0} * interval '1 microsecond'",
        json_type="bigint",
    )
