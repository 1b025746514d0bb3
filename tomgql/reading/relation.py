"""What a resolver returns: a relation that the selection set below it still narrows.

Whether it is answered as one object, a list, a connection or columns follows from the field's type.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tomgql.access.principal import Principal
from tomgql.access.tombstones import GONE
from tomgql.reading.catalog.model import Resource
from tomgql.store.sql import Bind


@dataclass(frozen=True)
class Pin:
    """A fixed condition: SQL with ``{row}`` for the row's alias and ``{0}``, ``{1}``... for typed values."""

    sql: str
    values: tuple[tuple[Any, str], ...] = ()


@dataclass(frozen=True)
class Relation:
    """Rows of one resource, not yet read.

    ``pins`` narrow it on top of the field's own arguments; ``where`` is a filter in the form of the GraphQL input,
    for callers that have no field arguments, such as subscriptions. ``gone`` is the event whose tombstone holds the
    one row, as it was before it was deleted.
    """

    resource: str
    pins: tuple[Pin, ...] = ()
    where: dict[str, Any] = field(default_factory=dict)
    gone: int | None = None


def source(resource: Resource, gone: int | None, actor: Principal, bind: Bind) -> str:
    """What to select a relation's rows from: its table, or the row of a tombstone as if it stood there."""
    table = resource.source(actor, bind)
    if gone is None:
        return table
    event = bind(gone, "bigint")
    return f"jsonb_populate_record(null::{table}, (select e.tombstone -> 'row' from events e where e.id = {event}))"


def visible(resource: Resource, gone: int | None, actor: Principal, row: str, bind: Bind) -> str:
    """Whether the actor may see a relation's row, or saw it before it was deleted."""
    if gone is None:
        return resource.visible(actor, row, bind)
    seen = GONE[resource.name](actor, "e", bind)
    event = f"select from events e where e.id = {bind(gone, 'bigint')} and {seen}"
    return f"{row}.id is not null and exists ({event})"


def one(resource: str, key: tuple[int, ...]) -> Relation:
    """The row with this key."""
    if resource == "reduced_data":
        pin = Pin("{row}.target_id = {0} and {row}.id = {1}", ((key[0], "bigint"), (key[1], "bigint")))
    else:
        pin = Pin("{row}.id = {0}", ((key[0], "bigint"),))
    return Relation(resource, (pin,))


def several(resource: str, keys: Sequence[int]) -> Relation:
    """The rows with these keys."""
    return Relation(resource, (Pin("{row}.id = any({0})", ((list(keys), "bigint[]"),)),))
