"""What a resolver returns: a relation that the selection set below it still narrows.

Whether it is answered as one object, a list, a connection or columns follows from the field's type.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Pin:
    """A fixed condition: SQL with ``{row}`` for the row's alias and ``{0}``, ``{1}``... for typed values."""

    sql: str
    values: tuple[tuple[Any, str], ...] = ()


@dataclass(frozen=True)
class Relation:
    """Rows of one resource, not yet read.

    ``pins`` narrow it on top of the field's own arguments; ``where`` is a filter in the form of the GraphQL input,
    for callers that have no field arguments, such as subscriptions.
    """

    resource: str
    pins: tuple[Pin, ...] = ()
    where: dict[str, Any] = field(default_factory=dict)


def one(resource: str, key: tuple[int, ...]) -> Relation:
    """The row with this key."""
    if resource == "reduced_data":
        pin = Pin("{row}.target_id = {0} and {row}.id = {1}", ((key[0], "bigint"), (key[1], "bigint")))
    else:
        pin = Pin("{row}.id = {0}", ((key[0], "bigint"),))
    return Relation(resource, (pin,))
